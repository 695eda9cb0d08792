//! Layers and small models: goldens made by make_layers.py (transformers' modules and the mixers' recurrences, in double precision).

use std::collections::BTreeSet;

use kernels::{Array, Cpu, Tape};
use runner::model::weights::Tensors;
use runner::model::{Activations, FeatureEncoder, Input, Model};
use runner::nn::{
    Bidirectional, Declaration, Mamba1, Mamba1Sizes, Mamba2, Mamba2Sizes, MixerSizes, Params, Pass,
    PositionalConv, Scope,
};
use serde_json::{Value as Json, json};

use super::pattern::{fill, noise};
use super::rules::model_plan;
use super::{closeness, golden_tensors};

/// Declares something and gives it the goldens' weights.
fn declared<T>(declare: impl FnOnce(&mut Scope<'_>) -> T) -> (T, Params<Cpu>) {
    let mut declarations: Vec<Declaration> = Vec::new();
    let made = declare(&mut Scope::root(&mut declarations));
    let mut params = Params::draw(&Cpu::default(), &declarations, 0).expect("room");
    fill(&mut params);
    (made, params)
}

/// The frames that make_layers.py keeps of long outputs.
fn kept(time: usize) -> BTreeSet<usize> {
    let frames = [0, 1, 2, 63, 64, time / 2, time.saturating_sub(2), time - 1];
    frames.into_iter().filter(|&frame| frame < time && (time > 1 || frame == 0)).collect()
}

/// The chosen frames of a [B, T, C] array.
fn frames(array: &Array<Cpu>, chosen: impl IntoIterator<Item = usize> + Clone) -> Vec<f32> {
    let [rows, time, channels] = array.shape().dims()[..] else { panic!("three axes") };
    let values = array.to_vec();
    let chosen = (0..rows).flat_map(|row| chosen.clone().into_iter().map(move |frame| row * time + frame));
    chosen.flat_map(|at| values[at * channels..(at + 1) * channels].to_vec()).collect()
}

/// Waveforms [B, L, 1], zero from each row's length on.
fn waveforms(samples: &[usize], longest: usize) -> Array<Cpu> {
    let mut values = noise("waveforms", [samples.len(), longest, 1]).to_vec();
    for (row, &valid) in values.chunks_mut(longest).zip(samples) {
        row[valid..].fill(0.0);
    }
    Array::from_vec(&Cpu::default(), values, [samples.len(), longest, 1]).expect("room")
}

/// The options of the goldens' small models.
pub fn tiny(style: &str, mixer: &str, more: Json) -> Json {
    let stable = style == "large";
    let mut options = json!({
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
        "conv_dim": [8, 8, 12], "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 4],
        "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
        "do_stable_layer_norm": stable, "feat_extract_norm": if stable { "layer" } else { "group" }, "conv_bias": stable,
        "asr_use_mamba": mixer != "attention", "asr_mamba_use_mamba2": mixer == "mamba2",
        "mamba_headdim": 16, "mamba_d_state": if mixer == "mamba2" { 8 } else { 4 },
    });
    for (key, value) in more.as_object().expect("options") {
        options[key] = value.clone();
    }
    options
}

/// A model at rest on a batch.
fn activations(options: &Json, samples: &[usize], longest: usize) -> Activations<Cpu> {
    let device = Cpu::default();
    let mut model = Model::draw(&device, &model_plan(options), 0).expect("room");
    fill(&mut model.params);
    let input = Input::of(waveforms(samples, longest), samples.to_vec());
    let network = model.network.recogniser().expect("the family");
    network.forward(&mut Pass::at_rest(&model.params, &mut Tape::silent()), &input).expect("it runs")
}

#[test]
fn feature_encoders_are_transformers() {
    let golden = golden_tensors("layers.safetensors");
    for style in ["base", "large"] {
        let seven = json!({
            "conv_dim": [8, 8, 8, 8, 8, 8, 8], "conv_kernel": [10, 3, 3, 3, 3, 2, 2], "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        });
        let plan = model_plan(&tiny(style, "attention", seven));
        let (encoder, params) = declared(|scope| {
            FeatureEncoder::declare(
                &mut scope.child("wav2vec2").child("feature_extractor"),
                plan.wav2vec2().expect("the family"),
            )
        });
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&params, &mut tape);
        let made = encoder.forward(&mut pass, &waveforms(&[4000, 2511], 4000)).expect("it runs");
        let want = &golden[&format!("features.{style}")];
        assert_eq!(made.shape().dims(), want.0);
        closeness(&format!("8 {style}"), &made.to_vec(), &want.1, 1e-5);
    }
}

#[test]
fn the_positional_convolution_is_transformers() {
    let golden = golden_tensors("layers.safetensors");
    let (position, params) = declared(|scope| PositionalConv::declare(scope, 32, 128, 16));
    for time in [1, 5, 150] {
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&params, &mut tape);
        let made = position.forward(&mut pass, &noise("x", [2, time, 32])).expect("it runs");
        closeness(
            &format!("9 T = {time}"),
            &frames(&made, kept(time)),
            &golden[&format!("position.{time}")].1,
            1e-5,
        );
    }
}

fn mamba2(chunk: usize) -> Mamba2Sizes {
    Mamba2Sizes { width: 32, inner: 32, head_dim: 16, state: 8, taps: 4, chunk, simple: false }
}

const MAMBA1: Mamba1Sizes = Mamba1Sizes { width: 32, inner: 32, state: 4, taps: 4, rank: 2, simple: false };

type Layer = dyn Fn(&mut Pass<'_, Cpu>, &Array<Cpu>) -> Array<Cpu>;

/// A mixer against the recurrence: outputs at many lengths, and all gradients.
fn check_mixer(check: &str, kind: &str, golden: &Tensors, mixer: &Layer, params: &Params<Cpu>) {
    for time in [1, 3, 255, 256, 257, 1000] {
        let mut tape = Tape::silent();
        let made = mixer(&mut Pass::at_rest(params, &mut tape), &noise("u", [1, time, 32]));
        let want = &golden[&format!("{kind}.{time}")].1;
        closeness(&format!("{check} T = {time}"), &frames(&made, kept(time)), want, 1e-5);
    }
    let (u, mut tape) = (noise("u", [2, 257, 32]).tracked(), Tape::recording());
    let made = mixer(&mut Pass::at_rest(params, &mut tape), &u);
    let seeds = vec![(made, noise("dy", [2, 257, 32]).to_vec())];
    let mut grads = tape.backward(&Cpu::default(), seeds).expect("it runs");
    let du =
        Array::from_vec(&Cpu::default(), grads.to_vec(&u).expect("it runs"), [2, 257, 32]).expect("room");
    closeness(&format!("{check} du"), &frames(&du, kept(257)), &golden[&format!("{kind}.grad.u")].1, 1e-4);
    for param in params.iter() {
        let want = &golden[&format!("{kind}.grad.{}", param.name())].1;
        let got = grads.to_vec(param.array()).expect("it runs");
        closeness(&format!("{check} d{}", param.name()), &got, want, 1e-4);
    }
}

#[test]
fn mamba_2_is_its_recurrence_forward_and_backward() {
    let golden = golden_tensors("layers.safetensors");
    for chunk in [64, 256] {
        let (mixer, params) = declared(|scope| Mamba2::declare(scope, mamba2(chunk), 1));
        assert_eq!(params.iter().len(), 8);
        let layer = move |pass: &mut Pass<'_, Cpu>, u: &Array<Cpu>| mixer.forward(pass, u).expect("it runs");
        check_mixer(&format!("13, 14 chunk {chunk}"), "mamba2", &golden, &layer, &params);
    }
}

#[test]
fn mamba_1_is_its_recurrence_forward_and_backward() {
    let golden = golden_tensors("layers.safetensors");
    let (mixer, params) = declared(|scope| Mamba1::declare(scope, MAMBA1, 1));
    let layer = move |pass: &mut Pass<'_, Cpu>, u: &Array<Cpu>| mixer.forward(pass, u).expect("it runs");
    check_mixer("15", "mamba1", &golden, &layer, &params);
}

#[test]
fn both_directions_together_are_the_wrapper() {
    let golden = golden_tensors("layers.safetensors");
    for (kind, sizes) in [("mamba2", MixerSizes::Mamba2(mamba2(256))), ("mamba1", MixerSizes::Mamba1(MAMBA1))]
    {
        for inside in [false, true] {
            let (both, params) = declared(|scope| Bidirectional::declare(scope, sizes, inside));
            for (title, lens) in [("ragged", [40, 33, 1, 0]), ("whole", [40; 4])] {
                let mut tape = Tape::silent();
                let mut pass = Pass::at_rest(&params, &mut tape);
                let made = both.forward(&mut pass, &noise("u", [4, 40, 32]), &lens).expect("it runs");
                let name = format!("both.{kind}.{}.{title}", u8::from(inside));
                closeness(&format!("16 {name}"), &frames(&made, (0..40).step_by(4)), &golden[&name].1, 1e-5);
                for (row, valid) in made.to_vec().chunks(40 * 32).zip(lens) {
                    assert!(row[valid * 32..].iter().all(|&y| y == 0.0), "{name}: padding");
                }
            }
        }
    }
}

const SAMPLES: [usize; 3] = [6400, 4801, 1603];

/// Hidden states on valid frames, logits there, and classes.
fn check_model(check: &str, name: &str, states: &[usize], options: &Json, tolerance: f32) {
    let golden = golden_tensors("layers.safetensors");
    let made = activations(options, &SAMPLES, 6400);
    let every_sixth = |array: &Array<Cpu>, want: &Tensors, name: &str| {
        let time = array.shape().dims()[1];
        let got = frames(array, (0..time).step_by(6));
        let channels = array.shape().last();
        let valid = |row: usize| made.frames[row].div_ceil(6) * channels;
        let per_row = time.div_ceil(6) * channels;
        let cut = |values: &[f32]| -> Vec<f32> {
            values
                .chunks(per_row)
                .enumerate()
                .flat_map(|(row, values)| values[..valid(row)].to_vec())
                .collect()
        };
        closeness(&format!("{check} {name}"), &cut(&got), &cut(&want[name].1), tolerance);
    };
    for &state in states {
        every_sixth(&made.hidden_states[state], &golden, &format!("{name}.hidden_states.{state}"));
    }
    every_sixth(made.ctc().expect("scores"), &golden, &format!("{name}.logits"));
    for (head, scores) in made.class_logits.iter().enumerate() {
        let want = &golden[&format!("{name}.class_logits.{head}")].1;
        closeness(&format!("23 {name}.{head}"), &scores.to_vec(), want, 1e-6);
    }
}

#[test]
fn transformers_of_two_and_of_many_layers_are_transformers() {
    for (style, layers) in [("base", 12), ("large", 24)] {
        let classes = json!({"use_classifier": true, "classifier_num_targets": [5, 7]});
        check_model("10", &format!("{style}.2"), &[0, 1, 2], &tiny(style, "attention", classes), 1e-5);
        let options = tiny(style, "attention", json!({"num_hidden_layers": layers}));
        check_model("10", &format!("{style}.{layers}"), &[layers / 2, layers], &options, 1e-4);
    }
}

#[test]
fn students_are_transformers_with_other_mixers() {
    for style in ["base", "large"] {
        for mixer in ["mamba2", "mamba1"] {
            for inside in [false, true] {
                let more = json!({
                    "asr_mamba_residual_inside": inside, "use_classifier": true, "classifier_num_targets": [5, 7],
                    "classifier_pooling": "first",
                });
                let name = format!("{style}.{mixer}.{}", u8::from(inside));
                check_model("17", &name, &[0, 1, 2], &tiny(style, mixer, more), 1e-4);
            }
        }
    }
}

#[test]
fn padding_does_not_reach_valid_frames() {
    for mixer in ["attention", "mamba2", "mamba1"] {
        let options = tiny("large", mixer, json!({}));
        let padded = activations(&options, &[4801], 6400);
        let alone = activations(&options, &[4801], 4801);
        assert_eq!(padded.frames, alone.frames);
        let valid = alone.frames[0];
        closeness(
            &format!("11 {mixer}"),
            &frames(padded.ctc().expect("scores"), 0..valid),
            &frames(alone.ctc().expect("scores"), 0..valid),
            1e-6,
        );
    }
}
