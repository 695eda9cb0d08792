//! Lists, texts and what cannot be used.

use super::*;
use crate::corpora::Corpus;
use crate::corpora::prepare::quiet::{quietly, text};

fn fixture() -> Ljspeech {
    Ljspeech { source: crate::checkout().join("tests/fixtures/ljspeech"), link: false }
}

#[test]
fn a_prepared_fixture_reads_back_with_its_punctuation() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(), &out).expect("prepared");
    let splits: Vec<(&str, usize)> =
        summary.splits.iter().map(|split| (split.name.as_str(), split.utterances)).collect();
    assert_eq!(splits, [("train", 4), ("dev", 1), ("test", 1)]);
    assert_eq!((summary.rate_hz, summary.claims.absent), (22_050, 1));
    let all: String = PARTS.iter().map(|part| text(&out, &format!("meta.{part}.txt"))).collect();
    assert!(all.contains("|She said: \"Yes, of course!\"\n"), "{all}");
    assert!(all.contains("LJ001_0001|"), "{all}");
    let corpus = Corpus::open(&out, "meta.train.txt", MetaFormat::Nlt).expect("a corpus");
    for utterance in corpus.utterances() {
        corpus.load(utterance, RATE_HZ).expect("a sound of the listed length");
    }
}

#[test]
fn the_folder_itself_may_be_given_and_be_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture().source.join(UNPACKED);
    let summary = quietly(&Ljspeech { source, link: true }, &folder.path().join("out")).expect("prepared");
    assert_eq!((summary.utterances(), summary.linked_files), (6, 6));
}

#[test]
fn lines_that_cannot_be_used_are_named() {
    let parse = |line: &[u8]| Entry::parse(line).map(|entry| (entry.id, entry.text));
    assert_eq!(parse(b"LJ001-0001|a|\"b\" c\r"), Ok(("LJ001-0001".into(), "\"b\" c".into())));
    assert_eq!(
        parse(b"LJ1|a"),
        Err("wanted an identifier and two texts parted by `|`, found 2 fields".into())
    );
    assert_eq!(parse(b"../x|a|b"), Err("`../x` is no identifier such as `LJ001-0001`".into()));
    assert_eq!(parse(b"LJ1|a| "), Err("`LJ1` has no text".into()));
    assert_eq!(parse(b"LJ1|a|\xff"), Err("it is not UTF-8".into()));
}

#[test]
fn the_whole_has_the_usual_sizes_and_an_excerpt_its_share() {
    let ids: Vec<String> = (0..ALL).map(|at| format!("LJ{:03}-{:04}", at / 300 + 1, at % 300 + 1)).collect();
    let sizes = |count: usize| held_out(ids[..count].iter().map(String::as_str)).map(|part| part.len());
    assert_eq!(sizes(ALL), HELD_OUT);
    assert_eq!((sizes(1_310), sizes(3), sizes(2)), ([10, 50], [1, 1], [0, 0]));
}

#[test]
fn what_is_missing_is_said_with_where_to_get_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = Ljspeech { source: folder.path().join("source"), link: false };
    let error = quietly(&request, &folder.path().join("out")).expect_err("a refusal");
    assert!(error.to_string().ends_with("no `metadata.csv` in it"), "{error}");
    assert!(error.help().is_some_and(|help| help.contains("runner data fetch ljspeech")));
}
