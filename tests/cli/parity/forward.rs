//! `runner forward` against transformers: goldens made by tests/parity/make_wav2vec2.py.

use std::path::Path;

use super::golden;
use crate::support::runner;
use runner::model::weights::{Tensors, read_tensors};

const TOLERANCE: f32 = 1e-4;

fn activations(variant: &str) -> (Tensors, Tensors) {
    let from = format!("tests/parity/wav2vec2_{variant}");
    activations_from(variant, &from)
}

/// The golden of a variant, and what the program makes of the weights in `folder`.
fn activations_from(variant: &str, folder: &str) -> (Tensors, Tensors) {
    let dir = tempfile::tempdir().unwrap();
    let dump = dir.path().join("out.safetensors");
    let golden = golden(&format!("wav2vec2_{variant}/golden.safetensors"));
    let said = runner(&[
        "forward",
        &format!("tests/parity/wav2vec2_{variant}.toml"),
        "--input",
        &golden.display().to_string(),
        "--dump",
        &dump.display().to_string(),
        "-s",
        &format!("model.wav2vec2.pretrained=\"{folder}\""),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    (read_tensors(&golden).unwrap(), read_tensors(Path::new(&dump)).unwrap())
}

/// The largest difference on valid frames, over the largest value.
fn difference(name: &str, want: &Tensors, got: &Tensors) -> f32 {
    let ((dims, want_values), (got_dims, got_values)) = (&want[name], &got[name]);
    assert_eq!(dims, got_dims, "{name}");
    let (time, channels) = (dims[1], dims[2]);
    let mut worst = 0.0f32;
    let mut largest = 0.0f32;
    for (row, frames) in want["frames"].1.iter().enumerate() {
        let from = row * time * channels;
        let valid = from..from + *frames as usize * channels;
        for (a, b) in want_values[valid.clone()].iter().zip(&got_values[valid]) {
            worst = worst.max((a - b).abs());
            largest = largest.max(a.abs());
        }
    }
    worst / largest
}

#[test]
fn every_hidden_state_and_the_logits_match_transformers() {
    for variant in ["base", "large"] {
        let (want, got) = activations(variant);
        assert_eq!(want["frames"].1, got["frames"].1);
        for name in [
            "extract_features",
            "hidden_states.0",
            "hidden_states.1",
            "hidden_states.2",
            "hidden_states.3",
            "logits",
        ] {
            let difference = difference(name, &want, &got);
            assert!(difference <= TOLERANCE, "{variant} {name}: {difference:e}");
        }
    }
}

#[test]
fn every_layout_of_a_checkpoint_gives_the_same_model() {
    let states = ["extract_features", "hidden_states.0", "hidden_states.3"];
    for (layout, has_head) in [("shards", true), ("bin", false), ("bare", false), ("ckpt", true)] {
        let (want, got) = activations_from("large", &format!("tests/parity/wav2vec2_layouts/{layout}"));
        for name in states.into_iter().chain(has_head.then_some("logits")) {
            let difference = difference(name, &want, &got);
            assert!(difference <= TOLERANCE, "{layout} {name}: {difference:e}");
        }
    }
}

#[test]
fn a_checkpoint_of_another_model_is_refused_with_what_differs() {
    let said = runner(&[
        "forward",
        "tests/parity/wav2vec2_large.toml",
        "--input",
        "tests/parity/wav2vec2_large/golden.safetensors",
        "--dump",
        "/dev/null",
        "-s",
        "model.wav2vec2.num_hidden_layers=4",
        "-s",
        "model.wav2vec2.conv_stride=[5, 4, 3]",
    ]);
    assert_eq!(said.code, 2, "{}", said.err);
    let expected = "`tests/parity/wav2vec2_large/config.json` is of another model: `num_hidden_layers = 3` there, 4 here; \
                    `conv_stride = [5,4,2]` there, [5,4,3] here";
    assert!(said.err.contains(expected), "{}", said.err);
}
