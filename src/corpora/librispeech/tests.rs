//! Portions, lists and texts as the release has them; what its lists name and is not there.

use super::*;
use crate::corpora::Corpus;
use crate::corpora::prepare::quiet::{quietly, text};

fn fixture() -> Librispeech {
    Librispeech { source: crate::checkout().join("tests/fixtures/librispeech"), speakers: false, link: false }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => _ = std::fs::copy(entry.path(), target).expect("a copy"),
        }
    }
}

fn counts(out: &Path, list: &str) -> usize {
    let corpus = Corpus::open(out, list, MetaFormat::Nlt).expect("a corpus");
    for utterance in corpus.utterances() {
        assert!(!utterance.text.is_empty() && !utterance.text.contains(char::is_uppercase));
        corpus.load(utterance, 16_000).expect("a sound of the listed length");
    }
    corpus.utterances().len()
}

#[test]
fn a_prepared_fixture_reads_back_by_portion_and_by_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(), &out).expect("prepared");
    let splits: Vec<(&str, usize)> =
        summary.splits.iter().map(|split| (split.name.as_str(), split.utterances)).collect();
    assert_eq!(
        splits,
        [
            ("train-clean-100", 3),
            ("train-other-500", 1),
            ("dev-clean", 1),
            ("dev-other", 1),
            ("test-clean", 1)
        ]
    );
    assert_eq!((summary.skipped, summary.skipped_utterances, summary.claims.absent), (5, 5, 1));
    for (list, utterances) in [
        ("train", 4),
        ("train-clean-100", 3),
        ("train-other-500", 1),
        ("dev", 2),
        ("dev-other", 1),
        ("test", 1),
    ] {
        assert_eq!(counts(&out, &format!("meta.{list}.txt")), utterances, "{list}");
    }
    assert!(!out.join("meta.test-other.txt").exists(), "a portion that is not there has no list");
    // Speakers in the order of their numbers, and the flac as it is.
    assert!(text(&out, "meta.train.txt").starts_with("19_198_0000|5000|"));
    let copied = std::fs::read(out.join("84_121123/84_121123_0000.flac")).expect("a clip");
    let from = fixture().source.join("LibriSpeech/dev-clean/84/121123/84-121123-0000.flac");
    assert_eq!(copied, std::fs::read(from).expect("its source"));
}

#[test]
fn the_folder_of_the_portions_may_be_given_and_be_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let source = fixture().source.join("LibriSpeech");
    let summary = quietly(&Librispeech { source, speakers: false, link: true }, &out).expect("prepared");
    assert_eq!((summary.utterances(), summary.linked_files), (7, 7));
}

#[test]
fn lines_and_recordings_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("dev-clean/7/9");
    fs::create_dir_all(&dir).expect("a folder");
    for file in ["7-9-0000.flac", "7-9-0001.flac", "._7-9-0000.flac"] {
        fs::write(dir.join(file), "").expect("a file");
    }
    let lines = b"7-9-0000 SAID\n\n7-9-0002 GONE\n7-8-0000 ELSEWHERE\n7-9-0001\n7-9-x SAID\n7-9-0001 \xff\n";
    fs::write(dir.join("7-9.trans.txt"), lines).expect("a list");
    let layout = Librispeech { source: folder.path().to_owned(), speakers: false, link: false }
        .layout()
        .expect("a layout");
    let said: Vec<String> = layout
        .bad
        .iter()
        .map(|bad| format!("{}:{}: {}", bad.file, bad.line.unwrap_or(0), bad.reason))
        .collect();
    assert_eq!(
        said,
        [
            "dev-clean/7/9/7-9.trans.txt:3: there is no `7-9-0002.flac` beside it",
            "dev-clean/7/9/7-9.trans.txt:4: `7-8-0000` is no utterance of this chapter, `7-9-0000` and on",
            "dev-clean/7/9/7-9.trans.txt:5: `7-9-0001` is not an identifier and a text",
            "dev-clean/7/9/7-9.trans.txt:6: `7-9-x` is no utterance of this chapter, `7-9-0000` and on",
            "dev-clean/7/9/7-9.trans.txt:7: it is not UTF-8",
            "dev-clean/7/9/7-9-0001.flac:0: `dev-clean/7/9/7-9.trans.txt` has no line with what is said in it",
        ]
    );
    assert_eq!((layout.units.len(), layout.claims.absent), (1, 1));
    assert_eq!(layout.units[0].clips[0].text, "said");
}

#[test]
fn the_portions_of_960_hours_add_up() {
    let train = PORTIONS.iter().filter(|portion| portion.kind() == "train" && !portion.is_mini());
    assert_eq!(train.map(|portion| portion.utterances).sum::<usize>(), 281_241);
    assert!(PORTIONS.iter().all(|portion| KINDS.contains(&portion.kind())));
}

#[test]
fn what_is_missing_is_said_with_where_to_get_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    let request = Librispeech { source: source.clone(), speakers: false, link: false };
    let error = quietly(&request, &folder.path().join("out")).expect_err("a refusal");
    assert_eq!(
        error.to_string().replace(&source.display().to_string(), "SOURCE"),
        "there is no LibriSpeech at `SOURCE`: none of its portions in it, such as `train-clean-100`"
    );
    assert!(error.help().is_some_and(|help| help.contains("runner data fetch librispeech")));
}

/// Speakers of what trains are classes; of one with three recordings one is held out for each list, of one with a single recording none.
#[test]
fn speakers_are_told_apart_and_the_others_are_voices() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, out) = (folder.path().join("source"), folder.path().join("out"));
    copy(&fixture().source, &source);
    let of_103 = source.join("LibriSpeech/train-clean-100/103/1240");
    std::fs::copy(of_103.join("103-1240-0000.flac"), of_103.join("103-1240-0007.flac")).expect("a third one");
    let texts = std::fs::read_to_string(of_103.join("103-1240.trans.txt")).expect("texts");
    std::fs::write(of_103.join("103-1240.trans.txt"), format!("{texts}103-1240-0007 AGAIN\n"))
        .expect("a text");
    let summary = quietly(&Librispeech { source, speakers: true, link: false }, &out).expect("prepared");
    let splits: Vec<(&str, usize)> =
        summary.splits.iter().map(|split| (split.name.as_str(), split.utterances)).collect();
    assert_eq!(splits, [("train", 3), ("dev", 1), ("test", 1), ("unheard", 3)]);
    let speakers = |list: &str| -> BTreeSet<String> {
        let corpus = Corpus::open(&out, list, MetaFormat::NltLa).expect("a corpus");
        corpus.utterances().iter().flat_map(|utterance| utterance.labels.clone()).collect()
    };
    let heard = speakers("meta.train.txt");
    assert_eq!(heard.len(), 3);
    assert!(speakers("meta.test.txt").is_subset(&heard));
    let voices = speakers("meta.voices.txt");
    assert!(voices.len() > 1 && !voices.is_subset(&heard), "{voices:?}");
    let categories: serde_json::Value = serde_json::from_str(&text(&out, "categories.json")).expect("JSON");
    assert_eq!(categories[0].as_object().map(serde_json::Map::len), Some(3), "{categories}");
}
