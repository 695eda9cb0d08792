//! First values of parameters: their distributions, and what a student takes from its teacher.

use std::fs;
use std::path::{Path, PathBuf};

use kernels::Cpu;
use runner::model::Model;
use runner::model::weights::{Tensors, read_tensors};

use crate::support::{plan_of, root, runner, runs_in};

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// Holds `values` to a uniform distribution in ±`bound`: no value outside, mean and deviation within 3 σ of what they should be.
fn uniform(name: &str, values: &[f64], low: f64, high: f64) {
    let (n, width) = (values.len() as f64, high - low);
    let slack = 1e-6 * high.abs().max(low.abs());
    assert!(
        values.iter().all(|value| (low - slack..=high + slack).contains(value)),
        "{name} leaves its range"
    );
    let (mean, std) = moments(values);
    let want = width / 12f64.sqrt();
    assert!((mean - f64::midpoint(low, high)).abs() < 3.0 * want / n.sqrt(), "{name}: mean {mean}");
    // The variance of the sample variance of a uniform distribution is width⁴/180 over n.
    let error = width.powi(4) / 180.0 / n;
    assert!((std * std - want * want).abs() < 3.0 * error.sqrt(), "{name}: deviation {std}");
}

#[test]
fn first_values_have_the_published_distributions() {
    let plan = plan_of(
        "[data]\ndir = \"corpora/smoke\"\n[model.wav2vec2]\nhidden_size = 256\nnum_hidden_layers = 2\nnum_attention_heads = 4\n\
         intermediate_size = 64\nconv_dim = [8, 8, 8]\nconv_kernel = [10, 8, 4]\nconv_stride = [5, 8, 4]\nasr_use_mamba = true\n\
         mamba_headdim = 2\nmamba_d_state = 16\npretrained = \"random:1\"\n",
        &[],
    );
    let model = Model::draw(&Cpu::default(), &plan.model, 29).unwrap();
    let all = |leaf: &str| -> Vec<f64> {
        let of = model.params.iter().filter(|param| param.name().ends_with(leaf));
        of.flat_map(|param| param.array().to_vec()).map(f64::from).collect()
    };
    let steps: Vec<f64> = all("_mamba.dt_bias").iter().map(|x| x.exp().ln_1p().ln()).collect();
    uniform("ln dt", &steps, 1e-3f64.ln(), 0.1f64.ln());
    uniform("A", &all("_mamba.A_log").iter().map(|x| x.exp()).collect::<Vec<_>>(), 1.0, 16.0);
    assert!(all("_mamba.D").iter().chain(&all("_mamba.norm.weight")).all(|value| *value == 1.0));
    uniform("in_proj", &all("_mamba.in_proj.weight"), -1.0 / 16.0, 1.0 / 16.0);
    uniform("out_proj", &all("_mamba.out_proj.weight"), -1.0 / 16.0, 1.0 / 16.0);
    uniform("conv1d.weight", &all("_mamba.conv1d.weight"), -0.5, 0.5);
    uniform("conv1d.bias", &all("_mamba.conv1d.bias"), -0.5, 0.5);
    let head = all("lm_head.weight");
    let ((mean, std), n) = (moments(&head), head.len() as f64);
    assert!(
        mean.abs() < 3.0 * 0.02 / n.sqrt() && (std - 0.02).abs() < 3.0 * 0.02 / (2.0 * n).sqrt(),
        "{std}"
    );
    assert!(all("lm_head.bias").iter().all(|value| *value == 0.0));
}

/// The first weights of a student whose first update has a rate of 0.
fn student(runs: &Path, init: &str) -> Tensors {
    let root = root().display().to_string();
    let experiment = runs.join(format!("{init}.toml"));
    let own = format!(
        "extends = [\"{root}/tests/parity/training/toy.toml\"]\n\n[model.wav2vec2]\npretrained = \"random:5\"\nasr_use_mamba = true\n\n\
         [train]\nmax_steps = 1\n\n[eval]\nmax_eval_batches = 1\n\n\
         [distill]\nteacher = \"{root}/tests/parity/training/teacher\"\nstudent_init = \"{init}\"\n"
    );
    fs::write(&experiment, own).unwrap();
    let said = runner(&["run", &experiment.display().to_string(), "--json", "-s", &runs_in(runs)]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let dir = PathBuf::from(report["dir"].as_str().unwrap());
    read_tensors(&dir.join("checkpoints/step-1/model.safetensors")).unwrap()
}

#[test]
fn a_student_starts_with_its_teachers_bits_and_mixers_of_its_own() {
    let runs = tempfile::tempdir().unwrap();
    let teacher = read_tensors(&root().join("tests/parity/training/teacher/model.safetensors")).unwrap();
    let (from_teacher, from_source) = (student(runs.path(), "teacher"), student(runs.path(), "source"));
    let mut shared = 0;
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for (name, (_, values)) in &from_teacher {
        let want = match teacher.get(name) {
            Some((_, values)) => values,
            None => &from_source[name].1,
        };
        assert_eq!(bits(values), bits(want), "{name}");
        assert_eq!(teacher.contains_key(name), !name.contains("_mamba."), "{name}");
        shared += usize::from(teacher.contains_key(name));
    }
    assert_eq!(shared, teacher.keys().filter(|name| !name.contains(".attention.")).count());
}
