//! The model of a plan, part by part: shapes along the way and parameters.

use serde::Serialize;

use crate::model::declare;
use crate::nn::Declaration;
use crate::plan::{MixerPlan, ModelPlan, Plan};

/// One part of the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Name prefix of its parameters.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Shape of its output for one utterance: frames × channels.
    pub output: [usize; 2],
    pub params: usize,
}

/// The parts of a model for an utterance of `samples`, in the order data meets them.
pub fn parts(model: &ModelPlan, samples: usize) -> Vec<Part> {
    let (_, declarations) = declare(model);
    let part = |name: &str, kind: String, output: [usize; 2]| Part {
        name: name.to_owned(),
        kind,
        output,
        params: params_of(&declarations, name),
    };
    let mut parts = Vec::new();
    let mut frames = samples;
    for (index, conv) in model.convs.iter().enumerate() {
        frames = if frames < conv.kernel { 0 } else { (frames - conv.kernel) / conv.stride + 1 };
        let name = format!("wav2vec2.feature_extractor.conv_layers.{index}");
        let kind = format!("conv {} × {}, stride {}", conv.outputs, conv.kernel, conv.stride);
        parts.push(part(&name, kind, [frames, conv.outputs]));
    }
    let output = [frames, model.width];
    parts.push(part("wav2vec2.masked_spec_embed", "time masks".into(), output));
    parts.push(part("wav2vec2.feature_projection", "norm, linear".into(), output));
    let kind = format!("positional conv × {}", model.positional_kernel);
    parts.push(part("wav2vec2.encoder.pos_conv_embed", kind, output));
    parts.push(part("wav2vec2.encoder.layer_norm", "layer norm".into(), output));
    for layer in 0..model.layers {
        let name = format!("wav2vec2.encoder.layers.{layer}");
        parts.push(part(&name, format!("{}, feed-forward {}", mixer(model), model.inner), output));
    }
    parts.push(part("lm_head", "CTC head".into(), [frames, model.heads.vocab_size]));
    for (head, &classes) in model.heads.classes.iter().enumerate() {
        parts.push(part(&format!("classifier.linear.{head}"), "classifier".into(), [1, classes]));
    }
    parts
}

fn params_of(declarations: &[Declaration], name: &str) -> usize {
    let belongs = |declaration: &&Declaration| {
        declaration.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    declarations.iter().filter(belongs).map(|declaration| declaration.shape.len()).sum()
}

fn mixer(model: &ModelPlan) -> String {
    match model.mixer {
        MixerPlan::Attention { heads } => format!("attention × {heads}"),
        MixerPlan::Mamba1 { state, .. } => format!("bidirectional Mamba, {state} states"),
        MixerPlan::Mamba2 { inner, head_dim, state, .. } => {
            format!("bidirectional Mamba-2 × {}, {state} states", inner / head_dim)
        }
    }
}

/// Bytes that a training run holds at its peak, roughly: weights, gradients and moments, and what one batch at the frame limit
/// leaves on the tape.
pub fn memory_bytes(plan: &Plan) -> u64 {
    const FLOAT: f64 = 4.0;
    let model = &plan.model;
    let params: usize = declare(model).1.iter().map(|declaration| declaration.shape.len()).sum();
    let mut state = 4.0 * params as f64 * FLOAT;
    if plan.distill.is_some() {
        state += declare(&plan.teacher_model()).1.iter().map(|d| d.shape.len()).sum::<usize>() as f64 * FLOAT;
    }
    // A batch is bounded by samples and by utterances; utterances longer than 20 s are rare.
    let longest = 20.0 * f64::from(plan.data.sample_rate_hz);
    let samples = plan.data.batch_frame_limit.min(plan.data.batch_size as f64 * longest);
    let mut frames = samples;
    let mut floats = samples;
    for conv in &model.convs {
        frames /= conv.stride as f64;
        // Convolution, norm and GELU each keep an output, and one gradient is under way.
        floats += frames * conv.outputs as f64 * 4.0;
    }
    let width = model.width as f64;
    let mixing = match model.mixer {
        MixerPlan::Attention { .. } => 7.0 * width,
        MixerPlan::Mamba1 { inner, state, .. } => {
            2.0 * (7.0 * inner as f64 + 2.0 * state as f64 + 3.0 * width)
        }
        MixerPlan::Mamba2 { inner, state, .. } => {
            2.0 * (7.0 * inner as f64 + 4.0 * state as f64 + 3.0 * width)
        }
    };
    floats += frames * model.layers as f64 * (7.0 * width + 2.0 * model.inner as f64 + mixing);
    (state + floats * FLOAT) as u64
}
