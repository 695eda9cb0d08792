//! The keyword classifier: every size known.

use serde::Serialize;

use super::{Body, Family, Heads, LogMelPlan, MixerPlan, ModelPlan, Pretrained, divides};
use crate::config::{Keyword, Pooling};
use crate::plan::Problem;

/// Log-mel energies and bidirectional Mamba-2 layers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeywordPlan {
    #[serde(flatten)]
    pub front: LogMelPlan,
    pub width: usize,
    pub layers: usize,
    pub head_dim: usize,
    pub state: usize,
    pub taps: usize,
    pub chunk: usize,
    pub dropout: f32,
    /// Without a CTC head.
    pub heads: Heads,
}

impl KeywordPlan {
    /// What mixes frames inside a layer, in one of its two directions.
    pub fn mixer(&self) -> MixerPlan {
        let KeywordPlan { width: inner, head_dim, state, taps, chunk, .. } = *self;
        MixerPlan::Mamba2 { inner, head_dim, state, taps, chunk, residual_inside: false }
    }
}

impl Family for KeywordPlan {
    fn name(&self) -> &'static str {
        "keyword"
    }

    fn frames(&self, samples: usize) -> usize {
        self.front.frames(samples)
    }

    fn min_samples(&self) -> usize {
        self.front.window_samples
    }

    fn has_fixed_front(&self) -> bool {
        true
    }

    fn heads(&self) -> Option<&Heads> {
        Some(&self.heads)
    }

    fn drops(&self) -> Vec<(&'static str, f64)> {
        vec![("dropout behind mixers", f64::from(self.dropout))]
    }
}

/// The model of a `[model.keyword]` for sound of `rate_hz`, and what is wrong with it.
pub(super) fn keyword_model(k: &Keyword, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    divides(k.head_dim, k.width, "model.keyword.head_dim", "width", problems);
    if k.dropout >= 1.0 {
        let message = format!("a dropout of {} leaves nothing", k.dropout);
        problems.push(Problem::new("model.keyword.dropout", message, "choose a rate below 1"));
    }
    let plan = KeywordPlan {
        front: LogMelPlan {
            rate_hz,
            window_samples: k.window_samples,
            hop_samples: k.hop_samples,
            mel_bands: k.mel_bands,
        },
        width: k.width,
        layers: k.layers,
        head_dim: k.head_dim,
        state: k.state,
        taps: 4,
        chunk: 64,
        dropout: k.dropout as f32,
        heads: Heads { vocab_size: 0, blank: 0, classes: k.num_targets.clone(), pooling: Pooling::Mean },
    };
    ModelPlan { pretrained: Pretrained::None, body: Body::Keyword(Box::new(plan)) }
}
