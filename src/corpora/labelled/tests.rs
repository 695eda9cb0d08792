//! What lists and tables may hold, and which recording a path of another machine means.

use std::fs;

use super::find::key;
use super::*;
use crate::corpora::prepare::quiet::{quietly, text};
use crate::corpora::{Asked, Categories, Corpus};

fn fixture(form: &'static Form) -> Labelled {
    let source = crate::checkout().join("tests/fixtures").join(form.verb);
    Labelled::of(form, &Asked { source, ..Asked::default() })
}

#[test]
fn clips_of_another_machines_paths_are_found_and_have_all_their_classes() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(&AUDIOSET_FORM), &out).expect("prepared");
    let splits: Vec<(&str, usize)> =
        summary.splits.iter().map(|split| (split.name.as_str(), split.utterances)).collect();
    assert_eq!(splits, [("train", 7), ("test", 3)]);
    assert_eq!((summary.skipped, summary.claims.absent, summary.resampled_files), (5, 1, 1));
    assert_eq!(summary.classes, [11]);
    // Every class of a clip counts once.
    let counted: usize = summary.splits[0].labels[0].classes.iter().map(|class| class.utterances).sum();
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    let corpus = Corpus::open(&out, "meta.train.txt", MetaFormat::NltLa).expect("a corpus");
    let classes =
        |utterance: &crate::corpora::Utterance| categories.all(&utterance.labels).expect("known classes");
    assert_eq!(counted, corpus.utterances().iter().map(|utterance| classes(utterance).len()).sum::<usize>());
    let third = &corpus.utterances()[2];
    assert!(third.name.ends_with("_a2x~YZ-train"), "{}", third.name);
    assert_eq!(third.labels, ["Hiss", "Speech", "Female speech; woman speaking"]);
    assert_eq!(classes(third), [5, 8, 10]);
    // Half a second of two channels at 22,050 Hz, a wav by now; `beep` was named twice.
    let saved_anew = &corpus.utterances()[6];
    assert_eq!(classes(saved_anew), [0, 6]);
    for utterance in corpus.utterances() {
        corpus.load(utterance, 16_000).expect("a sound of the listed length");
    }
    assert_eq!(text(&out, TABLE), text(&fixture(&AUDIOSET_FORM).source, TABLE));
    let bad = text(&out, "bad_files.tsv");
    for said in [
        "bal_train_data.json\t8\tthere is no `/somewhere/else/audioset/audio/bal_train/notThere_00.flac`\t",
        "\t9\t2 recordings could be `/somewhere/else/audioset/audio/bal_train/twoOfIt_000.flac`\t",
        "\t10\t`/m/0unknown` is no class of `class_labels_indices.csv`\t",
        "\t11\tit has no `wav` and `labels` that are texts\t",
    ] {
        assert!(bad.contains(said), "{bad}");
    }
}

#[test]
fn names_that_recur_mean_the_recording_in_the_folder_of_that_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(&LABELLED_JSON_FORM), &out).expect("prepared");
    assert_eq!(summary.splits.iter().map(|split| split.utterances).collect::<Vec<_>>(), [5, 2, 2]);
    let corpus = Corpus::open(&out, "meta.train.txt", MetaFormat::NltLa).expect("a corpus");
    for utterance in corpus.utterances() {
        let (_, said) = utterance.name.split_once('_').expect("a shelf");
        let word = said.split_once('-').expect("a word").0;
        assert_eq!(utterance.labels, [word], "{}", utterance.name);
    }
    assert!(
        text(&out, "bad_files.tsv")
            .contains("there is no `/somewhere/else/speech_commands/one/4e1a_nohash_0.wav`")
    );
}

#[test]
fn lists_and_clips_may_lie_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let (there, out) = (fixture(&LABELLED_JSON_FORM).source, folder.path().join("out"));
    let mut request = fixture(&LABELLED_JSON_FORM);
    request.source = folder.path().join("empty");
    fs::create_dir(&request.source).expect("a folder");
    request.lists = [Some(there.join("dev.json")), None, None];
    let error = quietly(&request, &out).expect_err("no table").to_string();
    assert!(error.ends_with("no `class_labels_indices.csv` in it"), "{error}");
    request.classes = Some(there.join(TABLE));
    request.audio = Some(there.join("clips"));
    let summary = quietly(&request, &out).expect("prepared");
    assert_eq!(summary.splits.iter().map(|split| split.utterances).collect::<Vec<_>>(), [2]);
    // A list that was asked for is missed.
    request.lists[2] = Some(there.join("none.json"));
    let error = quietly(&request, &folder.path().join("other")).expect_err("no list").to_string();
    assert!(error.ends_with("none.json`"), "{error}");
}

#[test]
fn published_counts_are_those_of_the_published_lists() {
    let mut request = fixture(&AUDIOSET_FORM);
    let counts = |request: &Labelled| request.nearest(&[0, 2]).map(|nearest| nearest.utterances);
    assert_eq!(counts(&request), Some(vec![18_477, 17_083]));
    request.lists[0] = Some("elsewhere/bal_train_data.json".into());
    assert_eq!(counts(&request), Some(vec![18_477, 17_083]));
    request.lists[0] = Some("unbal_train_data.json".into());
    assert_eq!(counts(&request), None);
    assert_eq!(fixture(&LABELLED_JSON_FORM).nearest(&[0]), None);
}

#[test]
fn a_table_that_numbers_no_classes_is_refused() {
    for (rows, why) in [
        ("", "it has no class"),
        ("0,/m/a,A\n2,/m/b,B\n", "the last of its 2 classes has the number 2"),
        ("0,/m/a,A\n0,/m/b,B\n", "line 3: there is another class 0"),
        ("0,/m/a,A\n1,/m/a,B\n", "an identity stands for two classes"),
        ("0,/m/a\n", "line 2 is no number, identity and name"),
        ("x,/m/a,A\n", "line 2 is no number, identity and name"),
    ] {
        let table = format!("index,mid,display_name\n{rows}");
        assert_eq!(Classes::parse("t.csv", table.as_bytes()).expect_err("a refusal"), why, "{rows}");
    }
    let error = Classes::parse("t.csv", b"index,display_name\n0,A\n").expect_err("a refusal");
    assert_eq!(error, "it has no column `mid`");
}

#[test]
fn names_of_classes_hold_what_a_list_can() {
    let table = "index,mid,display_name\n1,/m/b,\"Male, man\"\n0,/m/a,Male; man\n2,/m/c,A|B\n";
    let classes = Classes::parse("t.csv", table.as_bytes()).expect("a table");
    assert_eq!(classes.names(), ["Male; man (/m/a)", "Male; man (/m/b)", "A/B"]);
    assert_eq!(
        classes.named(" /m/c,/m/a,/m/c").as_deref(),
        Ok(&["A/B".to_owned(), "Male; man (/m/a)".to_owned()][..])
    );
    assert_eq!(classes.named(""), Err("it has no label".to_owned()));
}

#[test]
fn a_list_of_another_form_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("list.json");
    fs::write(&path, "[]").expect("a file");
    let error = entries::read(&path).expect_err("a refusal");
    assert!(error.to_string().contains("it is no list of clips: "), "{error}");
    assert!(error.help().is_some_and(|help| help.contains("\"data\"")));
}

#[test]
fn a_name_is_its_file_without_the_ending() {
    for (wav, wanted) in [
        ("/a/b/x_y.flac", Some(("b", "x_y"))),
        ("x.WAV", Some(("", "x"))),
        ("b/1.5", Some(("b", "1.5"))),
        ("b/.wav", Some(("b", ".wav"))),
        ("/", None),
    ] {
        assert_eq!(key(wav), wanted, "{wav}");
    }
}
