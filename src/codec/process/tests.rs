use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::audio::{Pcm16, wav_bytes};
use crate::text::g2p::Language;

fn asked(slicing: Slicing) -> Asked {
    Asked { to: "out".into(), ending: "enc", slicing, min_utterances: 0, strict_languages: false }
}

fn speaker(group: &str) -> SpeakerFolder {
    SpeakerFolder { group: group.into(), name: "84".into() }
}

/// A folder of sound with these files, and transcripts.
fn given(files: &[&str], transcripts: &str) -> (TempDir, Transcripts) {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        fs::write(dir.path().join(file), b"sound").unwrap();
    }
    let path = dir.path().join("whisper.json");
    fs::write(&path, transcripts).unwrap();
    (dir, read_transcripts(&path).unwrap())
}

/// The seconds from which to which a piece goes, if it is not the whole; without a second number to the end.
type Span = Option<(f64, Option<f64>)>;

fn made(planned: &Planned) -> Vec<(String, Span)> {
    let pieces = planned.recordings.iter().flat_map(|recording| &recording.pieces);
    pieces.map(|piece| (piece.to.display().to_string(), piece.span)).collect()
}

const TWO: &str = r#"{
  "b.x.wav": {"segments": [{"start": 0.0, "end": 1.5, "text": " Hello "}, {"start": 1.5, "end": 2.0, "text": ""},
                           {"start": 2.0, "end": null, "text": "world"}], "language": "english", "text": "Hello world", "start": 0, "end": 3.5},
  "a.wav": {"segments": [], "language": "german", "text": "Guten Tag", "start": 0, "end": 1.0}
}"#;

#[test]
fn recordings_are_cut_where_there_is_one_alone_or_a_book_or_on_request() {
    let (dir, transcripts) = given(&["a.wav", "b.x.wav"], TWO);
    let plan = |group: &str, slicing| {
        plan(&speaker(group), dir.path(), Some(&transcripts), &asked(slicing), &|_| false).unwrap()
    };
    let whole = plan("LibriTTS", Slicing::Auto);
    assert_eq!(
        made(&whole),
        [("out/LibriTTS/84/a.enc".into(), None), ("out/LibriTTS/84/b.x.enc".into(), None)]
    );
    assert_eq!(whole.recordings[0].pieces[0].language, Some(Language::German));
    let cut = [
        ("out/LibriVox/84/a.enc".to_owned(), None),
        ("out/LibriVox/84/b.x_00000.enc".into(), Some((0.0, Some(1.5)))),
        ("out/LibriVox/84/b.x_00002.enc".into(), Some((2.0, None))),
    ];
    let book = plan("LibriVox", Slicing::Auto);
    assert_eq!(made(&book), cut);
    assert_eq!(book.passed.empty, 1);
    assert_eq!(book.recordings[1].pieces[0].text.as_deref(), Some("Hello"));
    assert_eq!(made(&plan("LibriVox", Slicing::Never)).len(), 2);
    assert_eq!(made(&plan("LibriTTS", Slicing::Always)).len(), 3);
    let one: Transcripts = transcripts.into_iter().filter(|(name, _)| name == "b.x.wav").collect();
    let planned =
        super::plan(&speaker("LibriTTS"), dir.path(), Some(&one), &asked(Slicing::Auto), &|_| false).unwrap();
    assert_eq!(made(&planned).len(), 2);
}

#[test]
fn what_is_there_is_passed_over_and_what_is_missing_named() {
    let (dir, transcripts) = given(&["b.x_00002.wav"], TWO);
    let plan = |asked: &Asked, done: &dyn Fn(&Path) -> bool| {
        super::plan(&speaker("x"), dir.path(), Some(&transcripts), asked, done).unwrap()
    };
    // The recording itself is gone, one of its pieces is there: pieces stand for themselves, each by its own name.
    let cut = plan(&asked(Slicing::Always), &|_| false);
    assert_eq!(made(&cut), [("out/x/84/b.x_00002.enc".into(), None)]);
    assert_eq!(cut.recordings[0].from, dir.path().join("b.x_00002.wav"));
    assert_eq!(cut.recordings[0].pieces[0].text.as_deref(), Some("world"));
    assert_eq!(cut.missing, ["a.wav", "b.x_00000.wav"]);
    let done = plan(&asked(Slicing::Always), &|path| path.ends_with("b.x_00002.enc"));
    assert_eq!((made(&done).len(), done.passed.there), (0, 1));
    let few = plan(&Asked { min_utterances: 3, ..asked(Slicing::Auto) }, &|_| false);
    assert!(few.passed.few && few.recordings.is_empty());
}

#[test]
fn two_recordings_of_one_name_and_foreign_languages_are_refused() {
    let (dir, transcripts) = given(
        &["a.wav", "a.flac", "c.wav"],
        r#"{"a.wav": {"text": "x"}, "a.flac": {"text": "y", "language": ""}, "c.wav": {"text": "z", "language": "spanish"}}"#,
    );
    let plan = |asked: &Asked| {
        super::plan(&speaker("x"), dir.path(), Some(&transcripts), asked, &|_| false).unwrap()
    };
    let planned = plan(&asked(Slicing::Auto));
    assert_eq!(made(&planned).len(), 1);
    assert_eq!(
        planned.refused,
        [
            "`a.wav` would be `out/x/84/a.enc`, as another recording is",
            "`x/84/c.wav`: no phonemes are made of `spanish`"
        ]
    );
    let strict = plan(&Asked { strict_languages: true, ..asked(Slicing::Auto) });
    assert_eq!(strict.recordings[1].pieces[0].language, None);
}

#[test]
fn noise_needs_no_transcripts() {
    let (dir, _) = given(&["b.wav", "a.b.ogg"], "{}");
    let planned = plan(&speaker("x"), dir.path(), None, &asked(Slicing::Auto), &|_| false).unwrap();
    assert_eq!(made(&planned), [("out/x/84/a.b.enc".into(), None), ("out/x/84/b.enc".into(), None)]);
    assert_eq!(planned.recordings[0].pieces[0].text, None);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("whisper.json");
    for (text, words) in [
        (r#"{"../a.wav": {"text": "x"}}"#, "`../a.wav` is no name of a file"),
        (r#"{"a.wav": {"text": 5}}"#, "expected a string"),
        ("[]", "has no transcripts: invalid type"),
    ] {
        fs::write(&path, text).unwrap();
        let error = read_transcripts(&path).unwrap_err();
        assert!(error.to_string().contains(words) && !error.is_missing(), "{error}");
    }
    assert!(read_transcripts(&dir.path().join("none.json")).unwrap_err().is_missing());
}

#[test]
fn windows_reach_over_their_segments_and_end_with_the_recording() {
    assert_eq!(window(1.0, Some(2.0), 1000, 10_000), Some(950..2500));
    assert_eq!(window(0.0, Some(0.1), 1000, 10_000), Some(0..600));
    assert_eq!(window(9.5, Some(9.9), 1000, 10_000), Some(9450..10_000));
    assert_eq!(window(2.0, None, 1000, 10_000), Some(1950..10_000));
    // Behind the recording's end, or backward.
    assert_eq!(window(10.2, Some(11.0), 1000, 10_000), None);
    assert_eq!(window(5.0, Some(4.0), 1000, 10_000), None);
    assert_eq!(window(-1e300, Some(1e300), 1000, 10_000), Some(0..10_000));
}

#[test]
fn pieces_are_the_samples_of_their_windows_however_they_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.wav");
    let samples: Vec<f32> =
        (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5).collect();
    fs::write(&path, wav_bytes(&samples, 16_000)).unwrap();
    let samples: Vec<f32> = Pcm16::of(&samples).samples().iter().map(|x| f32::from(*x) / 32_768.0).collect();
    // Over the edges of blocks, inside one another, the same twice, and to the very end.
    let windows =
        [(0, 65_000..66_000), (1, 10..199_999), (2, 65_536..65_537), (3, 10..20), (4, 150_000..200_000)];
    let mut cutter = Cutter::open(&path, &windows).unwrap();
    let mut cut = Vec::new();
    loop {
        let pieces = cutter.next_pieces(1).unwrap();
        if pieces.is_empty() {
            break;
        }
        cut.extend(pieces);
    }
    cut.sort_by_key(|(number, _)| *number);
    assert_eq!(cut.len(), windows.len());
    for ((number, piece), (want, window)) in cut.iter().zip(windows) {
        assert_eq!(*number, want);
        assert!(*piece == samples[window.start as usize..window.end as usize], "window {number}");
    }
}

#[test]
fn lists_of_several_processes_stand_side_by_side() {
    let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
    let lists = |speakers: &[&str], transcription: &[&str], audio: &[&str]| Lists {
        speakers: set(speakers),
        missing: Missing { transcription: set(transcription), audio: set(audio) },
    };
    let first = lists(&["x/1"], &["x/2"], &["x/1/a.wav"]);
    let second = lists(&["x/10"], &["y/1"], &[]);
    let both = Lists::default().with(&set(&["x/1", "x/2"]), first).with(&set(&["x/10", "y/1"]), second);
    assert_eq!(both, lists(&["x/1", "x/10"], &["x/2", "y/1"], &["x/1/a.wav"]));
    // What was missing has come: nothing of it stays, and nobody else's is touched.
    let later = both.with(&set(&["x/1", "x/2"]), lists(&["x/1", "x/2"], &[], &[]));
    assert_eq!(later, lists(&["x/1", "x/10", "x/2"], &["y/1"], &[]));
}

#[test]
fn speakers_of_sound_and_of_transcripts_are_both_seen() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["audio/b/2", "audio/a/1", "audio/.hidden/1", "heard/b/3", "heard/b/2"] {
        fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    let [audio, heard]: [PathBuf; 2] = ["audio", "heard"].map(|name| dir.path().join(name));
    let speakers = speaker_folders(&[&audio, &heard]).unwrap();
    let paths: Vec<String> = speakers.iter().map(SpeakerFolder::path).collect();
    assert_eq!(paths, ["a/1", "b/2", "b/3"]);
}
