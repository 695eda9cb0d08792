//! `[model.speaker]`: who speaks?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Log-mel energies, an encoder of one of four kinds, and a linear layer on the mean over frames. Sizes default to the published ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Speaker {
    /// What makes frames of energies.
    pub encoder: SpeakerEncoder,

    /// Samples under one window of the spectrum.
    #[schemars(range(min = 2, max = 65_536))]
    pub window_samples: usize,

    /// Samples from one frame to the next.
    #[schemars(range(min = 1, max = 65_536))]
    pub hop_samples: usize,

    /// Mel bands.
    #[schemars(range(min = 1, max = 1_024))]
    pub mel_bands: usize,

    /// Width of the layers (`encoder = "mamba"` or `"transformer"`).
    #[schemars(range(min = 1, max = 65_536))]
    pub width: usize,

    /// Layers (`encoder = "mamba"` or `"transformer"`).
    #[schemars(range(min = 1, max = 1_024))]
    pub layers: usize,

    /// States per channel of a mixer (`encoder = "mamba"`).
    #[schemars(range(min = 1, max = 4_096))]
    pub d_state: usize,

    /// Heads of attention; they divide `width` (`encoder = "transformer"`).
    #[schemars(range(min = 1, max = 65_536))]
    pub heads: usize,

    /// Width inside a feed-forward block (`encoder = "transformer"`).
    #[schemars(range(min = 1, max = 65_536))]
    pub inner: usize,

    /// Channels behind each convolution (`encoder = "conv1d"` or `"conv2d"`).
    #[schemars(length(min = 1, max = 64), inner(range(min = 1, max = 65_536)))]
    pub channels: Vec<usize>,

    /// Width of the layer between the mean over frames and the classifier (`encoder = "conv1d"` or `"conv2d"`).
    #[schemars(range(min = 1, max = 65_536))]
    pub hidden: usize,

    /// Dropout behind each mixer, convolution or part of a layer.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dropout: f64,

    /// Speakers, or classes of each head.
    #[schemars(length(min = 1, max = 32), inner(range(min = 1, max = 1_048_576)))]
    pub num_targets: Vec<usize>,
}

/// The encoders of a classifier of speakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeakerEncoder {
    /// Mamba layers, each with a residual connection and a norm behind it.
    Mamba,
    /// Convolutions of three frames.
    Conv1d,
    /// Convolutions of three by three over an image that is one column wide, as the published program has them: those of three frames, whose first
    /// weights are as small as for nine.
    Conv2d,
    /// Layers of attention, with places as sines.
    Transformer,
}

impl Default for Speaker {
    fn default() -> Self {
        Self {
            encoder: SpeakerEncoder::Mamba,
            window_samples: 400,
            hop_samples: 160,
            mel_bands: 80,
            width: 512,
            layers: 3,
            d_state: 32,
            heads: 4,
            inner: 512,
            channels: vec![128, 128, 256, 512],
            hidden: 1024,
            dropout: 0.1,
            num_targets: vec![251],
        }
    }
}
