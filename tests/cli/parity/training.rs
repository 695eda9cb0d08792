//! `runner run` against a training loop of torch's, update by update: goldens made by tests/parity/make_training.py.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use runner::model::weights::{Tensors, read_tensors};
use serde_json::Value;

use crate::support::{root, runner, runs_in};

const FOLDER: &str = "tests/parity/training";

/// Runs the toy model as `own`, further TOML, says; returns the run's folder.
fn toy(runs: &Path, name: &str, own: &str) -> PathBuf {
    let (root, experiment) = (root().display().to_string(), runs.join(format!("{name}.toml")));
    let meta = format!("{root}/{FOLDER}/meta.txt");
    let own = own.replace("FOLDER", &format!("{root}/{FOLDER}"));
    fs::write(
        &experiment,
        format!(
            "extends = [\"{root}/{FOLDER}/toy.toml\"]\n\n[data]\ntrain_meta = \"{meta}\"\ndev_meta = \"{meta}\"\n\
             test_meta = \"{meta}\"\n\n{own}"
        ),
    )
    .unwrap();
    let said = runner(&["run", &experiment.display().to_string(), "--json", "-s", &runs_in(runs)]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    PathBuf::from(report["dir"].as_str().unwrap())
}

/// The toy model with attention; `train` goes into `[train]`.
fn attention(train: &str) -> String {
    format!("[model.wav2vec2]\npretrained = \"FOLDER/teacher\"\n\n[train]\n{train}\n")
}

/// The toy model with Mamba-2, taught by the one with attention.
fn student(model: &str, train: &str, distill: &str) -> String {
    format!(
        "[model.wav2vec2]\npretrained = \"FOLDER/student\"\nasr_use_mamba = true\n{model}\n\n[train]\n{train}\n\n\
         [distill]\nteacher = \"FOLDER/teacher\"\nstudent_init = \"source\"\nalpha_layer_distill_loss = 2.0\n\
         alpha_logits_distill_loss = 0.5\n{distill}\n"
    )
}

/// Value by step and name of the rows of metrics.jsonl that speak of updates.
fn curve(run: &Path) -> BTreeMap<(u64, String), f64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let mut curve = BTreeMap::new();
    for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let step = row["step"].as_u64().unwrap();
        for (name, value) in row.as_object().unwrap() {
            if let (Some(name), Some(value)) = (name.strip_prefix("train/"), value.as_f64()) {
                curve.insert((step, name.to_owned()), value);
            }
        }
    }
    curve
}

/// Holds every update of `run` to the golden curve called `name`; returns the largest relative difference.
fn follows(run: &Path, name: &str) -> f64 {
    let golden = fs::read_to_string(root().join(FOLDER).join("curves.tsv")).unwrap();
    let got = curve(run);
    let (mut rows, mut worst) = (0, 0.0f64);
    for line in golden.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [of, step, quantity, value] = fields[..] else { panic!("{line}") };
        if of != name {
            continue;
        }
        let (step, want): (u64, f64) = (step.parse().unwrap(), value.parse().unwrap());
        let got = got[&(step, quantity.to_owned())];
        let difference = if want == 0.0 { got.abs() } else { (got - want).abs() / want.abs() };
        assert!(difference <= 1e-4, "{name}, update {step}, {quantity}: {got}, want {want}: {difference:e}");
        (rows, worst) = (rows + 1, worst.max(difference));
    }
    assert!(rows >= 20 * 4, "{name}: {rows} rows");
    worst
}

fn weights(run: &Path, step: u64) -> Tensors {
    read_tensors(&run.join(format!("checkpoints/step-{step}/model.safetensors"))).unwrap()
}

#[test]
fn twenty_updates_with_attention_follow_torch() {
    let runs = tempfile::tempdir().unwrap();
    let run = toy(runs.path(), "sample", &attention(""));
    println!("sample {:e}", follows(&run, "attention"));
    let (first, last) =
        (read_tensors(&root().join(FOLDER).join("teacher/model.safetensors")).unwrap(), weights(&run, 20));
    for (name, (_, values)) in &last {
        // No mask was drawn, so the mask embedding has no gradient: it must not decay either.
        let still = name.starts_with("wav2vec2.feature_extractor.") || name == "wav2vec2.masked_spec_embed";
        assert_eq!(values == &first[name].1, still, "{name}");
    }
    let run = toy(runs.path(), "utterance", &attention("loss_normalize_type = \"utterance\""));
    println!("utterance {:e}", follows(&run, "attention per utterance"));
}

#[test]
fn twenty_updates_of_a_taught_student_follow_torch() {
    let runs = tempfile::tempdir().unwrap();
    let run = toy(runs.path(), "sample", &student("", "", "alpha_scaling = \"reference\""));
    println!("sample {:e}", follows(&run, "student"));
    let per_utterance = student("", "loss_normalize_type = \"utterance\"", "");
    let run = toy(runs.path(), "utterance", &per_utterance);
    println!("utterance {:e}", follows(&run, "student per utterance"));
}

/// Runs one update of the student on four utterances in `k` micro-batches and holds its clipped gradients to those of the golden for
/// `golden_k`; returns the largest difference over a tensor's largest value.
fn one_update(runs: &Path, k: usize, distill: &str, golden_k: usize) -> f64 {
    let train = format!("accumulation_steps = {k}\nmax_steps = 1");
    let own = student("freeze_feature_encoder = false", &train, distill);
    let size = 4 / k;
    let run = toy(runs, &format!("k{k}"), &own.replace("[model", &format!("batch_size = {size}\n\n[model")));
    let golden = read_tensors(&root().join(FOLDER).join("gradients.safetensors")).unwrap();
    let moments = read_tensors(&run.join("checkpoints/step-1/optimizer.safetensors")).unwrap();
    let metrics = curve(&run);
    let (mut compared, mut worst) = (0, 0.0f64);
    for (name, (_, want)) in &golden {
        let Some(name) = name.strip_prefix(&format!("{golden_k}.")) else { continue };
        // The first moment after one update is a tenth of the gradient.
        let got: Vec<f64> = match moments.get(&format!("first.{name}")) {
            Some((_, values)) => values.iter().map(|value| f64::from(*value) * 10.0).collect(),
            None => vec![metrics[&(1, name.to_owned())]],
        };
        assert_eq!(got.len(), want.len(), "{name}");
        let largest = want.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        for (got, want) in got.iter().zip(want) {
            let difference = (got - f64::from(*want)).abs() / f64::from(largest);
            assert!(difference <= 1e-5, "k = {k}, {name}: {got}, want {want}: {difference:e}");
            worst = worst.max(difference);
        }
        compared += 1;
    }
    assert!(compared > 40, "{compared} tensors");
    worst
}

#[test]
fn gradients_of_accumulated_micro_batches_are_torchs() {
    for k in [1, 2, 4] {
        let runs = tempfile::tempdir().unwrap();
        // With one micro-batch there is nothing to scale, and the option is refused.
        let scaling = if k == 1 { "" } else { "alpha_scaling = \"reference\"" };
        println!("k {k} {:e}", one_update(runs.path(), k, scaling, k));
    }
}

#[test]
fn sound_scaling_gives_the_gradients_of_one_batch_however_it_is_cut() {
    for k in [2, 4] {
        let runs = tempfile::tempdir().unwrap();
        println!("k {k} {:e}", one_update(runs.path(), k, "alpha_scaling = \"sound\"", 1));
    }
}
