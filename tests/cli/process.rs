//! `runner data process`: recordings with transcripts to a data set of codes, by the small EnCodec of tests/parity/encodec.

use std::fs;

use runner::audio::{read_as_recorded, write_wav};
use runner::codec::artifact::Artifact;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Said, root, runner};

/// A twentieth of a second.
const SOUND: &str = "tests/fixtures/esc50/audio/1-100037-A-0.wav";
/// A sentence of a second and a half.
const SPOKEN: &str = "corpora/smoke/f01/f01_00001104.ogg";

/// A folder with `voices/GROUP/SPEAKER/FILE` and transcripts beside it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Place(TempDir::new().expect("a folder"))
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn sound(&self, path: &str) {
        let to = self.path("voices").join(path);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(root().join(SOUND), to).expect("a copy");
    }

    fn transcripts(&self, speaker: &str, transcripts: &Value) {
        let folder = self.path("heard").join(speaker);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("whisper.json"), transcripts.to_string()).expect("written");
    }

    fn process(&self, more: &[&str]) -> Said {
        let [voices, heard, codes] =
            ["voices", "heard", "codes"].map(|name| self.path(name).display().to_string());
        let asked = ["data", "process", "--from", &voices, "--transcripts", &heard, "--to", &codes];
        let codec = ["--weights", "tests/parity/encodec", "--bandwidth", "48"];
        let reader: &[&str] = if more.contains(&"--g2p") { &[] } else { &["--g2p", "characters"] };
        runner(&[&asked[..], &codec, reader, more].concat())
    }

    fn json(&self, path: &str) -> Value {
        let path = self.path("codes/24KHz-encodec").join(path);
        serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
    }

    fn artifact(&self, path: &str) -> Artifact {
        Artifact::read(&self.path("codes/24KHz-encodec").join(path)).expect("codes")
    }
}

fn said(text: &str, language: &str) -> Value {
    json!({"segments": [], "language": language, "text": text, "start": 0, "end": 1.0})
}

#[test]
fn recordings_become_codes_with_text_and_phonemes_and_what_is_there_stays() {
    let place = Place::new();
    ["x/84/a.1.wav", "x/84/b.wav", "x/84/c.wav", "x/Noise/hum.wav"].iter().for_each(|path| place.sound(path));
    let transcripts = json!({
        "a.1.wav": said(" ðə bɪd ", "english"), "b.wav": said("", "german"), "c.wav": said("ja", "german"), "d.wav": said("x", ""),
    });
    place.transcripts("x/84", &transcripts);
    let first = place.process(&[]);
    assert_eq!(first.code, 1, "{}", first.err);
    for words in [
        "has codes of 3 utterances more: ",
        "1 utterance without a text",
        "missing: transcripts of 0 speakers, 1 recording; `",
    ] {
        assert!(first.err.contains(words), "no `{words}` in\n{}", first.err);
    }
    assert_eq!(place.json("dataset.json"), json!(["x/84", "x/Noise"]));
    assert_eq!(place.json("missing.json"), json!({"transcription": [], "audio": ["x/84/d.wav"]}));
    let artifact = place.artifact("x/84/a.1.enc");
    let known = &artifact.metadata;
    assert_eq!((known.text.as_deref(), known.phonemes.as_deref()), (Some("ðə bɪd"), Some("ðə bɪd")));
    assert_eq!(known.language.as_deref(), Some("en"));
    assert_eq!(place.artifact("x/84/c.enc").metadata.language.as_deref(), Some("de"));
    let hum = place.artifact("x/Noise/hum.enc");
    assert_eq!((hum.metadata.text, hum.metadata.language), (None, None));
    assert_eq!(hum.codes, artifact.codes);
    // The codes are those that `encode` makes.
    let alone = place.path("alone").display().to_string();
    let coded =
        ["data", "encode", SOUND, "--to", &alone, "--weights", "tests/parity/encodec", "--bandwidth", "48"];
    assert_eq!(runner(&coded).code, 0);
    assert_eq!(Artifact::read(&place.path("alone/1-100037-A-0.enc")).expect("codes").codes, artifact.codes);
    // Nothing is done twice; a file without sound or cut short is made again where that is asked for.
    let file = place.path("codes/24KHz-encodec/x/84/a.1.enc");
    let whole = fs::read(&file).expect("codes");
    fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    let second = place.process(&[]);
    assert!(
        second.err.contains("codes of 0 utterances more") && second.err.contains("3 utterances were there")
    );
    let third = place.process(&["--verify-audio"]);
    assert!(third.err.contains("codes of 1 utterance more"), "{}", third.err);
    assert!(fs::read(&file).expect("codes") == whole);
    let passed = place.process(&["--skip-existing-folders"]);
    assert!(passed.err.contains("2 speakers passed over") && passed.code == 0, "{}", passed.err);
}

#[test]
fn segments_are_cut_out_of_one_long_recording() {
    let place = Place::new();
    let chapter = place.path("voices/books/84/chapter.wav");
    fs::create_dir_all(place.path("voices/books/84")).expect("a folder");
    let (rate_hz, samples) = read_as_recorded(&root().join(SPOKEN)).expect("sound");
    write_wav(&chapter, &samples, rate_hz).expect("written");
    let whole = samples.len() as f64 / f64::from(rate_hz);
    let segments = json!([
        {"start": 0.0, "end": 0.3, "text": "one"}, {"start": 0.3, "end": 0.4, "text": " "}, {"start": 0.4, "end": null, "text": "three"},
        {"start": whole + 9.0, "end": whole + 10.0, "text": "beyond"},
    ]);
    place.transcripts(
        "books/84",
        &json!({"chapter.wav": {"segments": segments, "language": "english", "text": "one three"}}),
    );
    let said = place.process(&["--workers", "2"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("chapter_00003.enc") && said.err.contains("chapter.wav` has nothing from "),
        "{}",
        said.err
    );
    assert!(said.err.contains("left out: 1 utterance, which cannot be used"), "{}", said.err);
    let (one, three) =
        (place.artifact("books/84/chapter_00000.enc"), place.artifact("books/84/chapter_00002.enc"));
    let rate = f64::from(one.metadata.sample_rate);
    assert_eq!(one.metadata.original_length, (0.8 * rate) as u64);
    assert_eq!(three.metadata.original_length, samples.len() as u64 - ((0.4 - 0.05) * rate) as u64);
    assert_eq!(three.metadata.text.as_deref(), Some("three"));
    // A slice is what the same samples are as a recording of their own, cut before.
    let cut = &samples[..one.metadata.original_length as usize];
    fs::remove_file(&chapter).expect("removed");
    write_wav(&place.path("voices/books/84/chapter_00000.wav"), cut, rate_hz).expect("written");
    fs::remove_dir_all(place.path("codes")).expect("removed");
    let again = place.process(&[]);
    assert!(again.err.contains("codes of 1 utterance more"), "{}", again.err);
    assert_eq!(place.artifact("books/84/chapter_00000.enc"), one);
    let whole = place.process(&["--slice", "false"]);
    assert!(whole.err.contains("missing: transcripts of 0 speakers, 1 recording"), "{}", whole.err);
}

#[test]
fn bad_recordings_are_named_and_the_others_coded() {
    let place = Place::new();
    ["x/1/good.wav", "x/1/cut.wav", "x/1/spanish.wav", "x/2/long.wav", "x/3/untold.wav"]
        .iter()
        .for_each(|path| place.sound(path));
    let cut = place.path("voices/x/1/cut.wav");
    let bytes = fs::read(&cut).expect("sound");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    let segments = json!([{"start": 0.0, "end": 0.1, "text": "a"}, {"start": 0.1, "end": null, "text": "b"}]);
    place.transcripts(
        "x/1",
        &json!({"good.wav": said("a", "en"), "spanish.wav": said("hola", "spanish"),
                "cut.wav": {"segments": segments, "language": "en", "text": "a b"}}),
    );
    place.transcripts("x/2", &json!({"long.wav": said("a", "en")}));
    let made = place.process(&["--slice", "true", "--max-duration", "0.01"]);
    assert!(made.err.contains("2 utterances longer than `--max-duration`"), "{}", made.err);
    let made = place.process(&["--slice", "true"]);
    assert_eq!(made.code, 1, "{}", made.err);
    for words in [
        "cannot use audio `",
        "cut.wav`: it is truncated",
        "`x/1/spanish.wav`: no phonemes are made of `spanish`",
        "left out: 2 utterances",
        "missing: transcripts of 1 speaker, 0 recordings",
    ] {
        assert!(made.err.contains(words), "no `{words}` in\n{}", made.err);
    }
    // Nothing comes of a damaged recording, not even of the part that is there.
    assert!(!place.path("codes/24KHz-encodec/x/1/cut_00000.enc").exists());
    assert!(place.path("codes/24KHz-encodec/x/1/good.enc").exists());
    let few = place.process(&["--min-utterances", "2", "--strict-languages"]);
    assert!(few.err.contains("1 speaker passed over"), "{}", few.err);
    assert_eq!(place.artifact("x/1/spanish.enc").metadata.language.as_deref(), Some("auto"));
}

#[test]
fn parts_see_to_each_speaker_once_and_tell_of_all() {
    let place = Place::new();
    for speaker in ["a/1", "a/2", "b/1"] {
        place.sound(&format!("{speaker}/s.wav"));
    }
    place.transcripts("a/1", &json!({"s.wav": said("a", "en")}));
    place.transcripts("b/1", &json!({"s.wav": said("b", "en")}));
    let first = place.process(&["--part", "1/2"]);
    assert!(first.err.contains("codes of 2 utterances more") && first.code == 0, "{}", first.err);
    let second = place.process(&["--part", "2/2"]);
    assert!(second.err.contains("codes of 0 utterances more") && second.code == 1, "{}", second.err);
    assert_eq!(place.json("dataset.json"), json!(["a/1", "b/1"]));
    assert_eq!(place.json("missing.json"), json!({"transcription": ["a/2"], "audio": []}));
    // What was missing has come.
    place.transcripts("a/2", &json!({"s.wav": said("c", "en")}));
    assert_eq!(place.process(&["--part", "2/2"]).code, 0);
    assert_eq!(place.json("dataset.json"), json!(["a/1", "a/2", "b/1"]));
    assert_eq!(place.json("missing.json"), json!({"transcription": [], "audio": []}));
}

#[test]
fn wrong_requests_are_refused_before_any_work() {
    let place = Place::new();
    assert_eq!(place.process(&[]).code, 66);
    place.sound("x/1/s.wav");
    place.transcripts("x/1", &json!({"s.wav": said("a", "en")}));
    let none = place.process(&["--speaker", "nobody"]);
    assert!(none.code == 66 && none.err.contains("there are no speakers in `"), "{}", none.err);
    assert_eq!(place.process(&["--max-duration", "0"]).code, 2);
    assert_eq!(place.process(&["--part", "3/2"]).code, 2);
    let silent = place.process(&["--g2p", "espeak", "--espeak", "/no/such/espeak-ng"]);
    assert!(silent.code == 66 && silent.err.contains("cannot start `/no/such/espeak-ng`"), "{}", silent.err);
    assert!(!place.path("codes/24KHz-encodec/x").exists());
}
