//! Folds and classes as the tables have them; what the tables name and is not there.

use std::fs;

use super::*;
use crate::audio;
use crate::corpora::prepare::quiet::{files, quietly, text};
use crate::corpora::{Categories, Corpus, Summary};

fn fixture(form: &'static Form) -> SoundEvents {
    let source = crate::checkout().join("tests/fixtures").join(form.verb);
    SoundEvents { form, source, link: false, streams: None }
}

/// Names in a list of what was prepared.
fn names(out: &Path, list: &str) -> Vec<String> {
    let corpus = Corpus::open(out, list, MetaFormat::NltLa).expect("a corpus");
    corpus.utterances().iter().map(|utterance| utterance.name.clone()).collect()
}

/// For each fold: its three lists read back, it is held out of its own training list, and nothing else is.
fn check_folds(form: &'static Form, summary: &Summary, out: &Path) {
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    assert_eq!(summary.classes, [form.classes.len()]);
    for (class, &name) in form.classes.iter().enumerate() {
        assert_eq!(categories.name(0, class), Some(name));
    }
    for (held_out, split) in summary.splits.iter().enumerate() {
        let fold = FOLDS[held_out];
        let list = |kind: &str| format!("meta.{kind}.{fold}.txt");
        let (train, dev) = (names(out, &list("train")), names(out, &list("dev")));
        assert_eq!(dev.len(), split.utterances);
        assert_eq!(train.len() + dev.len(), summary.utterances());
        assert_eq!(text(out, &list("dev")), text(out, &list("test")));
        assert!(dev.iter().all(|name| name.starts_with(&format!("{fold}_")) && !train.contains(name)));
        let corpus = Corpus::open(out, &list("train"), MetaFormat::NltLa).expect("a corpus");
        assert_eq!(corpus.check_labels(&categories).expect("labels"), 0);
        for utterance in corpus.utterances() {
            assert_eq!((utterance.text.as_str(), utterance.samples), ("", 800), "{}", utterance.name);
            corpus.load(utterance, 16_000).expect("a sound of the listed length");
        }
    }
    assert_eq!((summary.skipped, summary.claims.absent), (4, 1));
}

#[test]
fn esc50_has_lists_for_five_folds_over_one_set_of_sounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(&esc50::FORM), &out).expect("prepared");
    assert_eq!(summary.splits.iter().map(|split| split.utterances).collect::<Vec<_>>(), [2; 5]);
    assert_eq!(summary.resampled_files, 10);
    check_folds(&esc50::FORM, &summary, &out);
    // The official numbers, not those of the alphabet.
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    assert_eq!(categories.classes(&["vacuum_cleaner".to_owned()]), Some(vec![Some(36)]));
    assert_eq!(categories.classes(&["dog".to_owned()]), Some(vec![Some(0)]));
}

#[test]
fn urban8k_has_lists_for_ten_folds_whatever_the_rate_and_the_channels() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(&urban8k::FORM), &out).expect("prepared");
    assert_eq!(summary.splits.iter().map(|split| split.utterances).collect::<Vec<_>>(), [1; 10]);
    assert_eq!(summary.resampled_files, 8);
    check_folds(&urban8k::FORM, &summary, &out);
}

#[test]
fn recordings_that_fit_can_be_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&SoundEvents { link: true, ..fixture(&urban8k::FORM) }, &out).expect("prepared");
    assert_eq!(summary.linked_files, 2, "those of one channel and 16 kHz");
}

/// A source with clips of so many samples, all of fold 1 and of the level that comes with them.
fn of_clips(source: &Path, clips: &[(&str, usize, f32)]) {
    fs::create_dir_all(source.join("audio/fold1")).expect("a folder");
    fs::create_dir_all(source.join("metadata")).expect("a folder");
    let mut table = "slice_file_name,fold,classID,class\n".to_owned();
    for (at, (class, samples, level)) in clips.iter().enumerate() {
        let number = urban8k::FORM.classes.iter().position(|known| known == class).expect("a class");
        table += &format!("{at}.wav,1,{number},{class}\n");
        let path = source.join(format!("audio/fold1/{at}.wav"));
        audio::write_wav(&path, &vec![*level; *samples], 16_000).expect("written");
    }
    fs::write(source.join(urban8k::FORM.table), table).expect("a table");
}

/// Half a minute, 29.25 s and three seconds make a minute and a stream of three seconds at most that goes on in silence: whatever the order, one clip
/// lies in both.
#[test]
fn streams_are_minutes_of_whole_seconds_of_clips() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, out) = (folder.path().join("source"), folder.path().join("out"));
    let clips = [
        ("siren", 30 * 16_000, 0.25),
        ("dog_bark", 29 * 16_000 + 4_000, 0.5),
        ("gun_shot", 3 * 16_000, 0.75),
    ];
    of_clips(&source, &clips);
    let request = SoundEvents { form: &urban8k::FORM, source, link: false, streams: Some(true) };
    let summary = quietly(&request, &out).expect("prepared");
    assert_eq!((summary.splits[0].utterances, summary.splits[0].secs), (2, 120.0));
    let corpus = Corpus::open(&out, "meta.test.fold1.txt", MetaFormat::NltLa).expect("a corpus");
    let (mut seconds, mut labels) = (Vec::new(), Vec::new());
    for utterance in corpus.utterances() {
        assert_eq!((utterance.samples, utterance.labels.len()), (960_000, 60), "{}", utterance.name);
        seconds.extend(corpus.load(utterance, 16_000).expect("a sound"));
        labels.extend(utterance.labels.clone());
    }
    // What each class has, in seconds that sound at all, and the samples of the clip among them.
    for (class, samples, level) in clips {
        let at: Vec<usize> = (0..63).filter(|&second| labels[second] == class).collect();
        assert_eq!(at.len(), samples.div_ceil(16_000), "{class}");
        assert_eq!(at.last().expect("a second") - at[0] + 1, at.len(), "{class}: one after the other");
        let here = &seconds[at[0] * 16_000..][..at.len() * 16_000];
        assert!(
            here[..samples].iter().all(|&x| x == level) && here[samples..].iter().all(|&x| x == 0.0),
            "{class}"
        );
    }
    assert!(seconds[63 * 16_000..].iter().all(|&x| x == 0.0));
    assert!(labels[63..].iter().all(|label| *label == labels[62]), "the last class goes on");
    let again = folder.path().join("again");
    quietly(&request, &again).expect("prepared");
    assert_eq!(files(&out), files(&again));
}

#[test]
fn streams_have_lists_for_ten_folds_and_leave_out_what_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary =
        quietly(&SoundEvents { streams: Some(true), ..fixture(&urban8k::FORM) }, &out).expect("prepared");
    assert_eq!(summary.splits.iter().map(|split| split.utterances).collect::<Vec<_>>(), [1; 10]);
    assert_eq!((summary.skipped, summary.claims.absent, summary.claims.nearest), (4, 1, None));
    assert!(summary.claims.caveat.is_some_and(|caveat| caveat.contains("seed 1")));
    assert_eq!(names(&out, "meta.test.fold3.txt"), ["fold3_0000"]);
    assert_eq!(names(&out, "meta.train.fold3.txt").len(), 9);
    assert!(text(&out, "bad_files.tsv").contains("audio/fold10/9001-1-0-0.wav\t\tit is truncated"));
}

#[test]
fn the_published_folds_add_up() {
    assert_eq!(esc50::FORM.fold_sizes.iter().sum::<usize>(), 2_000);
    assert_eq!(urban8k::FORM.fold_sizes.iter().sum::<usize>(), 8_732);
    assert_eq!((esc50::FORM.classes.len(), urban8k::FORM.classes.len()), (50, 10));
}

#[test]
fn lines_that_cannot_be_used_are_named() {
    let header = "filename,fold,target,category\n";
    for (line, why) in [
        ("a.mp3,1,0,dog", "`a.mp3` is not the name of a wav file"),
        ("../a.wav,1,0,dog", "`../a.wav` is not the name of a wav file"),
        ("a.wav,0,0,dog", "`0` is not a fold; 1 to 5 are"),
        ("a.wav,6,0,dog", "`6` is not a fold; 1 to 5 are"),
        ("a.wav,1,1,dog", "`dog` is not the class with the number `1` of ESC-50"),
        ("a.wav,1,50,dog", "`dog` is not the class with the number `50` of ESC-50"),
        ("a.wav,1", "`` is not the class with the number `` of ESC-50"),
    ] {
        let (rows, bad) =
            table::parse(&esc50::FORM, format!("{header}{line}\n").as_bytes()).expect("a table");
        assert_eq!((rows, bad.len()), (Vec::new(), 1), "{line}");
        assert_eq!((bad[0].line, bad[0].reason.as_str()), (Some(2), why));
    }
    let (_, bad) =
        table::parse(&esc50::FORM, &[header.as_bytes(), b"\xff.wav,1,0,dog\n"].concat()).expect("a table");
    assert_eq!((bad[0].line, bad[0].reason.as_str()), (Some(2), "it is not UTF-8"));
    let other = table::parse(&esc50::FORM, b"filename,fold,category\n");
    assert_eq!(other.expect_err("no numbers"), "it has no column `target`");
}

#[test]
fn what_is_missing_is_said_with_where_to_get_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for (form, said, get) in [
        (
            &esc50::FORM,
            "there is no ESC-50 at `SOURCE`: no `meta/esc50.csv` in it",
            "runner data fetch esc-50",
        ),
        (
            &urban8k::FORM,
            "there is no UrbanSound8K at `SOURCE`: no `metadata/UrbanSound8K.csv` in it",
            "runner data fetch urbansound8k",
        ),
    ] {
        let source = folder.path().join("source");
        let request = SoundEvents { form, source: source.clone(), link: false, streams: None };
        let error = quietly(&request, &folder.path().join("out")).expect_err("a refusal");
        assert_eq!(error.to_string().replace(&source.display().to_string(), "SOURCE"), said);
        assert!(error.help().is_some_and(|help| help.contains(get)));
    }
}
