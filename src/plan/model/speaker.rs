//! The classifier of speakers: every size known.

use serde::Serialize;

use super::{Body, Family, Heads, LogMelPlan, MixerPlan, ModelPlan, Pretrained, divides};
use crate::config::{Pooling, Speaker, SpeakerEncoder};
use crate::plan::Problem;

/// Log-mel energies, an encoder, a classifier on the mean over frames.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeakerPlan {
    #[serde(flatten)]
    pub front: LogMelPlan,
    pub encoder: SpeakerEncoderPlan,
    pub dropout: f32,
    /// Without a CTC head.
    pub heads: Heads,
}

/// What makes frames of energies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum SpeakerEncoderPlan {
    Layers {
        width: usize,
        count: usize,
        mixer: MixerPlan,
        /// Width inside the feed-forward blocks beside attention.
        inner: usize,
    },
    Convolutions {
        channels: Vec<usize>,
        hidden: usize,
        /// Whether they are the middle columns of square ones.
        square: bool,
    },
}

impl SpeakerPlan {
    /// Channels of what the classifier stands on.
    pub fn width(&self) -> usize {
        match &self.encoder {
            SpeakerEncoderPlan::Layers { width, .. } => *width,
            SpeakerEncoderPlan::Convolutions { channels, .. } => channels.last().copied().unwrap_or(0),
        }
    }
}

impl Family for SpeakerPlan {
    fn name(&self) -> &'static str {
        "speaker"
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
        vec![("dropout in the encoder", f64::from(self.dropout))]
    }
}

/// The model of a `[model.speaker]` for sound of `rate_hz`, and what is wrong with it.
pub(super) fn speaker_model(s: &Speaker, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    if s.dropout >= 1.0 {
        let message = format!("a dropout of {} leaves nothing", s.dropout);
        problems.push(Problem::new("model.speaker.dropout", message, "choose a rate below 1"));
    }
    if s.encoder == SpeakerEncoder::Transformer {
        divides(s.heads, s.width, "model.speaker.heads", "width", problems);
    }
    let layers = |mixer: MixerPlan, inner: usize| SpeakerEncoderPlan::Layers {
        width: s.width,
        count: s.layers,
        mixer,
        inner,
    };
    let convolutions = |square: bool| SpeakerEncoderPlan::Convolutions {
        channels: s.channels.clone(),
        hidden: s.hidden,
        square,
    };
    let encoder = match s.encoder {
        SpeakerEncoder::Mamba => {
            let (state, rank) = (s.d_state, s.width.div_ceil(16));
            let inner = 2 * s.width;
            layers(MixerPlan::Mamba1 { inner, state, taps: 4, rank, residual_inside: false }, 0)
        }
        SpeakerEncoder::Transformer => layers(MixerPlan::Attention { heads: s.heads }, s.inner),
        SpeakerEncoder::Conv1d => convolutions(false),
        SpeakerEncoder::Conv2d => convolutions(true),
    };
    let plan = SpeakerPlan {
        front: LogMelPlan {
            rate_hz,
            window_samples: s.window_samples,
            hop_samples: s.hop_samples,
            mel_bands: s.mel_bands,
        },
        encoder,
        dropout: s.dropout as f32,
        heads: Heads { vocab_size: 0, blank: 0, classes: s.num_targets.clone(), pooling: Pooling::Mean },
    };
    ModelPlan { pretrained: Pretrained::None, body: Body::Speaker(Box::new(plan)) }
}
