//! Lists and tables of corpora, prepared ones and as they are published, vocabularies and class names.

use std::fs;
use std::path::{Path, PathBuf};

use runner::corpora::{Asked, Categories, Corpus, MetaFormat, RECIPES};
use runner::text::CtcTokenizer;

use super::said;
use crate::{Target, repair, root};

const ROWS: &[&str] = &[
    "|",
    "\t",
    ",",
    ";",
    ";;",
    "\n",
    "\"",
    "\"\"",
    "1",
    "inter_segment_gap",
    "<o,f0,male>",
    " 0.00 ",
    "ignore_time_segment_in_scoring",
    "-100",
];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "\\u0000",
    "\\ud800",
    "\"data\"",
    "\"wav\"",
    "\"labels\"",
    "[PAD]",
    "[UNK]",
    "|",
];

pub fn targets() -> Vec<Target> {
    let target = |name, seeds, words, run| Target {
        name,
        seeds,
        words,
        repair: repair::none,
        run,
        most_bytes: 96 << 10,
    };
    vec![
        target("meta", &["tests/parity/published/meta.txt"], ROWS, meta),
        target("categories", &[], JSON, categories),
        target("vocabulary", &[], JSON, vocabulary),
        target("member", &[], &["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "a_b_1.wav"], member),
        target("stm", &["tests/fixtures/tedlium/legacy/dev/stm/PeterBrown_2009.stm"], ROWS, stm),
        target("slurp", &["tests/fixtures/slurp/dataset/slurp/train.jsonl"], JSON, slurp),
        target("labelled", &["tests/fixtures/labelled-json/train.json"], JSON, labelled),
        target("classes", &["tests/fixtures/labelled-json/class_labels_indices.csv"], ROWS, classes),
        target("voxceleb", &["tests/fixtures/voxceleb1/iden_split.txt"], ROWS, voxceleb),
        target("esc50", &["tests/fixtures/esc50/meta/esc50.csv"], ROWS, esc50),
        target("urban8k", &["tests/fixtures/urban8k/metadata/UrbanSound8K.csv"], ROWS, urban8k),
        target(
            "transcripts",
            &["tests/fixtures/librispeech/LibriSpeech/train-clean-100/103/1240/103-1240.trans.txt"],
            ROWS,
            librispeech,
        ),
        target(
            "emotions",
            &["tests/fixtures/iemocap/Session5/dialog/EmoEvaluation/Ses05F_impro01.txt"],
            ROWS,
            iemocap,
        ),
        target("commands", &["tests/fixtures/speech-commands/testing_list.txt"], ROWS, commands),
    ]
}

fn meta(place: &Path, bytes: &[u8]) -> String {
    fs::write(place.join("meta.txt"), bytes).expect("a file");
    let read = |format| said(Corpus::open(place, "meta.txt", format));
    if let Ok(corpus) = Corpus::open(place, "meta.txt", MetaFormat::NltLa) {
        _ = corpus.facts();
        let heads = Categories::from_json(Path::new("c"), "[2, 3]").expect("two heads");
        _ = corpus.check_labels(&heads);
        _ = corpus.utterances().first().map(|first| said(corpus.load(first, 16_000)));
    }
    read(MetaFormat::Nlt) + &read(MetaFormat::NltLa)
}

fn categories(_: &Path, bytes: &[u8]) -> String {
    said(Categories::from_json(Path::new("it"), &String::from_utf8_lossy(bytes)))
}

fn vocabulary(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let made = CtcTokenizer::from_json(Path::new("it"), &text);
    if let Ok(tokenizer) = &made {
        let ids = tokenizer.encode(&text);
        assert!(ids.iter().all(|&id| (id as usize) < tokenizer.size()), "an id without a row");
        _ = (tokenizer.decode_labels(&ids), tokenizer.decode_frames(&ids));
    }
    said(made)
}

/// A clip out of a corpus' archive.
fn member(place: &Path, bytes: &[u8]) -> String {
    fs::write(place.join("a_b.zip"), bytes).expect("a file");
    fs::write(place.join("meta.txt"), "a_b_1|800|x\n").expect("a file");
    let corpus = Corpus::open(place, "meta.txt", MetaFormat::Nlt).expect("a list of one");
    said(corpus.load(&corpus.utterances()[0], 16_000))
}

/// What a corpus would come to with `bytes` for one of its files.
fn within(place: &Path, bytes: &[u8], recipe: &str, fixture: &str, file: &str) -> String {
    let source = place.join("source");
    if !source.is_dir() {
        copy(&root().join("tests/fixtures").join(fixture), &source);
    }
    fs::write(source.join(file), bytes).expect("a file of the corpus");
    let recipe = RECIPES.iter().find(|known| known.name == recipe).expect("a corpus of that name");
    let asked = Asked { source, ..Asked::default() };
    match (recipe.recipe)(&asked).layout() {
        Ok(layout) => {
            let units: usize = layout.units.iter().map(|unit| unit.clips.len()).sum();
            let why: String = layout.bad.iter().rev().take(8).map(|bad| bad.reason.as_str()).collect();
            format!("{} {why}", units.min(9))
        }
        Err(error) => error.to_string(),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a fixture").flatten() {
        let (path, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)
        } else {
            fs::copy(&path, &target).map(|_| ()).expect("a copy")
        }
    }
}

fn stm(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "tedlium", "tedlium", "legacy/dev/stm/PeterBrown_2009.stm")
}

fn slurp(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "slurp", "slurp", "dataset/slurp/train.jsonl")
}

fn labelled(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "labelled-json", "labelled-json", "train.json")
}

fn classes(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "labelled-json", "labelled-json", "class_labels_indices.csv")
}

fn voxceleb(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "voxceleb1", "voxceleb1", "iden_split.txt")
}

fn esc50(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "esc50", "esc50", "meta/esc50.csv")
}

fn urban8k(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "urban8k", "urban8k", "metadata/UrbanSound8K.csv")
}

fn librispeech(place: &Path, bytes: &[u8]) -> String {
    within(
        place,
        bytes,
        "librispeech",
        "librispeech",
        "LibriSpeech/train-clean-100/103/1240/103-1240.trans.txt",
    )
}

fn iemocap(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "iemocap", "iemocap", "Session5/dialog/EmoEvaluation/Ses05F_impro01.txt")
}

fn commands(place: &Path, bytes: &[u8]) -> String {
    within(place, bytes, "speech-commands", "speech-commands", "testing_list.txt")
}
