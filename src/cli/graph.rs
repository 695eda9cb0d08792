//! The model of a plan, part by part: shapes along the way and parameters.

use serde::Serialize;

use crate::model::declare;
use crate::nn::Declaration;
use crate::plan::{MixerPlan, ModelPlan};

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
