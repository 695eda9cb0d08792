//! `runner data transcribe`: transcripts by the tiny Whisper of tests/parity/whisper, in builds that have one.

use super::support::runner;

#[cfg(not(feature = "transcribe"))]
#[test]
fn a_build_without_it_says_how_to_get_one_that_can() {
    let said = runner(&["data", "transcribe", "--from", "voices", "--to", "metadata"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert_eq!(
        said.err,
        "error: this build of runner transcribes nothing\n\
         help: build it with `cargo build --release --features transcribe`, which takes some minutes more\n"
    );
}

#[cfg(feature = "transcribe")]
mod with_it {
    use std::fs;
    use std::path::Path;

    use serde_json::Value as Json;
    use tempfile::TempDir;

    use super::runner;
    use crate::support::Said;

    const MODEL: &str = "tests/parity/whisper";
    const RATE_HZ: u32 = 8_000;

    /// Four seconds, which are two windows of the model.
    fn sound() -> Vec<u8> {
        let sample = |at: usize| (at as f32 * 0.15).sin() * (at as f32 * 0.0009).sin() * 0.4;
        let samples: Vec<f32> = (0..4 * RATE_HZ as usize).map(sample).collect();
        runner::audio::wav_bytes(&samples, RATE_HZ)
    }

    /// Two speakers, the second with a file that is none.
    fn voices() -> TempDir {
        let folder = TempDir::new().expect("a folder");
        for (speaker, name) in [("a", "one.wav"), ("a", "two.wav"), ("b", "three.wav")] {
            let to = folder.path().join("voices/books").join(speaker);
            fs::create_dir_all(&to).expect("a folder");
            fs::write(to.join(name), sound()).expect("written");
        }
        fs::write(folder.path().join("voices/books/b/broken.flac"), b"fLaC").expect("written");
        fs::write(folder.path().join("voices/books/b/notes.txt"), b"none").expect("written");
        folder
    }

    fn transcribed(folder: &Path, more: &[&str]) -> Said {
        let path = |name: &str| folder.join(name).display().to_string();
        let (from, to) = (path("voices"), path("metadata"));
        let first = ["data", "transcribe", "--from", &from, "--to", &to, "--model-name", MODEL];
        runner(&[&first, more].concat())
    }

    fn book(folder: &Path, speaker: &str) -> Json {
        let path = folder.join("metadata/books").join(speaker).join("whisper.json");
        serde_json::from_slice(&fs::read(path).expect("transcripts")).expect("JSON")
    }

    #[test]
    fn every_speaker_has_a_file_and_a_second_call_does_what_is_left() {
        let folder = voices();
        let said = transcribed(folder.path(), &["--language", "en", "--part", "1/2"]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.err.contains("transcripts of 2 files: "), "{}", said.err);
        assert!(!folder.path().join("metadata/books/b").exists());
        let first = book(folder.path(), "a");
        let names: Vec<&String> = first.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["one.wav", "two.wav"]);
        let one = &first["one.wav"];
        assert_eq!((one["language"].as_str(), one["start"].as_f64()), (Some("english"), Some(0.0)));
        assert_eq!(one["end"].as_f64(), Some(4.0));
        assert_eq!(one, &first["two.wav"]);
        assert!(!one["segments"].as_array().expect("segments").is_empty());

        // What cannot be used is named and left out; the rest is done.
        let said = transcribed(folder.path(), &["--language", "english", "--json"]);
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(
            said.err.contains("done before: 2 files")
                && said.err.contains("broken.flac")
                && said.err.contains("left out: 1 file"),
            "{}",
            said.err
        );
        assert_eq!(said.out.lines().count(), 1, "{}", said.out);
        assert_eq!(book(folder.path(), "a"), first);
        assert_eq!(book(folder.path(), "b")["three.wav"]["text"], one["text"]);
        // The same on one thread, to the byte.
        transcribed(folder.path(), &["--language", "en", "--again", "--threads", "1"]);
        assert_eq!(book(folder.path(), "a"), first);
    }

    #[test]
    fn what_is_wrong_is_said_before_anything_is_done() {
        let folder = voices();
        let said = transcribed(folder.path(), &["--language", "klingon"]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(
            said.err.contains("the model knows no language called `klingon`")
                && said.err.contains("it knows german, english, japanese"),
            "{}",
            said.err
        );
        let said = runner(&[
            "data",
            "transcribe",
            "--from",
            &folder.path().join("voices").display().to_string(),
            "--to",
            "nowhere",
            "--model-name",
            "no/such",
        ]);
        assert_eq!(said.code, 66, "{}", said.err);
        assert!(said.err.contains("runner data fetch --model whisper-large-v3"), "{}", said.err);
        fs::create_dir_all(folder.path().join("metadata/books/a")).expect("a folder");
        fs::write(folder.path().join("metadata/books/a/whisper.json"), "[1").expect("written");
        let said = transcribed(folder.path(), &[]);
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(said.err.contains("is no file of transcripts"), "{}", said.err);
    }
}
