//! Ids and labels as the reference numbers them, and folders found or named.

use std::fs;

use super::*;
use crate::corpora::prepare::quiet::{quietly, text};
use crate::corpora::{Categories, Corpus};

fn fixture() -> Slurp {
    let source = crate::checkout().join("tests/fixtures/slurp");
    Slurp { source, real: None, synthetic: None, metadata: None, link: false }
}

#[test]
fn ids_count_on_through_all_parts() {
    let layout = fixture().layout().expect("a layout");
    let ids: Vec<(&str, usize)> =
        layout.units.iter().map(|unit| (unit.clips[0].place.as_str(), unit.clips[0].part)).collect();
    assert_eq!(ids.len(), 16, "the recording that is named twice counts once");
    assert_eq!((ids[0], ids[10]), (("en/en_0000000000", 0), ("en/en_0000000010", 1)));
    assert_eq!((ids[12].1, ids[14]), (2, ("en/0000000/en_0000000014", SYNTHETIC)));
    assert_eq!(place(SYNTHETIC, "en_0000071999"), "en/0000071/en_0000071999");
    let classes: Vec<&[String]> = layout.heads.iter().map(|head| head.classes.as_slice()).collect();
    assert_eq!(classes[0], ["home", "phone"]);
    assert_eq!(classes[1], ["call", "close", "open"]);
}

#[test]
fn a_prepared_fixture_reads_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(), &out).expect("prepared");
    assert_eq!((summary.utterances(), summary.skipped, summary.classes.clone()), (14, 3, vec![2, 3]));
    assert!(summary.vocab_size < 300);
    let train = text(&out, "meta.train.txt");
    let synthetic = text(&out, "meta.train.syn.txt");
    assert_eq!(synthetic.strip_prefix(&train).expect("real ones first").lines().count(), 2);
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    for list in ["meta.train.syn.txt", "meta.dev.txt", "meta.test.txt"] {
        let corpus = Corpus::open(&out, list, MetaFormat::NltLa).expect("a corpus");
        assert_eq!(corpus.check_labels(&categories).expect("labels"), 0);
        for utterance in corpus.utterances() {
            corpus.load(utterance, 16_000).expect("a sound of the listed length");
        }
    }
    let real: serde_json::Value = serde_json::from_str(&text(&out, "en.audio_files.json")).expect("JSON");
    assert_eq!(real["audio-1490000001-headset.flac"], "en_0000000001");
    assert_eq!(real.as_object().map(|ids| ids.len()), Some(14));
    let all: serde_json::Value = serde_json::from_str(&text(&out, "en.audio_files.syn.json")).expect("JSON");
    assert_eq!(all["audio-1490000011-synth.flac"], "en_0000000015");
}

#[test]
fn folders_are_found_where_they_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let source = fixture().source;
    let elsewhere = Slurp {
        source: at("empty"),
        real: Some(source.join("audio/slurp_real")),
        synthetic: Some(source.join("audio/slurp_synth")),
        metadata: Some(source.join("dataset/slurp")),
        link: true,
    };
    fs::create_dir(at("empty")).expect("a folder");
    let summary = quietly(&elsewhere, &at("out")).expect("prepared");
    assert_eq!((summary.utterances(), summary.linked_files), (14, 14));

    for (slurp, what) in [
        (Slurp { source: at("empty"), ..fixture() }, "no metadata in"),
        (Slurp { real: Some(at("none")), ..fixture() }, "no real recordings in"),
        (Slurp { synthetic: Some(at("none")), ..fixture() }, "no synthetic recordings in"),
        (Slurp { metadata: Some(at("empty")), ..fixture() }, "no metadata in"),
    ] {
        let error = quietly(&slurp, &at("no")).expect_err("missing");
        assert!(
            matches!(error, PrepareError::SourceMissing { .. }) && error.to_string().contains(what),
            "{error}"
        );
        assert!(error.help().is_some_and(|help| help.contains("zenodo.org/record/4274930")));
    }
}

#[test]
fn lines_that_cannot_be_used_are_named() {
    let sentence = |line: &str| metadata::parse(line.as_bytes()).next().map(|(_, found)| found.map(|_| ()));
    let whole = |scenario: &str, file: &str| {
        format!(
            r#"{{"sentence": "s", "scenario": "{scenario}", "action": "b", "recordings": [{{"file": "{file}"}}]}}"#
        )
    };
    assert_eq!(sentence(" \n"), None);
    assert_eq!(sentence(&whole("a", "x.flac")), Some(Ok(())));
    for (line, why) in [
        (whole("a,b", "x.flac"), "`a,b` is no scenario that a list can hold"),
        (whole("a", "../x.flac"), "`../x.flac` is no file name"),
        (whole("a", ".."), "`..` is no file name"),
        (
            "[]".into(),
            "it is no sentence of SLURP: invalid length 0, expected struct Sentence with 4 elements at line 1 column 2",
        ),
    ] {
        assert_eq!(sentence(&line), Some(Err(why.to_owned())));
    }
}
