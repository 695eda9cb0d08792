//! The model of a plan, part by part: shapes along the way and parameters.

use serde::Serialize;

use crate::model::declare;
use crate::nn::Declaration;
use crate::plan::{Body, KeywordPlan, MixerPlan, ModelPlan, TiersPlan, Wav2vec2Plan};

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
    let named = match &model.body {
        Body::Wav2vec2(encoder) => wav2vec2(encoder, samples),
        Body::Keyword(keyword) => self::keyword(keyword, samples),
        Body::Sashimi(sashimi) => {
            let first = ("mu_embedder".to_owned(), format!("embedding of {} levels", sashimi.levels));
            let last = ("head".to_owned(), "linear".to_owned(), [samples, sashimi.levels]);
            around(first, &sashimi.tiers, samples, [last].into())
        }
        Body::Diffwave(diffwave) => {
            let width = diffwave.tiers.width;
            let first = ("sashimi.init_conv".to_owned(), "conv × 1, ReLU".to_owned());
            let mut rows = around(first, &diffwave.tiers, samples, Vec::new());
            for layer in ["sashimi.fc_t1", "sashimi.fc_t2"] {
                rows.insert(0, (layer.to_owned(), "step embedding".to_owned(), [1, diffwave.step_width]));
            }
            rows.push(("sashimi.final_conv.0".to_owned(), "conv × 1, ReLU".to_owned(), [samples, width]));
            rows.push(("sashimi.final_conv.2".to_owned(), "conv × 1".to_owned(), [samples, 1]));
            rows
        }
    };
    let part =
        |(name, kind, output): Row| Part { params: params_of(&declarations, &name), name, kind, output };
    named.into_iter().map(part).collect()
}

/// Name, kind and output of a part.
type Row = (String, String, [usize; 2]);

fn keyword(model: &KeywordPlan, samples: usize) -> Vec<Row> {
    let frames = model.frames(samples);
    let output = [frames, model.width];
    let mut rows = vec![
        (
            "log_mel".to_owned(),
            format!("log-mel energies, {} every", model.hop_samples),
            [frames, model.mel_bands],
        ),
        ("projection".to_owned(), "linear".to_owned(), output),
    ];
    rows.extend((0..model.layers).map(|layer| (format!("layers.{layer}"), mixer(model.mixer()), output)));
    rows.push(("norm".to_owned(), "layer norm".to_owned(), output));
    let heads = model.heads.classes.iter().enumerate();
    rows.extend(
        heads.map(|(h, &classes)| (format!("classifier.linear.{h}"), "classifier".to_owned(), [1, classes])),
    );
    rows
}

/// The tiers of S4 layers, with what stands in front of them and behind.
fn around(first: (String, String), tiers: &TiersPlan, samples: usize, last: Vec<Row>) -> Vec<Row> {
    let s4 = format!(
        "{}S4, {} states{}",
        if tiers.bidirectional { "bidirectional " } else { "" },
        2 * tiers.s4.pairs,
        if tiers.glu { ", gated" } else { "" }
    );
    let fed = format!("feed-forward × {}", tiers.feed_forward);
    let per_pair = if tiers.feed_forward > 0 { 2 } else { 1 };
    let mut rows = vec![(first.0, first.1, [samples, tiers.width])];
    let blocks = |rows: &mut Vec<Row>, prefix: &str, from: usize, output: [usize; 2]| {
        for index in 0..tiers.blocks * per_pair {
            let kind = if index % per_pair == 0 { &s4 } else { &fed };
            rows.push((format!("{prefix}.{}", from + index), kind.clone(), output));
        }
    };
    let (mut len, mut index) = (samples, 0);
    for (tier, pool) in tiers.pool.iter().enumerate() {
        if tiers.unet {
            blocks(&mut rows, "sashimi.d_layers", index, [len, tiers.width_of(tier)]);
            index += tiers.blocks * per_pair;
        }
        len /= pool;
        let kind = format!("{pool} samples into one");
        rows.push((format!("sashimi.d_layers.{index}"), kind, [len, tiers.width_of(tier + 1)]));
        index += 1;
    }
    blocks(&mut rows, "sashimi.c_layers", 0, [len, tiers.width_of(tiers.pool.len())]);
    for (up, pool) in tiers.pool.iter().rev().enumerate() {
        len *= pool;
        let output = [len, tiers.width_of(tiers.pool.len() - 1 - up)];
        let prefix = format!("sashimi.u_layers.{up}");
        rows.push((format!("{prefix}.0"), format!("one sample into {pool}"), output));
        blocks(&mut rows, &prefix, 1, output);
    }
    rows.push(("sashimi.norm".to_owned(), "norm".to_owned(), [samples, tiers.width]));
    rows.extend(last);
    rows
}

fn wav2vec2(model: &Wav2vec2Plan, samples: usize) -> Vec<Row> {
    let mut parts = Vec::new();
    let mut part = |name: &str, kind: String, output: [usize; 2]| parts.push((name.to_owned(), kind, output));
    let mut frames = samples;
    for (index, conv) in model.convs.iter().enumerate() {
        frames = if frames < conv.kernel { 0 } else { (frames - conv.kernel) / conv.stride + 1 };
        let name = format!("wav2vec2.feature_extractor.conv_layers.{index}");
        let kind = format!("conv {} × {}, stride {}", conv.outputs, conv.kernel, conv.stride);
        part(&name, kind, [frames, conv.outputs]);
    }
    let output = [frames, model.width];
    part("wav2vec2.masked_spec_embed", "time masks".into(), output);
    part("wav2vec2.feature_projection", "norm, linear".into(), output);
    let kind = format!("positional conv × {}", model.positional_kernel);
    part("wav2vec2.encoder.pos_conv_embed", kind, output);
    part("wav2vec2.encoder.layer_norm", "layer norm".into(), output);
    for layer in 0..model.layers {
        let name = format!("wav2vec2.encoder.layers.{layer}");
        part(&name, format!("{}, feed-forward {}", mixer(model.mixer), model.inner), output);
    }
    part("lm_head", "CTC head".into(), [frames, model.heads.vocab_size]);
    for (head, &classes) in model.heads.classes.iter().enumerate() {
        part(&format!("classifier.linear.{head}"), "classifier".into(), [1, classes]);
    }
    parts
}

fn params_of(declarations: &[Declaration], name: &str) -> usize {
    let belongs = |declaration: &&Declaration| {
        declaration.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    declarations.iter().filter(belongs).map(|declaration| declaration.shape.len()).sum()
}

fn mixer(mixer: MixerPlan) -> String {
    match mixer {
        MixerPlan::Attention { heads } => format!("attention × {heads}"),
        MixerPlan::Mamba1 { state, .. } => format!("bidirectional Mamba, {state} states"),
        MixerPlan::Mamba2 { inner, head_dim, state, .. } => {
            format!("bidirectional Mamba-2 × {}, {state} states", inner / head_dim)
        }
    }
}
