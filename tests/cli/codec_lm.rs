//! A language model of sound from the command line: trained, gone on with, told, judged by its codes.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use runner::audio;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{Said, runner, runs_in};

/// A run under `ci`, in a folder of runs.
fn trained(runs: &Path, more: &[&str]) -> String {
    let to = runs_in(runs);
    let mut arguments = vec!["run", "experiments/codec_lm.toml", "--profile", "ci", "--json", "-s", &to];
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
        let dir = trained(runs.path(), &["train.max_steps=30", "train.decay_steps=28", "train.max_lr=1e-2"]);
        (runs, dir)
    });
    dir
}

fn generate(arguments: &[&str]) -> Said {
    runner(&[&["generate", run()], arguments].concat())
}

/// The training losses in bits of a code, update by update.
fn bits(dir: &Path) -> Vec<f64> {
    let rows = fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    rows.lines().filter_map(|row| serde_json::from_str::<Json>(row).unwrap()["train/bits"].as_f64()).collect()
}

#[test]
fn a_run_learns_and_leaves_what_was_told_of_each_utterance() {
    let bits = bits(Path::new(run()));
    // It begins as one that knows nothing of 1,000 codes and the end.
    assert!((bits[0] - 1_001f64.log2()).abs() < 1.0, "{bits:?}");
    assert!(bits[bits.len() - 1] < bits[0] - 0.5, "{bits:?}");
    let metrics = fs::read_to_string(Path::new(run()).join("metrics.json")).unwrap();
    let metrics: Json = serde_json::from_str(&metrics).unwrap();
    let of = |name: &str| metrics[name].as_f64().unwrap();
    assert!((of("test/loss") / std::f64::consts::LN_2 - of("test/bits")).abs() < 1e-9, "{metrics}");
    assert!((0.0..=1.0).contains(&of("test/acc")), "{metrics}");
    let told = fs::read_to_string(Path::new(run()).join("preds.jsonl")).unwrap();
    for line in told.lines() {
        let told: Json = serde_json::from_str(line).unwrap();
        let [frames, codes] = ["frames", "codes"].map(|name| told[name].as_u64().unwrap());
        // Two levels, each with its end.
        assert_eq!(codes, 2 * (frames + 1), "{told}");
    }
}

/// A run of six updates that goes on to ten on another number of threads is as one that did not stop.
#[test]
fn a_longer_run_continues_the_shorter_one_bit_for_bit() {
    let runs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    trained(runs[0].path(), &["train.max_steps=6", "run.threads=1", "eval.test_at_end=false"]);
    let continued = trained(runs[0].path(), &["run.threads=2"]);
    let whole = trained(runs[1].path(), &["run.threads=1"]);
    for file in ["checkpoints/step-10/model.safetensors", "preds.jsonl"] {
        let [a, b] = [&continued, &whole].map(|dir| fs::read(Path::new(dir).join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
}

#[test]
fn texts_are_told_the_same_alone_and_in_company() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines.txt");
    fs::write(&lines, "One two three.\n\nFour.\n").unwrap();
    let out = |name: &str| folder.path().join(name).display().to_string();
    let drawn = ["--speaker", "m03", "--temperature", "0.9", "--top-k", "40", "--nucleus-p", "0.95"];
    let both = generate(
        &[&["--file", &lines.display().to_string(), "-o", &out("both"), "--json"], &drawn[..]].concat(),
    );
    assert_eq!(both.code, 0, "{}", both.err);
    let said: Json = serde_json::from_str(&both.out).unwrap();
    assert_eq!((said["clips"].as_u64(), said["files"].as_array().map(Vec::len)), (Some(2), Some(2)));
    let clips: Json =
        serde_json::from_str(&fs::read_to_string(folder.path().join("both/clips.json")).unwrap()).unwrap();
    assert_eq!((clips["clips"][1]["text"].as_str(), clips["top_k"].as_u64()), (Some("Four."), Some(40)));
    assert!(clips["clips"][0]["nats"].as_f64().is_some_and(|nats| nats > 0.0), "{clips}");
    let alone = generate(
        &[&["--text", "One two three.", "-o", &out("alone"), "--threads", "1"], &drawn[..]].concat(),
    );
    assert_eq!(alone.code, 0, "{}", alone.err);
    let bytes = |path: &str| fs::read(folder.path().join(path)).unwrap();
    assert!(bytes("both/0000.wav") == bytes("alone/0000.wav"));
    let sound = audio::read(&folder.path().join("alone/0000.wav"), 16_000).unwrap();
    assert!(!sound.is_empty() && sound.iter().any(|sample| *sample != 0.0));
    let other =
        generate(&[&["--text", "One two three.", "-o", &out("other"), "--seed", "1"], &drawn[..]].concat());
    assert!(other.code == 0 && bytes("other/0000.wav") != bytes("alone/0000.wav"), "{}", other.err);
}

#[test]
fn what_has_no_meaning_is_refused() {
    let refused = |arguments: &[&str]| {
        let said = generate(arguments);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
        said.err
    };
    assert!(refused(&["-o", "none"]).contains("there is nothing to say"));
    assert!(
        refused(&["--text", "a", "--stream"]).contains("`--stream` is for other models than those of codes")
    );
    assert!(
        refused(&["--text", "a", "--speaker", "nobody", "-o", "none"]).contains("there is no voice `nobody`")
    );
}

/// Every pattern, without a cue and with one voice.
#[test]
fn levels_that_wait_for_each_other_learn_and_speak() {
    let runs = tempfile::tempdir().unwrap();
    let more = [
        "model.codec_lm.pattern=\"delay\"",
        "model.codec_lm.levels=3",
        "model.codec_lm.cue_symbols=0",
        "model.codec_lm.speakers=0",
        "data.data_format=\"nlt\"",
        "data.train_meta=\"meta.train.txt\"",
        "data.dev_meta=\"meta.dev.txt\"",
        "data.test_meta=\"meta.test.txt\"",
        "train.max_steps=2",
    ];
    let dir = trained(runs.path(), &more);
    let out = runs.path().join("said").display().to_string();
    let said = runner(&["generate", &dir, "--text", "Hello.", "-o", &out]);
    assert_eq!(said.code, 0, "{}", said.err);
    let slow = runner(&["generate", &dir, "--text", "Hello.", "--length-scale", "2", "-o", "none"]);
    assert!(slow.code == 2 && slow.err.contains("has a pace of its own"), "{}", slow.err);
}

#[test]
fn sizes_that_contradict_each_other_are_told() {
    let said = runner(&[
        "check",
        "experiments/codec_lm.toml",
        "--profile",
        "ci",
        "-s",
        "data.sr=22050",
        "-s",
        "model.codec_lm.cue_symbols=4",
        "-s",
        "model.codec_lm.headdim=7",
    ]);
    assert_eq!(said.code, 2, "{}", said.err);
    for part in
        ["the codec takes sound of 16000 Hz, not of 22050", "4 symbols have none in their middle", "headdim"]
    {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
}
