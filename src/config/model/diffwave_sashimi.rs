//! `[model.diffwave_sashimi]`: SaShiMi as the noise predictor of a diffusion model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BlockNorm, Discretization, KernelLength, Measure, StateMatrix, StateSpace, UnetSkips};

/// DiffWave (Kong et al. 2021) with SaShiMi inside. Sizes default to those of the published SC09 model, options to those of
/// DiffWave-unconditional.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiffwaveSashimi {
    /// A checkpoint to start from: one of ours, or one that the published programs left. `run:EXPERIMENT` is the best one of that
    /// experiment's run, which comes first. Empty: weights are drawn.
    pub pretrained: String,

    /// Width of the top tier.
    #[schemars(range(min = 1, max = 65_536))]
    pub d_model: usize,

    /// S4 blocks in each tier and direction, each with a feed-forward block behind it.
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

    /// Let S4 see what lies ahead.
    pub bidirectional: bool,

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

    /// Samples that a kernel of the top tier stands for: the length of every clip.
    #[schemars(range(min = 2))]
    pub l_max: usize,

    /// Samples that kernels of lower tiers stand for.
    pub kernel_length: KernelLength,

    /// Width of the sines and cosines that say which diffusion step it is.
    #[schemars(range(min = 4, max = 65_536))]
    pub step_embedding: usize,

    /// Width of the two layers behind them.
    #[schemars(range(min = 1, max = 65_536))]
    pub step_width: usize,

    /// Diffusion steps.
    #[schemars(range(min = 2, max = 100_000))]
    pub diffusion_steps: usize,

    /// Variance of the noise that the first step adds; in between it grows evenly.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub beta_first: f64,

    /// Variance of the noise that the last step adds.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub beta_last: f64,

    /// Variances of the few steps of `runner generate --fast`, from the least noise to the most.
    #[schemars(length(max = 1_000), inner(range(min = 1e-9, max = 1.0)))]
    pub inference_noise_schedule: Vec<f64>,
}

impl Default for DiffwaveSashimi {
    fn default() -> Self {
        Self {
            pretrained: String::new(),
            d_model: 128,
            n_layers: 6,
            pool: vec![4, 4],
            expand: 2,
            ff: 2,
            glu: true,
            unet: true,
            unet_skips: UnetSkips::Layer,
            bidirectional: true,
            norm: BlockNorm::Layer,
            dropout: 0.0,
            mode: StateSpace::Nplr,
            disc: Discretization::Zoh,
            measure: Measure::Legs,
            d_state: 64,
            tie_state: false,
            dt_min: 1e-3,
            dt_max: 1e-1,
            trainable: StateMatrix::ALL.to_vec(),
            l_max: 16_000,
            kernel_length: KernelLength::Same,
            step_embedding: 128,
            step_width: 512,
            diffusion_steps: 200,
            beta_first: 1e-4,
            beta_last: 0.02,
            inference_noise_schedule: vec![1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5],
        }
    }
}
