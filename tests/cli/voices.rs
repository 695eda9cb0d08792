//! Who speaks: each encoder learns, and what it stands on is compared.

use std::fs;

use serde_json::Value as Json;

use crate::support::{runner, runs_in};

#[test]
fn every_encoder_learns_and_compares_voices() {
    let runs = tempfile::tempdir().unwrap();
    for encoder in ["mamba", "conv1d", "conv2d", "transformer"] {
        let (to, set) = (runs_in(runs.path()), format!("model.speaker.encoder=\"{encoder}\""));
        let experiment = "experiments/speakers_librispeech.toml";
        let run = runner(&[
            "run",
            experiment,
            "--profile",
            "ci",
            "--json",
            "-s",
            &to,
            "-s",
            &set,
            "-s",
            "train.max_steps=2",
        ]);
        assert_eq!(run.code, 0, "{encoder}: {}", run.err);
        let run: Json = serde_json::from_str(&run.out).unwrap();
        assert!(run["metrics"]["test/clf_acc"].as_f64().is_some(), "{run}");
        let dir = run["dir"].as_str().unwrap();
        let out = runs.path().join(format!("voices-{encoder}"));
        let list = "meta.test.voices.nltLa.txt";
        let said = runner(&["eval", dir, "--voices", list, "-o", &out.display().to_string()]);
        assert_eq!(said.code, 0, "{encoder}: {}", said.err);
        // 7 of the 71 recordings are of the voice that is no class: 21 pairs of them, 448 with another.
        assert!(said.out.contains("all pairs: equal error rate "), "{}", said.out);
        assert!(said.out.contains(", 21 of one voice and 448 of two\n"), "{}", said.out);
        assert!(said.err.contains("71 recordings of 14 voices, 1 of them unheard"), "{}", said.err);
        let metrics: Json =
            serde_json::from_str(&fs::read_to_string(out.join("metrics.json")).unwrap()).unwrap();
        for name in ["eer", "eer/unheard"] {
            assert!(metrics[name].as_f64().is_some_and(|rate| (0.0..=1.0).contains(&rate)), "{metrics}");
        }
        assert_eq!(fs::read_to_string(out.join("preds.jsonl")).unwrap().lines().count(), 71);
    }
}

#[test]
fn lists_that_say_nothing_of_voices_are_refused() {
    let runs = tempfile::tempdir().unwrap();
    let (to, few) = (runs_in(runs.path()), "train.max_steps=2");
    let run = runner(&[
        "run",
        "experiments/speakers_librispeech.toml",
        "--profile",
        "ci",
        "--json",
        "-s",
        &to,
        "-s",
        few,
    ]);
    assert_eq!(run.code, 0, "{}", run.err);
    let run: Json = serde_json::from_str(&run.out).unwrap();
    let dir = run["dir"].as_str().unwrap();
    let several = runner(&["eval", dir, "--voices", "meta.test.nltLa.txt"]);
    assert_eq!(several.code, 2, "{}", several.err);
    assert!(several.err.contains("has 2 labels in `meta.test.nltLa.txt`"), "{}", several.err);
    let missing = runner(&["eval", dir, "--voices", "nowhere.txt"]);
    assert_eq!(missing.code, 66, "{}", missing.err);
}
