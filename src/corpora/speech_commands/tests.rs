//! Parts, classes and tables as the reference has them; what the lists name and is not there.

use super::*;
use crate::corpora::prepare::quiet::{files, quietly, text};
use crate::corpora::{Categories, Corpus};

fn fixture() -> SpeechCommands {
    let source = crate::checkout().join("tests/fixtures/speech-commands");
    SpeechCommands { source, digits: false, link: false }
}

/// Word folders with empty recordings, for what is decided before any sound is read.
fn tree(dir: &Path, clips: &[&str], validation: &str, testing: &str) -> SpeechCommands {
    for clip in clips {
        let path = dir.join(clip);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, b"").expect("a file");
    }
    fs::write(dir.join("validation_list.txt"), validation).expect("a list");
    fs::write(dir.join("testing_list.txt"), testing).expect("a list");
    SpeechCommands { source: dir.to_owned(), digits: false, link: false }
}

#[test]
fn a_prepared_fixture_reads_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&fixture(), &out).expect("prepared");
    let counts: Vec<usize> = summary.splits.iter().map(|split| split.utterances).collect();
    assert_eq!((counts, summary.classes.clone()), (vec![5, 3, 4], vec![4]));
    assert_eq!(summary.claims.absent, 3);
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    assert_eq!(
        (0..4).map(|class| categories.name(0, class)).collect::<Vec<_>>(),
        ["nine", "one", "yes", "zero"].map(Some)
    );
    for list in ["meta.train.txt", "meta.dev.txt", "meta.test.txt"] {
        let corpus = Corpus::open(&out, list, MetaFormat::NltLa).expect("a corpus");
        assert_eq!(corpus.check_labels(&categories).expect("labels"), 0);
        for utterance in corpus.utterances() {
            assert_eq!(utterance.labels.join(","), utterance.text);
            corpus.load(utterance, 16_000).expect("a sound of the listed length");
        }
    }
    assert!(files(&out).iter().all(|(name, _)| !name.contains("noise")), "background noise is no word");
}

#[test]
fn digits_alone_have_their_own_numbers_lists_and_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&SpeechCommands { digits: true, ..fixture() }, &out).expect("prepared");
    let counts: Vec<usize> = summary.splits.iter().map(|split| split.utterances).collect();
    assert_eq!((counts, summary.classes.clone()), (vec![4, 2, 3], vec![10]));
    // The lines of words that nobody asked for are not missed.
    assert_eq!(summary.claims.absent, 1);
    let categories = Categories::read(&out.join("categories.json")).expect("categories");
    assert_eq!((0..10).map(|class| categories.name(0, class)).collect::<Vec<_>>(), DIGITS_IN_ORDER.map(Some));
    let source = fixture().source.display().to_string();
    assert_eq!(
        text(&out, "splits/sc09-valid.csv").replace(&source, "SOURCE"),
        "path,label\nSOURCE/one/00b43dee_nohash_0.wav,one\nSOURCE/zero/00b43de7_nohash_1.wav,zero\n"
    );
    assert!(!out.join("splits/valid.csv").exists());
}

#[test]
fn recordings_can_be_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let summary = quietly(&SpeechCommands { link: true, ..fixture() }, &out).expect("prepared");
    assert_eq!(summary.linked_files, summary.utterances());
    let corpus = Corpus::open(&out, "meta.dev.txt", MetaFormat::NltLa).expect("a corpus");
    corpus.load(&corpus.utterances()[0], 16_000).expect("a sound");
}

#[test]
fn lines_and_folders_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let clips = ["Up/a.wav", "up/b.wav", "a,b/c.wav", "_background_noise_/n.wav", "stop/readme.txt"];
    let request = tree(
        folder.path(),
        &clips,
        "up/b.wav\nup/x.wav\n\nreadme\nup/y.mp3\nup/b.wav\n",
        "up/b.wav\r\nup/a/b.wav\n",
    );
    let layout = request.layout().expect("a layout");
    let mut said: Vec<String> = layout
        .bad
        .iter()
        .map(|bad| format!("{}:{}: {}", bad.file, bad.line.unwrap_or(0), bad.reason))
        .collect();
    said.sort();
    assert_eq!(
        said,
        [
            "a,b:0: its name is no word of letters and figures",
            "testing_list.txt:1: `up/b.wav` stands in `validation_list.txt:1`, too",
            "testing_list.txt:2: `up/a/b.wav` is not WORD/CLIP.wav",
            "validation_list.txt:2: there is no `up/x.wav`",
            "validation_list.txt:4: `readme` is not WORD/CLIP.wav",
            "validation_list.txt:5: `up/y.mp3` is not WORD/CLIP.wav",
        ]
    );
    assert_eq!(layout.claims.absent, 1);
    // Labels are lower-case, whatever the folder.
    let labels: Vec<(&str, usize)> =
        layout.units.iter().map(|unit| (unit.clips[0].labels[0].as_str(), unit.clips[0].part)).collect();
    assert_eq!(labels, [("up", 0), ("up", 1)]);
    assert_eq!(layout.heads[0].classes, ["up"]);
}

#[test]
fn the_version_is_guessed_from_the_number_of_clips() {
    let digit = |clips: usize| {
        let unit =
            |at: usize| Unit { sound: Sound::File(at.to_string().into()), named_by: None, clips: Vec::new() };
        (0..clips).map(unit).collect::<Vec<_>>()
    };
    let corpus = |clips: usize, class: &str| counts::nearest(&digit(clips), &[class.to_owned()]).corpus;
    assert_eq!(corpus(64_721, "up"), "Speech Commands v0.01");
    assert_eq!(corpus(105_829, "up"), "Speech Commands v0.02");
    assert_eq!(corpus(23_666, "nine"), "the digits of Speech Commands v0.01");
    let second = counts::nearest(&digit(38_908), &["zero".to_owned()]);
    assert_eq!(
        (second.corpus.as_str(), second.utterances),
        ("the digits of Speech Commands v0.02", vec![31_158, 3_643, 4_107])
    );
}

#[test]
fn what_is_missing_is_said_with_where_to_get_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    let request = SpeechCommands { source: source.clone(), ..fixture() };
    let refusal = || {
        let error = quietly(&request, &folder.path().join("out")).expect_err("a refusal");
        assert!(error.help().is_some_and(|help| help.contains("runner data fetch speech-commands-v0.02")));
        error.to_string().replace(&source.display().to_string(), "SOURCE")
    };
    assert_eq!(refusal(), "there is no Speech Commands at `SOURCE`: no `validation_list.txt` in it");
    fs::create_dir(&source).expect("a folder");
    fs::write(source.join("validation_list.txt"), "").expect("a list");
    assert_eq!(refusal(), "there is no Speech Commands at `SOURCE`: no `testing_list.txt` in it");
    tree(&source, &["_background_noise_/n.wav"], "", "");
    assert_eq!(refusal(), "there is no Speech Commands at `SOURCE`: no folder of a word with `.wav` in it");
}
