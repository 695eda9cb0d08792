//! What leaves the run folder: an exported model gives the same numbers, and files are transcribed one by one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{root, runner, runs_in};

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A student trained for a few steps, and its folder.
fn student(runs: &Path) -> PathBuf {
    let said = runner(&[
        "run",
        "experiments/tedlium_unguided.toml",
        "--profile",
        "ci",
        "-s",
        &runs_in(runs),
        "--json",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).expect("JSON");
    PathBuf::from(report["dir"].as_str().expect("a folder"))
}

#[test]
fn an_export_is_whole_and_is_the_same_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = student(&folder.path().join("runs"));
    let export = folder.path().join("export");
    let said = runner(&["export", &text(&run), "-o", &text(&export), "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for name in [
        "model.safetensors",
        "vocab.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
        "preds.jsonl",
        "metrics.json",
    ] {
        assert!(export.join(name).is_file(), "{name}");
    }
    let config: Value =
        serde_json::from_slice(&fs::read(export.join("config.json")).expect("config.json")).expect("JSON");
    // A library that does not know the mixers must not take it for a model with attention.
    assert_eq!(
        (&config["model_type"], &config["mixer"]["d_state"]),
        (&"wav2vec2-bimamba2".into(), &64.into())
    );
    let card = fs::read_to_string(export.join("README.md")).expect("a card");
    assert!(
        card.starts_with("---\nlibrary_name: runner\n") && card.contains("automatic-speech-recognition"),
        "{card}"
    );

    let sounds = ["corpora/smoke/f02/f02_00001079.ogg", "corpora/smoke/f02/f02_00000201.ogg"];
    let of_run = runner(&["predict", &text(&run), sounds[0], sounds[1], "--json"]);
    let of_export = runner(&["predict", &text(&export), sounds[0], sounds[1], "--json"]);
    assert_eq!(of_run.code, 0, "{}", of_run.err);
    assert_eq!(of_run.out, of_export.out);
    let first: Value = serde_json::from_str(of_run.out.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["path"], sounds[0]);
    assert!(first["score"].as_f64().is_some_and(|score| (0.0..=1.0).contains(&score)), "{first}");
    assert!((first["secs"].as_f64().expect("seconds") - 23_853.0 / 16_000.0).abs() < 1e-9);

    let again = runner(&["export", &text(&run), "-o", &text(&export)]);
    assert_eq!((again.code, again.err.contains("is not empty")), (73, true), "{}", again.err);
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = student(&folder.path().join("runs"));
    let broken = folder.path().join("broken.wav");
    fs::write(&broken, b"RIFF").expect("a file");
    let sound = text(&root().join("corpora/smoke/f02/f02_00001079.ogg"));
    let said = runner(&["predict", &text(&run), &text(&broken), "nowhere.wav", &sound]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.out.starts_with(&sound) && said.out.lines().count() == 1, "{}", said.out);
    assert_eq!(said.err.lines().filter(|line| line.starts_with("error: ")).count(), 2, "{}", said.err);
}
