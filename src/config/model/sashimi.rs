//! `[model.sashimi]`: S4 at several rates, for sound sample by sample.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// SaShiMi (Goel et al. 2022). Sizes default to those of the published SC09 model, options to those of simple-sashimi.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sashimi {
    /// A checkpoint to start from: one of ours, or one that the published programs left. `run:EXPERIMENT` is the best one of that
    /// experiment's run, which comes first. Empty: weights are drawn.
    pub pretrained: String,

    /// Levels that a sample may have.
    #[schemars(range(min = 2, max = 65_536))]
    pub mu_levels: usize,

    /// How a sample becomes a level, and back.
    pub quantizer: Quantizer,

    /// Width of the top tier.
    #[schemars(range(min = 1, max = 65_536))]
    pub d_model: usize,

    /// S4 blocks in each tier, each with a feed-forward block behind it.
    #[schemars(range(min = 1, max = 1_024))]
    pub n_layers: usize,

    /// By how much the rate falls from tier to tier, from the top.
    #[schemars(length(min = 1, max = 8), inner(range(min = 1, max = 1_024)))]
    pub pool: Vec<usize>,

    /// By how much the width grows from tier to tier.
    #[schemars(range(min = 1, max = 64))]
    pub expand: usize,

    /// Inner width of the feed-forward blocks over that of their tier; 0 = no such blocks.
    #[schemars(range(max = 64))]
    pub ff: usize,

    /// Put a gated linear unit behind S4, instead of a linear layer.
    pub glu: bool,

    /// Put blocks on the way down, too.
    pub unet: bool,

    /// What the way up takes from the way down, where `unet` is on.
    pub unet_skips: UnetSkips,

    /// Normalisation in front of each block.
    pub norm: BlockNorm,

    /// Chance of dropping a channel of a sequence, in S4 and feed-forward blocks.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dropout: f64,

    /// State spaces: `nplr`, S4's poles with a correction of rank one (HiPPO-LegS), or `diag`, S4D's poles alone.
    pub mode: StateSpace,

    /// How a diagonal state space in time becomes one of samples, where `mode = "diag"`; S4's is bilinear.
    pub disc: Discretization,

    /// Where the poles of a diagonal state space start, where `mode = "diag"`; S4's are HiPPO-LegS's.
    pub measure: Measure,

    /// States of each head; half of them are stored, with their conjugates implied.
    #[schemars(range(min = 2, max = 4_096))]
    pub d_state: usize,

    /// Let all heads of a layer share their poles, P and B.
    pub tie_state: bool,

    /// Smallest step size that is drawn.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub dt_min: f64,

    /// Largest step size that is drawn.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub dt_max: f64,

    /// Which of an S4 layer's step sizes and matrices learn, besides C and D.
    pub trainable: Vec<StateMatrix>,

    /// Peak learning rate of what `trainable` names; everything else learns at `train.max_lr`.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lr: f64,

    /// Samples that a kernel of the top tier stands for; recordings are cut into so many unless `data.clip_samples` says fewer.
    #[schemars(range(min = 2))]
    pub l_max: usize,

    /// Samples that kernels of lower tiers stand for.
    pub kernel_length: KernelLength,
}

impl Default for Sashimi {
    fn default() -> Self {
        Self {
            pretrained: String::new(),
            mu_levels: 256,
            quantizer: Quantizer::MuLaw,
            d_model: 64,
            n_layers: 8,
            pool: vec![4, 4],
            expand: 2,
            ff: 2,
            glu: true,
            unet: false,
            unet_skips: UnetSkips::Layer,
            norm: BlockNorm::Layer,
            dropout: 0.0,
            mode: StateSpace::Nplr,
            disc: Discretization::Zoh,
            measure: Measure::Legs,
            d_state: 64,
            tie_state: true,
            dt_min: 1e-3,
            dt_max: 1e-1,
            trainable: StateMatrix::ALL.to_vec(),
            lr: 1e-3,
            l_max: 16_000,
            kernel_length: KernelLength::Same,
        }
    }
}

/// How a sample becomes a level, and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantizer {
    /// torchaudio's µ-law of the waveform as it is, kept inside ±1: simple-sashimi's.
    MuLaw,
    /// The authors' µ-law: each clip is first stretched to ±1.
    MuLawMinMax,
    /// The authors' linear levels: each clip is first stretched to 0 … 1.
    LinearMinMax,
}

/// What the way up of a UNet takes from the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnetSkips {
    /// One sum behind every layer: simple-sashimi's and DiffWave-unconditional's.
    Layer,
    /// One sum behind every S4 block with its feed-forward block: the authors'.
    Pair,
}

/// Normalisation in front of each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockNorm {
    /// Layer norm over channels, a gain and a shift for each.
    Layer,
    /// Layer norm over channels with one gain and one shift for all of them: the authors'.
    Scalar,
}

/// What an S4 layer's state spaces look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateSpace {
    /// Normal plus low rank: poles, and a correction of rank one.
    Nplr,
    /// Diagonal: poles alone, with B and C as one product.
    Diag,
}

/// How a state space in time becomes one of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Discretization {
    /// The input is held from sample to sample.
    Zoh,
    /// The input is a straight line from sample to sample.
    Foh,
    /// Tustin's rule, S4's.
    Bilinear,
}

/// Where poles start; n counts the N / 2 that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Measure {
    /// HiPPO-LegS's, without its correction.
    #[serde(rename = "legs")]
    Legs,
    /// S4D-Inv: N/π (N/(2n + 1) − 1).
    #[serde(rename = "diag-inv")]
    DiagInv,
    /// S4D-Lin: π n.
    #[serde(rename = "diag-lin")]
    DiagLin,
    /// (2n + 1)² / π.
    #[serde(rename = "diag-quad")]
    DiagQuad,
}

/// Samples that the kernels of lower tiers stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KernelLength {
    /// `l_max` in every tier: simple-sashimi's.
    Same,
    /// As many as reach that tier: the authors'.
    Tier,
}

/// A part of an S4 layer that may learn or stay as it was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StateMatrix {
    /// The step sizes.
    #[serde(rename = "dt")]
    Dt,
    /// The poles.
    A,
    /// The correction of rank one.
    P,
    /// The input matrix.
    B,
}

impl StateMatrix {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dt, Self::A, Self::P, Self::B];
}
