//! wav2vec2: every size known, every shape proven.

use serde::Serialize;

use super::{Body, Family, ModelPlan, Pretrained, divides};
use crate::config::{FeatExtractNorm, Pooling, Wav2vec2};
use crate::plan::Problem;

/// One convolution of the feature encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ConvLayer {
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
}

/// Which normalisation the feature encoder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum NormKind {
    /// Per channel over time, after the first convolution only.
    Group,
    /// Over channels, after every convolution.
    Layer,
}

/// What mixes frames inside an encoder layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MixerPlan {
    Attention { heads: usize },
    Mamba1 { inner: usize, state: usize, taps: usize, rank: usize, residual_inside: bool },
    Mamba2 { inner: usize, head_dim: usize, state: usize, taps: usize, chunk: usize, residual_inside: bool },
}

/// Rates of everything that drops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    pub feat_proj: f32,
    pub final_dropout: f32,
    pub hidden: f32,
    pub activation: f32,
    pub attention: f32,
    pub layerdrop: f32,
}

/// SpecAugment along time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimeMasks {
    pub prob: f64,
    pub length: usize,
    pub min_masks: usize,
}

/// What stands on the encoder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heads {
    /// Outputs of the CTC head.
    pub vocab_size: usize,
    /// Index of the blank.
    pub blank: usize,
    /// Classes of each classifier head; empty: no classifier.
    pub classes: Vec<usize>,
    pub pooling: Pooling,
}

/// A wav2vec2 encoder with heads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wav2vec2Plan {
    pub convs: Vec<ConvLayer>,
    pub conv_bias: bool,
    pub conv_norm: NormKind,
    pub width: usize,
    pub layers: usize,
    pub inner: usize,
    pub positional_kernel: usize,
    pub positional_groups: usize,
    pub stable_layer_norm: bool,
    pub layer_norm_eps: f32,
    pub initializer_range: f32,
    pub mixer: MixerPlan,
    pub rates: Rates,
    pub time_masks: TimeMasks,
    pub freeze_feature_encoder: bool,
    pub heads: Heads,
}

impl Wav2vec2Plan {
    /// Encoder frames of `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        self.convs.iter().fold(samples, |len, conv| {
            if len < conv.kernel { 0 } else { (len - conv.kernel) / conv.stride + 1 }
        })
    }

    /// Samples per encoder frame.
    pub fn hop_samples(&self) -> usize {
        self.convs.iter().fold(1_usize, |hop, conv| hop.saturating_mul(conv.stride))
    }
}

impl Family for Wav2vec2Plan {
    fn name(&self) -> &'static str {
        "wav2vec2"
    }

    fn frames(&self, samples: usize) -> usize {
        self.frames(samples)
    }

    fn min_samples(&self) -> usize {
        let back =
            |len: usize, conv: &ConvLayer| (len - 1).saturating_mul(conv.stride).saturating_add(conv.kernel);
        self.convs.iter().rev().fold(1, back)
    }

    fn heads(&self) -> Option<&Heads> {
        Some(&self.heads)
    }

    fn freezes(&self, name: &str) -> bool {
        self.freeze_feature_encoder && name.starts_with("wav2vec2.feature_extractor.")
    }

    /// The body, attention included, but no head and no mixer.
    fn is_source(&self, name: &str) -> bool {
        name.starts_with("wav2vec2.") && !name.contains("_mamba.")
    }

    fn drops(&self) -> Vec<(&'static str, f64)> {
        let rates = &self.rates;
        vec![
            ("time masks, share of frames", self.time_masks.prob),
            ("dropout after the feature projection", f64::from(rates.feat_proj)),
            ("dropout of hidden states", f64::from(rates.hidden)),
            ("dropout inside feed-forward blocks", f64::from(rates.activation)),
            ("dropout of attention weights", f64::from(rates.attention)),
            ("dropout before the CTC head", f64::from(rates.final_dropout)),
            ("layers skipped", f64::from(rates.layerdrop)),
        ]
    }

    fn settle(&mut self, attends: bool) {
        if !attends && !matches!(self.mixer, MixerPlan::Attention { .. }) {
            self.rates.attention = 0.0;
        }
        if self.time_masks.prob == 0.0 {
            (self.time_masks.length, self.time_masks.min_masks) = (1, 0);
        }
        if self.heads.classes.is_empty() {
            self.heads.pooling = Pooling::Mean;
        }
    }
}

/// The model of a `[model.wav2vec2]`, and what is wrong with it.
pub(super) fn wav2vec2_model(w: &Wav2vec2, problems: &mut Vec<Problem>) -> ModelPlan {
    check(w, problems);
    let mut inputs = 1;
    let convs = (0..w.conv_dim.len().min(w.conv_kernel.len()).min(w.conv_stride.len()))
        .map(|i| {
            let layer = ConvLayer {
                inputs,
                outputs: w.conv_dim[i],
                kernel: w.conv_kernel[i],
                stride: w.conv_stride[i],
            };
            inputs = layer.outputs;
            layer
        })
        .collect();
    let plan = Wav2vec2Plan {
        convs,
        conv_bias: w.conv_bias,
        conv_norm: match w.feat_extract_norm {
            FeatExtractNorm::Group => NormKind::Group,
            FeatExtractNorm::Layer => NormKind::Layer,
        },
        width: w.hidden_size,
        layers: w.num_hidden_layers,
        inner: w.intermediate_size,
        positional_kernel: w.num_conv_pos_embeddings,
        positional_groups: w.num_conv_pos_embedding_groups,
        stable_layer_norm: w.do_stable_layer_norm,
        layer_norm_eps: w.layer_norm_eps as f32,
        initializer_range: w.initializer_range as f32,
        mixer: mixer(w),
        rates: rates(w),
        time_masks: TimeMasks {
            prob: w.mask_time_prob,
            length: w.mask_time_length,
            min_masks: w.mask_time_min_masks,
        },
        freeze_feature_encoder: w.freeze_feature_encoder,
        heads: Heads {
            vocab_size: w.asr_vocab_size,
            blank: w.pad_token_id,
            classes: if w.use_classifier { w.classifier_num_targets.clone() } else { Vec::new() },
            pooling: w.classifier_pooling,
        },
    };
    ModelPlan { pretrained: pretrained(&w.pretrained, problems), body: Body::Wav2vec2(Box::new(plan)) }
}

fn mixer(w: &Wav2vec2) -> MixerPlan {
    let inner = w.hidden_size * w.mamba_expand;
    let state = |operators_own| if w.mamba_d_state == 0 { operators_own } else { w.mamba_d_state };
    if !w.asr_use_mamba {
        MixerPlan::Attention { heads: w.num_attention_heads }
    } else if w.asr_mamba_use_mamba2 {
        MixerPlan::Mamba2 {
            inner,
            head_dim: w.mamba_headdim,
            state: state(128),
            taps: w.mamba_d_conv,
            chunk: w.mamba_chunk_size,
            residual_inside: w.asr_mamba_residual_inside,
        }
    } else {
        MixerPlan::Mamba1 {
            inner,
            state: state(16),
            taps: w.mamba_d_conv,
            rank: w.hidden_size.div_ceil(16),
            residual_inside: w.asr_mamba_residual_inside,
        }
    }
}

fn rates(w: &Wav2vec2) -> Rates {
    Rates {
        feat_proj: w.feat_proj_dropout as f32,
        final_dropout: w.final_dropout as f32,
        hidden: w.hidden_dropout as f32,
        activation: w.activation_dropout as f32,
        attention: w.attention_dropout as f32,
        layerdrop: w.layerdrop as f32,
    }
}

fn pretrained(text: &str, problems: &mut Vec<Problem>) -> Pretrained {
    let Some(seed) = text.strip_prefix("random:") else {
        return Pretrained::Folder(text.to_owned());
    };
    match seed.parse() {
        Ok(seed) => Pretrained::Random { seed },
        Err(_) => {
            problems.push(Problem::new(
                "model.wav2vec2.pretrained",
                format!("`{text}` names no seed"),
                "write `random:` and a whole number, for example `random:17`",
            ));
            Pretrained::Random { seed: 0 }
        }
    }
}

fn check(w: &Wav2vec2, problems: &mut Vec<Problem>) {
    check_sizes(w, problems);
    check_mamba(w, problems);
    if w.pad_token_id >= w.asr_vocab_size {
        problems.push(Problem::new(
            &key("pad_token_id"),
            format!(
                "the blank {} lies outside the {} outputs of the CTC head",
                w.pad_token_id, w.asr_vocab_size
            ),
            "set `pad_token_id = 0`, the index of `[PAD]` in `vocab.json`",
        ));
    }
    check_rates(w, problems);
}

fn key(leaf: &str) -> String {
    format!("model.wav2vec2.{leaf}")
}

/// The convolutions in front of the encoder, and what its width is divided into. Attention is there for the teacher's sake too.
fn check_sizes(w: &Wav2vec2, problems: &mut Vec<Problem>) {
    let counts = [w.conv_dim.len(), w.conv_kernel.len(), w.conv_stride.len()];
    if counts.iter().any(|&count| count != counts[0]) {
        problems.push(Problem::new(
            &key("conv_kernel"),
            format!(
                "`conv_dim`, `conv_kernel` and `conv_stride` have {}, {} and {} entries",
                counts[0], counts[1], counts[2]
            ),
            "give every convolution a width, a kernel and a stride",
        ));
    }
    divides(w.num_attention_heads, w.hidden_size, &key("num_attention_heads"), "hidden_size", problems);
    let groups = &key("num_conv_pos_embedding_groups");
    divides(w.num_conv_pos_embedding_groups, w.hidden_size, groups, "hidden_size", problems);
}

fn check_mamba(w: &Wav2vec2, problems: &mut Vec<Problem>) {
    if w.asr_use_mamba && w.asr_mamba_use_mamba2 {
        let inner = w.hidden_size * w.mamba_expand;
        divides(w.mamba_headdim, inner, &key("mamba_headdim"), "hidden_size × mamba_expand", problems);
    }
    if w.asr_use_mamba && !(2..=4).contains(&w.mamba_d_conv) {
        problems.push(Problem::new(
            &key("mamba_d_conv"),
            format!("the mixers' convolution has {} taps, but the operator has 2 to 4", w.mamba_d_conv),
            "set `mamba_d_conv = 4`",
        ));
    }
}

fn check_rates(w: &Wav2vec2, problems: &mut Vec<Problem>) {
    for (leaf, rate) in [
        ("feat_proj_dropout", w.feat_proj_dropout),
        ("final_dropout", w.final_dropout),
        ("hidden_dropout", w.hidden_dropout),
        ("activation_dropout", w.activation_dropout),
        ("attention_dropout", w.attention_dropout),
    ] {
        if rate >= 1.0 {
            let help = "choose a rate below 1";
            problems.push(Problem::new(&key(leaf), format!("a dropout of {rate} leaves nothing"), help));
        }
    }
}
