//! `[model.keyword]`: a small classifier of short clips.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Log-mel energies, bidirectional Mamba-2 layers, and a linear layer on the mean over frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keyword {
    /// Samples under one window of the spectrum.
    #[schemars(range(min = 2, max = 65_536))]
    pub window_samples: usize,

    /// Samples from one frame to the next.
    #[schemars(range(min = 1, max = 65_536))]
    pub hop_samples: usize,

    /// Mel bands.
    #[schemars(range(min = 1, max = 1_024))]
    pub mel_bands: usize,

    /// Width of the layers; `head_dim` must divide it.
    #[schemars(range(min = 1, max = 65_536))]
    pub width: usize,

    /// Layers.
    #[schemars(range(min = 1, max = 1_024))]
    pub layers: usize,

    /// Channels per head of a layer's mixers.
    #[schemars(range(min = 1, max = 65_536))]
    pub head_dim: usize,

    /// States per channel of a layer's mixers.
    #[schemars(range(min = 1, max = 65_536))]
    pub state: usize,

    /// Dropout behind each layer's mixers.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dropout: f64,

    /// Classes of each head.
    #[schemars(length(min = 1, max = 32), inner(range(min = 1, max = 1_048_576)))]
    pub num_targets: Vec<usize>,
}

impl Default for Keyword {
    fn default() -> Self {
        Self {
            window_samples: 400,
            hop_samples: 160,
            mel_bands: 40,
            width: 128,
            layers: 4,
            head_dim: 64,
            state: 64,
            dropout: 0.1,
            num_targets: vec![35],
        }
    }
}
