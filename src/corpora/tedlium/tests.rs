//! Segments as the reference counts and cuts them, and the fixture with the form of the release.

use super::stm::{Segment, parse};
use super::*;
use crate::corpora::prepare::quiet::{quietly, text};
use crate::corpora::{Corpus, MetaFormat};
use crate::text::CtcTokenizer;

fn fixture() -> Tedlium {
    Tedlium { source: crate::checkout().join("tests/fixtures/tedlium") }
}

#[test]
fn segments_keep_their_line_numbers_and_are_cut_off_to_samples() {
    let stm = b";; Talk\n\
        Talk 1 Talk 0.00 1.00 <o,,unknown> Ignore_Time_Segment_In_Scoring\r\n\
        Talk 1 Talk 16.03 25.1200625 <NA> i 'm  here\ttoday\n\
        \n\
        Talk 1 Talk 0.1 0.3 <o,f0,male> so";
    let (segments, problems) = parse(stm, "Talk", 16_000);
    assert_eq!(problems, []);
    // 25.1200625 s is sample 401920.99999999994 or 401921, as f64 has it: the reference multiplies and cuts off.
    let end = (25.1200625f64 * 16_000.0) as u64;
    assert_eq!(
        segments,
        [
            Segment { index: 2, start: 256_480, end, text: "i 'm  here\ttoday" },
            Segment { index: 4, start: 1_600, end: 4_800, text: "so" },
        ]
    );
}

#[test]
fn lines_that_cannot_be_used_are_named() {
    let stm = b"Other 1 Talk 0 1 <NA> a\n\
        Talk 2 Talk 0 1 <NA> a\n\
        Talk 1 Talk 0 1 <NA>\n\
        Talk 1 Talk zero 1 <NA> a\n\
        Talk 1 Talk 0 inf <NA> a\n\
        Talk 1 Talk -1 1 <NA> a\n\
        Talk 1 Talk 2 2 <NA> a\n\
        Talk 1\n\
        Talk 1 Talk 0 1 <NA> \xff\n";
    let (segments, problems) = parse(stm, "Talk", 16_000);
    assert_eq!(segments, []);
    let said: Vec<(u64, &str)> = problems.iter().map(|(line, why)| (*line, why.as_str())).collect();
    assert_eq!(
        said,
        [
            (1, "it is about `Other`, not `Talk`"),
            (2, "its channel is `2`, not `1`"),
            (3, "it has no words"),
            (4, "`zero` is no time in seconds"),
            (5, "`inf` is no time in seconds"),
            (6, "`-1` is no time in seconds"),
            (7, "it lasts from sample 32000 to 32000"),
            (8, "it has no words"),
            (9, "it is not UTF-8"),
        ]
    );
}

#[test]
fn the_vocabulary_is_the_published_one() {
    let json = vocabulary();
    let bundled = crate::checkout().join("corpora/smoke/vocab.json");
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(parsed(&json), parsed(&fs::read_to_string(bundled).expect("the bundled one")));
    let tokenizer = CtcTokenizer::from_json("vocab.json".as_ref(), &json).expect("a vocabulary");
    assert_eq!(tokenizer.size(), 32);
    assert_eq!(tokenizer.encode("hello world"), [8, 5, 12, 12, 15, 28, 23, 15, 18, 12, 4]);
    assert_eq!(tokenizer.encode("a [UNK] b'"), [1, 29, 2, 27]);
}

#[test]
fn the_release_and_its_legacy_folder_are_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let (release, legacy) = (folder.path().join("release"), folder.path().join("legacy"));
    let summary = quietly(&fixture(), &release).expect("prepared");
    quietly(&Tedlium { source: fixture().source.join("legacy") }, &legacy).expect("prepared");
    for file in ["meta.train.txt", "meta.train.raw.txt", "meta.dev.txt", "meta.test.txt", "bad_files.tsv"] {
        assert_eq!(text(&release, file), text(&legacy, file));
    }
    assert_eq!((summary.utterances(), summary.skipped, summary.cut_utterances), (12, 3, 1));
    // Recordings of 8 kHz, µ-law, and 16 bits with the greatest byte first.
    for (list, count) in [("meta.train.txt", 8), ("meta.dev.raw.txt", 2), ("meta.test.txt", 2)] {
        let corpus = Corpus::open(&release, list, MetaFormat::Nlt).expect("a corpus");
        assert_eq!(corpus.utterances().len(), count);
        for utterance in corpus.utterances() {
            let sound = corpus.load(utterance, 16_000).expect("a sound of the listed length");
            let loudest = sound.iter().fold(0f32, |loudest, x| loudest.max(x.abs()));
            assert!((0.02..1.0).contains(&loudest), "{}: {loudest}", utterance.name);
        }
    }
}

#[test]
fn a_source_without_splits_says_where_to_get_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().to_owned();
    let error =
        quietly(&Tedlium { source: source.clone() }, &folder.path().join("out")).expect_err("no talks");
    let said = error.to_string().replace(&source.display().to_string(), "SOURCE");
    assert!(
        said.starts_with("there is no TED-LIUM at `SOURCE`: cannot read `SOURCE/train/stm`: No such file"),
        "{said}"
    );
    assert!(error.help().is_some_and(|help| help.contains("https://www.openslr.org/51/")));
}
