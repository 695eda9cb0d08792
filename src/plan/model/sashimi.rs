//! SaShiMi (Goel et al. 2022, arXiv 2202.09729): the sizes of its tiers, and what stands around them.

use serde::Serialize;

/// How a block normalises its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum BlockNorm {
    /// Layer norm over channels, a gain and a shift for each, eps 1e-5.
    Layer,
    /// One gain and one shift for all channels of a block, no eps: (s / σ) (x − μ + m).
    Scalar,
}

/// What the up path of a UNet takes from the down path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Skips {
    /// After the S4 block and after the feed-forward block, one each.
    Layer,
    /// Once for each pair of them.
    Pair,
}

/// How long a period the C̃ of a tier's layers stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Periods {
    /// The top tier's, in every tier.
    Same,
    /// Each tier's own samples.
    OfTier,
}

/// An S4 layer's state spaces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct S4Plan {
    /// Conjugate pairs of states: half of d_state.
    pub pairs: usize,
    /// One set of poles for all heads of a layer.
    pub tied: bool,
    /// The step sizes that are drawn from: ln uniform.
    pub dt_range: [f32; 2],
    /// Samples of the top tier's period.
    pub period: usize,
    pub periods: Periods,
    /// Names of what stays as it was drawn, of `dt`, `A`, `P` and `B`.
    pub frozen: Vec<String>,
}

/// Tiers of S4 and feed-forward blocks at falling rates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TiersPlan {
    /// Channels of the top tier.
    pub width: usize,
    /// S4 blocks of each tier (of each side, in a UNet).
    pub blocks: usize,
    /// By how much each tier's rate falls below that of the tier above.
    pub pool: Vec<usize>,
    /// By how much its width grows.
    pub expand: usize,
    /// Inner width of feed-forward blocks over that of their tier; 0: no such blocks.
    pub feed_forward: usize,
    /// A gated linear unit behind S4, in place of a linear layer.
    pub glu: bool,
    /// Blocks before each down-pooling, too.
    pub unet: bool,
    pub skips: Skips,
    /// Both directions in each S4 layer, and no shift in up-pooling.
    pub bidirectional: bool,
    pub norm: BlockNorm,
    pub dropout: f32,
    pub s4: S4Plan,
}

impl TiersPlan {
    /// What sequences' lengths must be a multiple of.
    pub fn hop_samples(&self) -> usize {
        self.pool.iter().product()
    }

    /// Channels of tier `tier`, 0 the top.
    pub fn width_of(&self, tier: usize) -> usize {
        self.width * self.expand.pow(tier as u32)
    }

    /// The period of the layers of tier `tier`, in that tier's samples.
    pub fn period_of(&self, tier: usize) -> usize {
        match self.s4.periods {
            Periods::Same => self.s4.period,
            Periods::OfTier => self.s4.period / self.pool[..tier].iter().product::<usize>(),
        }
    }
}

/// Levels into which a sample is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Quantizer {
    /// torchaudio's µ-law of a waveform kept inside ±1.
    MuLaw,
    /// The authors' µ-law: each clip is first stretched to ±1.
    MuLawMinMax,
    /// The authors' linear levels: each clip is first stretched to 0 … 1.
    LinearMinMax,
}

/// A model that tells the next sample's level from those before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SashimiPlan {
    pub tiers: TiersPlan,
    pub levels: usize,
    pub quantizer: Quantizer,
}

/// The noise predictor of DiffWave (Kong et al. 2021, arXiv 2009.09761) with SaShiMi's tiers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffwavePlan {
    pub tiers: TiersPlan,
    /// Width of the embedding of the diffusion step: sines and cosines, half each.
    pub step_embedding: usize,
    /// Width of what the two layers behind it make of it.
    pub step_width: usize,
    /// β of each diffusion step.
    pub betas: Vec<f64>,
}
