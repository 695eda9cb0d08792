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

#[test]
fn what_is_told_is_judged_by_what_a_recogniser_understands() {
    let runs = tempfile::tempdir().unwrap();
    let to = runs_in(runs.path());
    let listener = ["experiments/tedlium_direct.toml", "--profile", "ci", "-s", "train.max_steps=2"];
    let said =
        runner(&[&["--json", "run"], &listener[..], &["-s", "eval.test_at_end=false", "-s", &to]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let listener: Json = serde_json::from_str(&said.out).unwrap();
    let listener = listener["dir"].as_str().unwrap();
    let out = runs.path().join("judged");
    let to = out.display().to_string();
    let judge = ["eval", run(), "--recogniser", listener, "--split", "dev", "-o", &to];
    let said = runner(&[&judge[..], &["--temperature", "0.5", "--top-k", "20"]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    for row in ["copy synthesis (true codes)", "model, the text of another sentence"] {
        assert!(said.out.contains(row), "{row}: {}", said.out);
    }
    let metrics: Json = serde_json::from_str(&fs::read_to_string(out.join("metrics.json")).unwrap()).unwrap();
    assert!(metrics["copies/mcd"].as_f64() < metrics["said/mcd"].as_f64(), "{metrics}");
    assert_eq!(fs::read_dir(out.join("said")).unwrap().count(), 36);
    let hot = runner(&[&judge[..], &["--temperature", "0"]].concat());
    assert!(hot.code == 2 && hot.err.contains("`--temperature` is not above 0"), "{}", hot.err);
    let alone = runner(&["eval", run(), "--top-k", "3"]);
    assert!(alone.code == 2 && alone.err.contains("nobody listens"), "{}", alone.err);
}

/// Features of codes by the model: as wide as it is, the same for the same codes, and other ones where the text is another only if that is heard.
#[test]
fn utterances_are_compared_by_what_the_model_makes_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |path: &str| folder.path().join(path).display().to_string();
    let ids = ["f01_00000009", "f01_00000022", "f01_00000028"];
    let files = ids.map(|id| format!("corpora/smoke/f01/{id}.ogg"));
    let codes = path("codes/smoke/f01");
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let coded = [&["data", "encode"], &files[..], &["--to", &codes, "--audio-backend", "cepstral"]].concat();
    assert_eq!(runner(&coded).code, 0);
    fs::copy(Path::new(&codes).join("f01_00000009.safetensors"), Path::new(&codes).join("twin.safetensors"))
        .unwrap();
    fs::create_dir_all(path("metadata/smoke")).unwrap();
    let known = serde_json::json!({
        "f01_00000009": {"text": "one two"}, "f01_00000022": {"text": "three"}, "f01_00000028": {"text": "four"},
        "twin": {"text": "something else"},
    });
    fs::write(path("metadata/smoke/f01.json"), known.to_string()).unwrap();
    let vectors = |features: &str| {
        let out = path(features);
        let (metadata, codes) = (path("metadata"), path("codes"));
        let asked = ["data", "similar", "--metadata", &metadata, "--codes", &codes, "--features", features];
        let said = runner(&[&asked[..], &["--run", run(), "--out", &out, "--min-score", "-2"]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let all: Json =
            serde_json::from_str(&fs::read_to_string(Path::new(&out).join("embeddings.json")).unwrap())
                .unwrap();
        let of = |id: &str| -> Vec<f64> {
            let vector = all[format!("smoke/f01/{id}")].as_array().unwrap();
            vector.iter().map(|x| x.as_f64().unwrap()).collect()
        };
        [of("f01_00000009"), of("twin"), of("f01_00000022")]
    };
    let [one, twin, other] = vectors("response");
    assert!(one.len() == 32 && one == twin && one != other);
    let [one, twin, other] = vectors("hidden");
    assert!(one.len() == 32 && one != twin && one != other);
    let (metadata, codes) = (path("metadata"), path("codes"));
    let asked = ["data", "similar", "--metadata", &metadata, "--codes", &codes, "--features", "response"];
    let none = runner(&asked);
    assert!(none.code == 2 && none.err.contains("there is no model of codes"), "{}", none.err);
}

/// A run whose codec has to be fetched first says so before anything is learnt, and how.
#[test]
fn a_codec_without_its_weights_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    let sound: Vec<f32> = (0..24_000).map(|at| (at as f32 * 0.05).sin() * 0.3).collect();
    fs::write(folder.path().join("a/a_1.wav"), audio::wav_bytes(&sound, 24_000)).unwrap();
    fs::write(folder.path().join("list.txt"), "a_1|24000|one two\n").unwrap();
    let sets = [
        runs_in(folder.path()),
        format!("data.dir={:?}", folder.path()),
        "data.sr=24000".to_owned(),
        "data.batch_size=1".to_owned(),
        "data.data_format=\"nlt\"".to_owned(),
        "data.train_meta=\"list.txt\"".to_owned(),
        "data.dev_meta=\"list.txt\"".to_owned(),
        "data.test_meta=\"list.txt\"".to_owned(),
        "model.codec_lm.speakers=0".to_owned(),
        "model.codec_lm.codec=\"encodec\"".to_owned(),
    ];
    let run = |more: &[&str]| {
        let sets = sets.iter().map(String::as_str).chain(more.iter().copied());
        let sets: Vec<&str> = sets.flat_map(|set| ["-s", set]).collect();
        runner(&[&["run", "experiments/codec_lm.toml", "--profile", "ci"], &sets[..]].concat())
    };
    let said = run(&[]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("`runner data fetch --model encodec-24khz`"), "{}", said.err);
    let said = run(&["model.codec_lm.codec_weights=\"tests/parity/encodec\""]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("the weights of EnCodec are for 24000 Hz, frames of 10 samples"),
        "{}",
        said.err
    );
    let said = run(&["model.codec_lm.codec=\"cepstral\"", "model.codec_lm.codec_weights=\"some\""]);
    assert!(said.code == 2 && said.err.contains("the cepstral codec has no weights"), "{}", said.err);
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
        "-s",
        "model.codec_lm.levels=9",
    ]);
    assert_eq!(said.code, 2, "{}", said.err);
    for part in [
        "the codec takes sound of 16000 Hz, not of 22050",
        "4 symbols have none in their middle",
        "headdim",
        "the codec has 8 levels, not 9",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
}
