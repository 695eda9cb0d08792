//! Text to speech from the command line: trained, spoken, streamed, understood.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use runner::audio;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{Said, command, runner, runs_in};

/// A run of ten updates under `ci`, in a folder of runs.
fn trained(experiment: &str, runs: &Path, more: &[&str]) -> String {
    let to = runs_in(runs);
    let experiment = format!("experiments/{experiment}.toml");
    let mut arguments = vec!["run", &experiment, "--profile", "ci", "--json", "-s", &to];
    more.iter().for_each(|set| arguments.extend(["-s", set]));
    let said = runner(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Json = serde_json::from_str(&said.out).unwrap();
    report["dir"].as_str().unwrap().to_owned()
}

/// One run for all tests that only read it.
fn run() -> &'static str {
    static RUN: OnceLock<(TempDir, String)> = OnceLock::new();
    let (_, dir) = RUN.get_or_init(|| {
        let runs = tempfile::tempdir().unwrap();
        let dir = trained("tacomamba_ljspeech", runs.path(), &[]);
        (runs, dir)
    });
    dir
}

fn generate(arguments: &[&str]) -> Said {
    runner(&[&["generate", run()], arguments].concat())
}

fn read(wav: &Path) -> Vec<f32> {
    audio::read(wav, 16_000).unwrap()
}

#[test]
fn a_run_learns_and_leaves_what_was_told_of_each_utterance() {
    let metrics = fs::read_to_string(Path::new(run()).join("metrics.json")).unwrap();
    let metrics: Json = serde_json::from_str(&metrics).unwrap();
    for term in ["loss", "mel", "refined", "prior", "duration", "length_error"] {
        assert!(metrics[format!("test/{term}")].as_f64().is_some_and(f64::is_finite), "{term}: {metrics}");
    }
    let told = fs::read_to_string(Path::new(run()).join("preds.jsonl")).unwrap();
    for line in told.lines() {
        let told: Json = serde_json::from_str(line).unwrap();
        let durations = told["durations"].as_array().unwrap().iter().map(|frames| frames.as_u64().unwrap());
        assert!(durations.clone().all(|frames| frames > 0));
        assert_eq!(durations.sum::<u64>(), told["frames"].as_u64().unwrap());
    }
}

#[test]
fn sentences_are_written_evenly_loud_and_are_the_same_alone_and_in_company() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines.txt");
    fs::write(&lines, "One two three.\n\nFour.\n").unwrap();
    let out = |name: &str| folder.path().join(name).display().to_string();
    let both =
        generate(&["--file", &lines.display().to_string(), "--speaker", "m03", "-o", &out("both"), "--json"]);
    assert_eq!(both.code, 0, "{}", both.err);
    let said: Json = serde_json::from_str(&both.out).unwrap();
    assert_eq!((said["clips"].as_u64(), said["files"].as_array().map(Vec::len)), (Some(2), Some(2)));
    let clips: Json =
        serde_json::from_str(&fs::read_to_string(folder.path().join("both/clips.json")).unwrap()).unwrap();
    assert_eq!(clips["clips"][1]["text"], "Four.");
    let alone =
        generate(&["--text", "One two three.", "--speaker", "m03", "-o", &out("alone"), "--threads", "1"]);
    assert_eq!(alone.code, 0, "{}", alone.err);
    let bytes = |path: &str| fs::read(folder.path().join(path)).unwrap();
    assert!(bytes("both/0000.wav") == bytes("alone/0000.wav"));
    for file in ["both/0000.wav", "both/0001.wav"] {
        let sound = read(&folder.path().join(file));
        let rms = (sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32).sqrt();
        let peak = sound.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
        assert!(peak <= 0.99 && (20.0 * rms.log10() < -22.9), "{peak} {rms}");
    }
    // Slower is longer; another voice is another sound.
    let slow = generate(&["--text", "Four.", "--length-scale", "3", "--speaker", "m03", "-o", &out("slow")]);
    assert_eq!(slow.code, 0, "{}", slow.err);
    assert!(
        read(&folder.path().join("slow/0000.wav")).len() > read(&folder.path().join("both/0001.wav")).len()
    );
    let other = generate(&["--text", "Four.", "-o", &out("other")]);
    assert!(other.err.contains("the voice is `f01`, the first of 13"), "{}", other.err);
    assert!(bytes("other/0000.wav") != bytes("both/0001.wav"));
}

#[test]
fn a_stream_is_a_wav_of_as_many_frames() {
    let text = ["--text", "one two three four five six", "--seed", "3"];
    let streamed = command(&[&["generate", run(), "--stream"], &text[..]].concat()).output().unwrap();
    let talk = String::from_utf8_lossy(&streamed.stderr).into_owned();
    assert!(streamed.status.success() && talk.contains(", the first of it after "), "{talk}");
    let streamed = audio::read_bytes("the stream", streamed.stdout, 16_000).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("whole");
    let whole = generate(&[&["-o", &out.display().to_string()], &text[..]].concat());
    assert_eq!(whole.code, 0, "{}", whole.err);
    assert_eq!(streamed.len(), read(&out.join("0000.wav")).len());
    assert!(
        streamed.iter().all(|sample| sample.abs() <= 0.991) && streamed.iter().any(|sample| *sample != 0.0)
    );
}

#[test]
fn what_has_no_meaning_is_refused() {
    let refused = |arguments: &[&str]| {
        let said = generate(arguments);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
        said.err
    };
    assert!(refused(&["-o", "none"]).contains("there is nothing to say"));
    assert!(refused(&["--text", " ", "-o", "none"]).contains("there is nothing to say"));
    assert!(
        refused(&["--text", "a", "-n", "2", "-o", "none"])
            .contains("`-n` is for models that make sound without a text")
    );
    let voices = refused(&["--text", "a", "--speaker", "nobody", "-o", "none"]);
    assert!(voices.contains("there is no voice `nobody`") && voices.contains("f01, f02"), "{voices}");
    assert!(refused(&["--text", "a", "--length-scale", "0", "-o", "none"]).contains("`--length-scale`"));
    assert!(refused(&["--text", "a", "--text", "b", "--stream"]).contains("`--stream` is for one sentence"));
    let missing = generate(&["--file", "nowhere.txt", "-o", "none"]);
    assert_eq!(missing.code, 66, "{}", missing.err);
}

/// The design of the published program, either kind of mixer, one voice.
#[test]
fn other_designs_learn_and_speak() {
    let runs = tempfile::tempdir().unwrap();
    let one_voice = [
        "model.tacomamba.speakers=0",
        "data.data_format=\"nlt\"",
        "data.train_meta=\"meta.train.txt\"",
        "data.dev_meta=\"meta.dev.txt\"",
        "data.test_meta=\"meta.test.txt\"",
        "train.max_steps=2",
    ];
    let designs: [&[&str]; 4] = [
        &[
            "model.tacomamba.design=\"repeat\"",
            "model.tacomamba.mel=\"decibels\"",
            "model.tacomamba.mel_mean=0.0",
        ],
        &["model.tacomamba.mixer=\"mamba2\"", "model.tacomamba.headdim=16", "model.tacomamba.blanks=true"],
        &["model.tacomamba.autoregressive=false", "model.tacomamba.postnet_width=0"],
        &["model.tacomamba.design=\"prefix\""],
    ];
    for (number, design) in designs.into_iter().enumerate() {
        let dir = trained("tacomamba_librispeech", runs.path(), &[&one_voice[..], design].concat());
        let out = runs.path().join(format!("said-{number}")).display().to_string();
        let said = runner(&["generate", &dir, "--text", "Hello.", "-o", &out]);
        assert_eq!(said.code, 0, "{design:?}: {}", said.err);
        let stream = runner(&["generate", &dir, "--text", "Hello.", "--stream"]);
        assert_eq!(stream.code, if number == 1 { 0 } else { 2 }, "{design:?}: {}", stream.err);
        let why = [
            "makes all frames of a sentence at once",
            "",
            "makes all frames",
            "says itself when a sentence ends",
        ];
        assert!(stream.err.contains(why[number]), "{}", stream.err);
    }
}

#[test]
fn what_is_said_is_judged_by_what_a_recogniser_understands() {
    let runs = tempfile::tempdir().unwrap();
    let recogniser = trained("tedlium_direct", runs.path(), &["train.max_steps=2", "eval.test_at_end=false"]);
    let out = runs.path().join("judged");
    let said = runner(&[
        "eval",
        run(),
        "--recogniser",
        &recogniser,
        "--split",
        "dev",
        "-o",
        &out.display().to_string(),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    for row in [
        "recordings",
        "copy synthesis",
        "model, the text of another sentence",
        "understood better than those of other sentences",
    ] {
        assert!(said.out.contains(row), "{row}: {}", said.out);
    }
    assert_eq!(fs::read_to_string(out.join("speech.md")).unwrap(), said.out);
    let metrics: Json = serde_json::from_str(&fs::read_to_string(out.join("metrics.json")).unwrap()).unwrap();
    let of = |name: &str| metrics[name].as_f64().unwrap();
    // Griffin and Lim bring the true spectrogram nearer than a model of ten updates does.
    assert!(of("copies/mcd") < of("said/mcd"), "{metrics}");
    assert!(of("gain/low") <= of("gain") && of("gain") <= of("gain/high"));
    assert_eq!(fs::read_dir(out.join("said")).unwrap().count(), 36);
    let wrong = runner(&["eval", &recogniser, "--recogniser", &recogniser]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("does not speak"), "{}", wrong.err);
    let deaf = runner(&["eval", run(), "--recogniser", run()]);
    assert!(deaf.code == 2 && deaf.err.contains("does not transcribe"), "{}", deaf.err);
}
