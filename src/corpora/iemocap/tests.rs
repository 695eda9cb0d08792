//! Emotions, sessions and shares as SUPERB has them; lines that cannot be used.

use std::collections::BTreeSet;

use super::*;
use crate::corpora::prepare::quiet::{quietly, text};
use crate::corpora::{Categories, Corpus};

fn fixture() -> Iemocap {
    Iemocap { source: crate::checkout().join("tests/fixtures/iemocap"), link: false }
}

#[test]
fn every_session_is_held_out_once_and_a_fifth_of_the_others_is_for_development() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(), &out).expect("prepared");
    assert_eq!((summary.classes.clone(), summary.skipped, summary.claims.absent), (vec![4], 4, 1));
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    assert_eq!((0..4).map(|class| categories.name(0, class)).collect::<Vec<_>>(), EMOTIONS.map(Some));
    for held_out in 1..=SESSIONS {
        let mut seen = BTreeSet::new();
        for kind in ["train", "dev", "test"] {
            let list = format!("meta.{kind}.session{held_out}.txt");
            let corpus = Corpus::open(&out, &list, MetaFormat::NltLa).expect("a corpus");
            assert_eq!(corpus.check_labels(&categories).expect("labels"), 0);
            for utterance in corpus.utterances() {
                let of_session = utterance.name.starts_with(&format!("Ses0{held_out}"));
                assert_eq!(of_session, kind == "test", "{}", utterance.name);
                assert!(seen.insert(utterance.name.clone()), "`{}` is in two lists", utterance.name);
                corpus.load(utterance, 16_000).expect("a sound of the listed length");
            }
        }
        assert_eq!(seen.len(), summary.utterances());
    }
    // Of six sentences in the order of their names the fifth; excitement is happiness.
    let dev = text(&out, "meta.dev.session5.txt");
    let names: Vec<&str> = dev.lines().filter_map(|line| line.split('|').next()).collect();
    assert_eq!(
        names,
        ["Ses01F_impro01_M001", "Ses02F_impro01_M001", "Ses03F_impro01_M001", "Ses04F_impro01_M001"]
    );
    assert!(text(&out, "meta.test.session1.txt").contains("Ses01F_impro01_F003|800||hap|en\n"));
}

#[test]
fn recordings_can_be_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&Iemocap { link: true, ..fixture() }, &out).expect("prepared");
    assert_eq!(summary.linked_files, summary.utterances());
}

#[test]
fn the_published_sentences_add_up() {
    assert_eq!(SENTENCES.iter().sum::<usize>(), 5_531);
}

#[test]
fn lines_that_cannot_be_used_are_named_and_other_emotions_are_left_out() {
    let (mut rated, mut bad) = (Vec::new(), Vec::new());
    let lines = b"% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n\
        [1 - 2]\tSes01F_impro01_M000\texc\t[1, 2, 3]\r\n\
        C-E1:\tNeutral;\t()\n\
        [2 - 3]\tSes01F_impro01_F000\tneu\t[1, 2, 3]\n\
        [3 - 4]\tSes01F_impro01_F001\txxx\t[1, 2, 3]\n\
        [4 - 5]\tSes01F_impro01_F002\tjoy\t[1, 2, 3]\n\
        [5 - 6]\tSes01F_impro02_F000\tsad\t[1, 2, 3]\n\
        [6 - 7]\tSes01F_impro01_../x\tsad\t[1, 2, 3]\n\
        [7 - 8] Ses01F_impro01_F003 sad\n\
        [8 - 9]\t\xff\tsad\n";
    evaluation::add("E.txt", "Ses01F_impro01", lines, &mut rated, &mut bad);
    let rated: Vec<(&str, &str, u64)> =
        rated.iter().map(|rated| (rated.name.as_str(), rated.emotion, rated.line.number)).collect();
    assert_eq!(rated, [("Ses01F_impro01_F000", "neu", 5), ("Ses01F_impro01_M000", "hap", 3)]);
    let said: Vec<(Option<u64>, &str)> = bad.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
    assert_eq!(
        said,
        [
            (Some(7), "`joy` is no emotion of IEMOCAP"),
            (Some(8), "`Ses01F_impro02_F000` is no sentence of the dialogue `Ses01F_impro01`"),
            (Some(9), "`Ses01F_impro01_../x` is no sentence of the dialogue `Ses01F_impro01`"),
            (Some(10), "it is not a time, a name and an emotion parted by tabs"),
            (Some(11), "it is not UTF-8"),
        ]
    );
}

#[test]
fn what_is_missing_is_said_with_where_to_get_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    std::fs::create_dir_all(source.join("Session1").join(evaluation::FOLDER)).expect("a folder");
    let request = Iemocap { source: source.clone(), link: false };
    let error = quietly(&request, &folder.path().join("out")).expect_err("a refusal");
    assert_eq!(
        error.to_string().replace(&source.display().to_string(), "SOURCE"),
        "there is no IEMOCAP at `SOURCE`: no `Session2/dialog/EmoEvaluation` in it"
    );
    assert!(error.help().is_some_and(|help| help.contains("sail.usc.edu")));
}
