//! Rules that are functions of a few numbers or names: goldens made by make_rules.py (transformers, torch, the specification's tables).

use std::collections::BTreeMap;

use runner::config::Experiment;
use runner::model::declare;
use runner::plan::{Decay, ModelPlan, Schedule, resolve};
use serde_json::{Value as Json, json};

use super::golden_text;

/// The plan of the default model with some options changed.
pub fn model_plan(options: &Json) -> ModelPlan {
    let mut experiment = serde_json::to_value(Experiment::default()).expect("an experiment is JSON");
    (experiment["name"], experiment["data"]["dir"]) = (json!("x"), json!("x"));
    experiment["data"]["data_format"] = json!("nltLa");
    for (key, value) in options.as_object().expect("options") {
        experiment["model"]["wav2vec2"][key] = value.clone();
    }
    let experiment: Experiment = serde_json::from_value(experiment).expect("an experiment");
    resolve(&experiment, Vec::new()).expect("a plan").model
}

#[test]
fn lengths_in_frames_are_transformers() {
    let plan = model_plan(&json!({}));
    assert_eq!(plan.min_samples(), 400);
    let table = golden_text("lengths.tsv");
    let first: BTreeMap<usize, usize> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').expect("two cells"))
        .map(|(frames, samples)| (samples.parse().unwrap(), frames.parse().unwrap()))
        .collect();
    for samples in 1..=50_000 {
        let want = first.range(..=samples).next_back().map_or(0, |(_, frames)| *frames);
        assert_eq!(plan.frames(samples), want, "{samples} samples");
    }
}

#[test]
fn learning_rates_are_the_references() {
    let table = golden_text("schedule.tsv");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let real = |at: usize| cells[at].parse::<f64>().unwrap();
        let whole = |at: usize| cells[at].parse::<u64>().unwrap();
        let schedule = Schedule {
            max_lr: real(0),
            min_lr: real(1),
            final_lr: real(2),
            warmup_steps: whole(3),
            warmup_stairs: 1,
            plateau_steps: whole(4),
            decay_steps: whole(5),
            decay: if cells[6] == "exp" { Decay::Exp } else { Decay::Linear },
            reset_period: whole(7),
            reset_times: whole(8),
        };
        let (got, want) = (schedule.lr(whole(9), 0) / schedule.max_lr, real(10));
        assert!((got - want).abs() <= 1e-6 * want, "{got} for {line}");
    }
}

#[test]
fn names_shapes_and_counts_of_parameters_are_the_references() {
    let mut want: BTreeMap<(String, String), BTreeMap<String, String>> = BTreeMap::new();
    let mut totals = BTreeMap::new();
    for line in golden_text("decay.tsv").lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let [config, mixer, name, shape, last] = &cells[..] else { panic!("five cells: {line}") };
        let kind = (config.clone(), mixer.clone());
        match name == "TOTAL" {
            true => drop(totals.insert(kind, (shape.clone(), last.clone()))),
            false => drop(want.entry(kind).or_default().insert(name.clone(), shape.clone())),
        }
    }
    assert_eq!((want.len(), totals.len()), (6, 6));
    for ((config, mixer), want) in &want {
        let mut options = match config.as_str() {
            "large" => json!({}),
            _ => json!({
                "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072, "num_hidden_layers": 12,
                "conv_bias": false, "feat_extract_norm": "group", "do_stable_layer_norm": false,
            }),
        };
        options["asr_use_mamba"] = json!(mixer != "attention");
        options["asr_mamba_use_mamba2"] = json!(mixer == "mamba2");
        let (_, declarations) = declare(&model_plan(&options));
        let frozen = |name: &str| name.starts_with("wav2vec2.feature_extractor.");
        let count = |chosen: &dyn Fn(&str) -> bool| {
            let chosen = declarations.iter().filter(|declaration| chosen(&declaration.name));
            chosen.map(|declaration| declaration.shape.len()).sum::<usize>().to_string()
        };
        let counts = (count(&|_| true), count(&|name| !frozen(name)));
        assert_eq!(&counts, &totals[&(config.clone(), mixer.clone())], "{config} {mixer}");

        options["num_hidden_layers"] = json!(2);
        options["use_classifier"] = json!(true);
        options["classifier_num_targets"] = json!([18, 46]);
        let (_, declarations) = declare(&model_plan(&options));
        let shape = |dims: &[usize]| dims.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let got: BTreeMap<String, String> =
            declarations.iter().map(|made| (made.name.clone(), shape(made.shape.dims()))).collect();
        assert_eq!(&got, want, "{config} {mixer}");
    }
}
