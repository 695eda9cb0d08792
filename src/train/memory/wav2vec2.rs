//! What the parts of a wav2vec2 encoder keep until backward.

use super::{Stage, again};
use crate::plan::{KeywordPlan, MixerPlan, ModelPlan, NormKind, Plan, Recompute, Wav2vec2Plan};

/// Partial sums of a convolution's weight gradient.
const PARTIAL_SUMS: f64 = 8.0;
/// Steps between the states that the scans keep, and channels of one of their tasks.
const MAMBA1_BLOCK: f64 = 16.0;
const MAMBA1_TILE: usize = 64;
const MAMBA2_CHUNK: f64 = 64.0;
const MAMBA2_TASK: f64 = 192.0;

/// The stages of a model on a batch of `samples`, padding included, in the order of forward.
pub(super) fn stages(
    plan: &Plan,
    model: &Wav2vec2Plan,
    samples: f64,
    learning: impl Fn(&str) -> f64,
) -> Vec<Stage> {
    let frames = frames(model, samples);
    let width = model.width as f64 * frames;
    let mut stages = convolutions(model, samples, &learning);
    let channels = model.convs.last().map_or(1, |conv| conv.outputs) as f64 * frames;
    stages.push(Stage {
        params: learning("wav2vec2.feature_projection") + learning("wav2vec2.masked_spec_embed"),
        // The norm's output, for the projection. Masks keep nothing.
        kept: channels,
        made: channels + 3.0 * width,
        under_way: 2.0 * channels + 2.0 * width,
        owed: 0.0,
    });
    let position = learning("wav2vec2.encoder.pos_conv_embed");
    stages.push(Stage {
        params: position + learning("wav2vec2.encoder.layer_norm"),
        // Its input, the convolution's output, the sum, the first state; and the normalised weight.
        kept: 4.0 * width + position,
        made: 7.0 * width + 2.0 * position,
        // Gradients, and the input in groups.
        under_way: 5.0 * width + 3.0 * position,
        owed: 0.0,
    });
    let owed =
        if plan.distill.as_ref().is_some_and(|distill| distill.alpha_layer > 0.0) { width } else { 0.0 };
    for index in 0..model.layers {
        let name = format!("wav2vec2.encoder.layers.{index}.");
        let fed = feed_forward(model, frames, learning(&format!("{name}feed_forward")));
        let fed = Stage { owed, ..fed };
        let mixed =
            Stage { params: learning(&name) - fed.params, ..mixing(model.width, model.mixer, frames) };
        match plan.train.recompute {
            Recompute::None => stages.extend([mixed, fed]),
            Recompute::Block => stages.push(again(mixed, fed, width)),
        }
    }
    let scores = model.heads.vocab_size as f64 * frames;
    stages.push(Stage {
        params: learning("lm_head") + learning("classifier"),
        // Scores, their logarithms and the gradient of CTC; the last state, where some of it is dropped.
        kept: 3.0 * scores + if model.rates.final_dropout > 0.0 { width } else { 0.0 },
        made: 4.0 * scores + width,
        under_way: 2.0 * scores + width,
        owed: 0.0,
    });
    stages
}

fn convolutions(model: &Wav2vec2Plan, samples: f64, learning: impl Fn(&str) -> f64) -> Vec<Stage> {
    let mut inputs = samples;
    let mut frames = samples;
    let last = model.convs.len().saturating_sub(1);
    let stage = |(index, conv): (usize, &crate::plan::ConvLayer)| {
        frames /= conv.stride as f64;
        let output = frames * conv.outputs as f64;
        let normed = model.conv_norm == NormKind::Layer || index == 0;
        // The convolution's output, and what norm and GELU make of it at once; without either a norm or a gradient to come, that alone.
        let outputs = if normed || !model.freeze_feature_encoder { 2.0 } else { 1.0 } * output;
        let params = learning(&format!("wav2vec2.feature_extractor.conv_layers.{index}."));
        let learns = !model.freeze_feature_encoder;
        let stage = Stage {
            params,
            // What comes out of the last is for the projection's norm, which learns in any case.
            kept: match (learns, index == last) {
                (true, _) => outputs,
                (false, true) => output,
                (false, false) => 0.0,
            },
            made: outputs + if learns { 0.0 } else { inputs } + params,
            under_way: if learns { 3.0 * output + inputs + (PARTIAL_SUMS + 2.0) * params } else { 0.0 },
            owed: 0.0,
        };
        inputs = output;
        stage
    };
    model.convs.iter().enumerate().map(stage).collect()
}

/// The sum before a norm, the norm's output, what the first product makes, and the next sum and norm. What GELU makes of it is made twice.
fn feed_forward(model: &Wav2vec2Plan, frames: f64, params: f64) -> Stage {
    let (width, inner) = (model.width as f64 * frames, model.inner as f64 * frames);
    let kept = 2.0 * width + inner;
    Stage { params, kept, made: kept + 2.0 * width + inner, under_way: 2.0 * width + inner, owed: 0.0 }
}

/// What mixes frames, with the sum and the norm behind it.
fn mixing(width: usize, mixer: MixerPlan, frames: f64) -> Stage {
    let width = width as f64;
    let behind = 2.0 * width;
    let (kept, under_way) = match mixer {
        // q, k, v, the mixture, and a sum for each query and head; their gradients.
        MixerPlan::Attention { heads } => (4.0 * width + heads as f64, 6.0 * width),
        MixerPlan::Mamba1 { inner, state, rank, .. } => {
            let tiled = inner.next_multiple_of(MAMBA1_TILE) as f64;
            let (inner, state) = (inner as f64, state as f64);
            // x, gate, the convolution's output, Δ, the scan's output; Δ's low rank, B and C; states.
            let kept = 5.0 * inner + rank as f64 + 2.0 * state + tiled * state / MAMBA1_BLOCK;
            (2.0 * kept + width, 6.0 * inner + 3.0 * width)
        }
        MixerPlan::Mamba2 { inner, head_dim, state, chunk, .. } => {
            let heads = inner.checked_div(head_dim).unwrap_or(0) as f64;
            let (inner, state) = (inner as f64, state as f64);
            let chunk = MAMBA2_CHUNK.min(chunk as f64);
            // Gate, the scan's output and its norm; x, B and C before and behind the convolution; dt, Δ and its sums; C·B; states.
            let kept = 5.0 * inner + 4.0 * state + 4.0 * heads + chunk + inner * state / chunk;
            let partials = (inner / MAMBA2_TASK).ceil() * (2.0 * state + chunk);
            (2.0 * kept + width, 5.0 * inner + partials + 3.0 * width)
        }
    };
    Stage {
        params: 0.0,
        kept: (kept + behind) * frames,
        made: (kept + behind + 2.0 * width) * frames,
        under_way: under_way * frames,
        owed: 0.0,
    }
}

fn frames(model: &Wav2vec2Plan, samples: f64) -> f64 {
    samples / model.hop_samples() as f64
}

/// What a teacher's answer takes: its hidden states, where they are compared, and its scores.
pub(super) fn answers(teacher: &ModelPlan, layers: bool, samples: f64) -> f64 {
    let Some(teacher) = teacher.wav2vec2() else { return 0.0 };
    let width = if layers { (teacher.layers + 1) * teacher.width } else { 0 };
    frames(teacher, samples) * (width + teacher.heads.vocab_size) as f64
}

/// The stages of a keyword classifier: bands and projection, layers, heads.
pub(super) fn keyword(model: &KeywordPlan, samples: f64, learning: impl Fn(&str) -> f64) -> Vec<Stage> {
    let frames = samples / model.hop_samples as f64;
    let (width, bands) = (model.width as f64 * frames, model.mel_bands as f64 * frames);
    let kept = bands + width;
    let first = Stage { params: learning("projection"), kept, made: kept, ..Stage::default() };
    let layer = |index| {
        let params = learning(&format!("layers.{index}."));
        Stage { params, ..mixing(model.width, model.mixer(), frames) }
    };
    let last = Stage {
        params: learning("norm") + learning("classifier"),
        kept: width,
        made: 2.0 * width,
        under_way: 2.0 * width,
        owed: 0.0,
    };
    std::iter::once(first).chain((0..model.layers).map(layer)).chain([last]).collect()
}
