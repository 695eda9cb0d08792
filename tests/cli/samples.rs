//! `runner eval --samples`: clips judged by a classifier.

use std::path::Path;

use serde_json::Value as Json;

use super::support::{Said, runner, runs_in};

/// A run of the small classifier, after two updates.
fn classifier(dir: &Path) -> String {
    let said = runner(&[
        "run",
        "experiments/speech_commands_classifier.toml",
        "--profile=ci",
        "--json",
        "-s",
        &runs_in(dir),
        "-s",
        "train.max_steps=2",
        // Shorter lists than its own: what is heard does not matter here.
        "-s",
        "data.train_meta=meta.test.digits.nltLa.txt",
        "-s",
        "data.test_meta=meta.dev.digits.nltLa.txt",
        "-s",
        "model.keyword.width=32",
        "-s",
        "model.keyword.layers=1",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let run: Json = serde_json::from_str(&said.out).unwrap();
    run["dir"].as_str().unwrap().to_owned()
}

fn generated(dir: &Path, clips: &str) -> String {
    let samples = dir.join("made").display().to_string();
    let said = runner(&[
        "generate",
        "experiments/sashimi_sc09.toml",
        "--random-init",
        "--profile=ci",
        "-n",
        clips,
        "--seconds=0.1",
        "-o",
        &samples,
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    samples
}

fn eval(run: &str, samples: &str, more: &[&str]) -> Said {
    runner(&[&["eval", run, "--samples", samples], more].concat())
}

#[test]
fn clips_are_judged_beside_real_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (run, samples) = (classifier(dir.path()), generated(dir.path(), "9"));
    let output = dir.path().join("judged");
    let said = eval(&run, &samples, &["--json", "-o", output.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
    let json: Json = serde_json::from_str(&said.out).unwrap();
    let metric =
        |name: &str| json["metrics"][name].as_f64().unwrap_or_else(|| panic!("{name}: {}", said.out));
    assert_eq!((metric("samples/clips"), metric("test/clips"), metric("train/clips")), (9.0, 33.0, 75.0));
    for set in ["samples", "test", "train"] {
        assert!((1.0..=12.0).contains(&metric(&format!("{set}/is"))), "{}", said.out);
        assert!((0.1..=1.0).contains(&metric(&format!("{set}/confidence"))), "{}", said.out);
        let heard: f64 =
            json["histograms"][set].as_object().unwrap().values().map(|count| count.as_f64().unwrap()).sum();
        assert_eq!(heard, metric(&format!("{set}/clips")));
    }
    // What was trained on is no distance from itself.
    assert!(metric("train/fid").abs() < 1e-6 && metric("samples/fid") > metric("test/fid"), "{}", said.out);
    let predictions = std::fs::read_to_string(output.join("preds.jsonl")).unwrap();
    let first: Json = serde_json::from_str(predictions.lines().next().unwrap()).unwrap();
    assert_eq!((predictions.lines().count(), first["name"].as_str()), (9, Some("0000.wav")));
    assert!(first["nats"].as_f64().is_some_and(|nats| nats > 0.0), "{first}");
    let stored: Json = serde_json::from_slice(&std::fs::read(output.join("metrics.json")).unwrap()).unwrap();
    assert_eq!(stored, json["metrics"]);

    // Of nine clips the cut keeps the fourth to the eighth by likelihood; it goes into the run's folder.
    let said = eval(&run, &samples, &["--cut"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("samples          5 "), "{}", said.out);
    assert!(said.err.contains("another classifier"), "{}", said.err);
    let predictions = std::fs::read_to_string(Path::new(&run).join("eval_made_2/preds.jsonl")).unwrap();
    let nats: Vec<f64> = predictions
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap()["nats"].as_f64().unwrap())
        .collect();
    assert!(nats.len() == 5 && nats.is_sorted_by(|a, b| a >= b), "{nats:?}");
    no_clips(dir.path(), &run, &samples);
}

/// What cannot be judged, and what is said of it.
fn no_clips(dir: &Path, run: &str, samples: &str) {
    let refused = |samples: &str, more: &[&str], code: i32, words: &str| {
        let said = eval(run, samples, more);
        assert!(said.code == code && said.err.contains(words), "{}: {}", said.code, said.err);
    };
    let (absent, bare) = (dir.join("absent"), dir.join("bare"));
    refused(absent.to_str().unwrap(), &[], 66, "absent`: No such file or directory");
    std::fs::create_dir(&bare).unwrap();
    let bare_name = bare.to_str().unwrap();
    refused(bare_name, &[], 66, "bare` has no sound in it");
    let first = Path::new(samples).join("0000.wav");
    std::fs::copy(&first, bare.join("a.wav")).unwrap();
    refused(bare_name, &[], 2, "bare` has 1 clips, and 2 are the least");
    for name in ["b.wav", "c.WAV", "d.wav"] {
        std::fs::copy(&first, bare.join(name)).unwrap();
    }
    refused(bare_name, &["--cut"], 2, "nothing says how likely");
    std::fs::write(bare.join("b.wav"), "no sound").unwrap();
    refused(bare_name, &[], 1, "b.wav`: it is not wav");
    refused(samples, &["--split=dev"], 2, "cannot be used with");
}

#[test]
fn a_model_without_classes_judges_no_clips() {
    let dir = tempfile::tempdir().unwrap();
    let samples = generated(dir.path(), "2");
    let said = runner(&[
        "run",
        "experiments/sashimi_sc09.toml",
        "--profile=ci",
        "--json",
        "-s",
        &runs_in(dir.path()),
        "-s",
        "train.max_steps=1",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let run: Json = serde_json::from_str(&said.out).unwrap();
    let said = eval(run["dir"].as_str().unwrap(), &samples, &[]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("a `sashimi` model without classes cannot judge clips"), "{}", said.err);
}
