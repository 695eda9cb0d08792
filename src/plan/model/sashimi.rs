//! SaShiMi (Goel et al. 2022, arXiv 2202.09729): the sizes of its tiers, and what stands around them.

use serde::Serialize;

use super::{Body, Family, ModelPlan, Pretrained};
pub use crate::config::{BlockNorm, Quantizer, UnetSkips as Skips};
use crate::config::{DiffwaveSashimi, KernelLength, Sashimi, StateSpace};
pub use crate::config::{Discretization, Measure, StateMatrix};
use crate::plan::Problem;

/// How long a period the C̃ of a tier's layers stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Periods {
    /// The top tier's, in every tier.
    Same,
    /// Each tier's own samples.
    OfTier,
}

/// A diagonal state space, in the place of S4's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiagonalPlan {
    pub disc: Discretization,
    pub measure: Measure,
}

/// An S4 layer's state spaces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct S4Plan {
    /// Poles alone; `None`: with a correction of rank one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagonal: Option<DiagonalPlan>,
    /// Conjugate pairs of states: half of d_state.
    pub pairs: usize,
    /// One set of poles for all heads of a layer.
    pub tied: bool,
    /// The step sizes that are drawn from: ln uniform.
    pub dt_range: [f32; 2],
    /// Samples of the top tier's period.
    pub period: usize,
    pub periods: Periods,
    /// What stays as it was drawn.
    pub frozen: Vec<StateMatrix>,
}

impl S4Plan {
    /// Whether a parameter stays as it is drawn.
    pub(super) fn freezes(&self, name: &str) -> bool {
        matrix_of(name).is_some_and(|matrix| self.frozen.contains(&matrix))
    }
}

/// The matrix that a parameter of an S4 layer belongs to; `None` for C, D and all other parameters.
fn matrix_of(name: &str) -> Option<StateMatrix> {
    let (_, leaf) = name.rsplit_once("kernel.kernel.")?;
    match leaf {
        "log_dt" => Some(StateMatrix::Dt),
        "log_w_real" | "w_imag" => Some(StateMatrix::A),
        "P" => Some(StateMatrix::P),
        "B" => Some(StateMatrix::B),
        _ => None,
    }
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

    pub(super) fn drops(&self) -> Vec<(&'static str, f64)> {
        vec![("channels dropped in blocks", f64::from(self.dropout))]
    }

    fn settle(&mut self) {
        if !self.unet {
            self.skips = Skips::Layer;
        }
        if self.s4.diagonal.is_some() {
            // A sum of powers stands for every length, and has neither P nor B.
            self.s4.periods = Periods::Same;
            self.s4.frozen.retain(|matrix| !matches!(matrix, StateMatrix::P | StateMatrix::B));
        }
    }
}

/// A model that tells the next sample's level from those before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SashimiPlan {
    pub tiers: TiersPlan,
    pub levels: usize,
    pub quantizer: Quantizer,
    /// Peak learning rate of step sizes, poles, P and B.
    pub state_lr: f64,
}

impl Family for SashimiPlan {
    fn name(&self) -> &'static str {
        "sashimi"
    }

    fn tiers(&self) -> Option<&TiersPlan> {
        Some(&self.tiers)
    }

    fn own_lr(&self, name: &str) -> Option<f64> {
        matrix_of(name).map(|_| self.state_lr)
    }

    fn settle(&mut self, _attends: bool) {
        self.tiers.settle();
    }
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
    /// β of each step of the fast schedule; it changes nothing but what is generated.
    #[serde(skip)]
    pub fast_betas: Vec<f64>,
}

impl Family for DiffwavePlan {
    fn name(&self) -> &'static str {
        "diffwave_sashimi"
    }

    fn tiers(&self) -> Option<&TiersPlan> {
        Some(&self.tiers)
    }

    fn settle(&mut self, _attends: bool) {
        self.tiers.settle();
    }
}

impl From<&Sashimi> for SashimiPlan {
    /// The sizes that options ask for, sound or not.
    fn from(s: &Sashimi) -> Self {
        let tiers = TiersPlan {
            width: s.d_model,
            blocks: s.n_layers,
            pool: s.pool.clone(),
            expand: s.expand,
            feed_forward: s.ff,
            glu: s.glu,
            unet: s.unet,
            skips: s.unet_skips,
            bidirectional: false,
            norm: s.norm,
            dropout: s.dropout as f32,
            s4: S4Plan {
                diagonal: diagonal(s.mode, s.disc, s.measure),
                pairs: s.d_state / 2,
                tied: s.tie_state,
                dt_range: [s.dt_min as f32, s.dt_max as f32],
                period: s.l_max,
                periods: periods(s.kernel_length),
                frozen: frozen(&s.trainable),
            },
        };
        SashimiPlan { tiers, levels: s.mu_levels, quantizer: s.quantizer, state_lr: s.lr }
    }
}

impl Default for SashimiPlan {
    /// The published autoregressive model of SC09: what the options are by default.
    fn default() -> Self {
        SashimiPlan::from(&Sashimi::default())
    }
}

/// The model of a `[model.sashimi]`, and what is wrong with it.
pub(super) fn sashimi_model(s: &Sashimi, problems: &mut Vec<Problem>) -> ModelPlan {
    let plan = SashimiPlan::from(s);
    check(&plan.tiers, s.d_state, "sashimi", problems);
    ModelPlan { pretrained: pretrained(&s.pretrained), body: Body::Sashimi(Box::new(plan)) }
}

/// The model of a `[model.diffwave_sashimi]`, and what is wrong with it.
pub(super) fn diffwave_model(d: &DiffwaveSashimi, problems: &mut Vec<Problem>) -> ModelPlan {
    let tiers = TiersPlan {
        width: d.d_model,
        blocks: d.n_layers,
        pool: d.pool.clone(),
        expand: d.expand,
        feed_forward: d.ff,
        glu: d.glu,
        unet: d.unet,
        skips: d.unet_skips,
        bidirectional: d.bidirectional,
        norm: d.norm,
        dropout: d.dropout as f32,
        s4: S4Plan {
            diagonal: diagonal(d.mode, d.disc, d.measure),
            pairs: d.d_state / 2,
            tied: d.tie_state,
            dt_range: [d.dt_min as f32, d.dt_max as f32],
            period: d.l_max,
            periods: periods(d.kernel_length),
            frozen: frozen(&d.trainable),
        },
    };
    check(&tiers, d.d_state, "diffwave_sashimi", problems);
    check_noise(d, problems);
    let last = d.diffusion_steps.saturating_sub(1).max(1) as f64;
    let beta = |step: usize| d.beta_first + (d.beta_last - d.beta_first) * step as f64 / last;
    let plan = DiffwavePlan {
        tiers,
        step_embedding: d.step_embedding,
        step_width: d.step_width,
        betas: (0..d.diffusion_steps).map(beta).collect(),
        fast_betas: d.inference_noise_schedule.clone(),
    };
    ModelPlan { pretrained: pretrained(&d.pretrained), body: Body::Diffwave(Box::new(plan)) }
}

fn pretrained(path: &str) -> Pretrained {
    match path {
        "" => Pretrained::None,
        path => Pretrained::Folder(path.to_owned()),
    }
}

fn diagonal(mode: StateSpace, disc: Discretization, measure: Measure) -> Option<DiagonalPlan> {
    (mode == StateSpace::Diag).then_some(DiagonalPlan { disc, measure })
}

fn periods(length: KernelLength) -> Periods {
    match length {
        KernelLength::Same => Periods::Same,
        KernelLength::Tier => Periods::OfTier,
    }
}

fn frozen(trainable: &[StateMatrix]) -> Vec<StateMatrix> {
    StateMatrix::ALL.into_iter().filter(|matrix| !trainable.contains(matrix)).collect()
}

fn check(tiers: &TiersPlan, d_state: usize, family: &str, problems: &mut Vec<Problem>) {
    let key = |leaf: &str| format!("model.{family}.{leaf}");
    if !d_state.is_multiple_of(2) {
        problems.push(Problem::new(
            &key("d_state"),
            format!("`d_state` is {d_state}, but states come in conjugate pairs"),
            "choose an even number",
        ));
    }
    let [low, high] = tiers.s4.dt_range;
    if low > high {
        problems.push(Problem::new(
            &key("dt_min"),
            format!("the smallest step size, {low}, is above the largest, {high}"),
            "set `dt_min` below `dt_max`",
        ));
    }
    if tiers.dropout >= 1.0 {
        let message = format!("a dropout of {} leaves nothing", tiers.dropout);
        problems.push(Problem::new(&key("dropout"), message, "choose a rate below 1"));
    }
    // Every tier's period is even, as a real transform of it has a middle.
    let hop = 2 * tiers.hop_samples();
    if !tiers.s4.period.is_multiple_of(hop) {
        problems.push(Problem::new(
            &key("l_max"),
            format!(
                "`l_max` is {}, which is no multiple of {hop}, twice the product of `pool`",
                tiers.s4.period
            ),
            format!("the next one is `l_max = {}`", tiers.s4.period.next_multiple_of(hop)),
        ));
    }
}

fn check_noise(d: &DiffwaveSashimi, problems: &mut Vec<Problem>) {
    let key = |leaf: &str| format!("model.diffwave_sashimi.{leaf}");
    if !d.step_embedding.is_multiple_of(2) {
        problems.push(Problem::new(
            &key("step_embedding"),
            format!("`step_embedding` is {}, but it is half sines and half cosines", d.step_embedding),
            "choose an even number",
        ));
    }
    for (leaf, beta) in [("beta_first", d.beta_first), ("beta_last", d.beta_last)] {
        if beta >= 1.0 {
            let message = format!("noise of variance {beta} leaves nothing of the sound");
            problems.push(Problem::new(&key(leaf), message, "choose a number below 1"));
        }
    }
    if let Some(beta) = d.inference_noise_schedule.iter().find(|beta| **beta >= 1.0) {
        let message = format!("noise of variance {beta} leaves nothing of the sound");
        problems.push(Problem::new(&key("inference_noise_schedule"), message, "choose numbers below 1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_as_it_is_drawn_is_found_by_name() {
        let options = Sashimi { trainable: vec![StateMatrix::B], ..Sashimi::default() };
        let plan = sashimi_model(&options, &mut Vec::new());
        let frozen = |leaf: &str| plan.freezes(&format!("sashimi.c_layers.0.layer.{leaf}"));
        let matrices = ["log_dt", "log_w_real", "w_imag", "P", "B", "C"];
        let kept = matrices.map(|leaf| frozen(&format!("kernel.kernel.{leaf}")));
        assert_eq!(kept, [true, true, true, true, false, false]);
        assert!(!frozen("D"));
        assert_eq!(plan.own_lr("sashimi.c_layers.0.layer.kernel.kernel.log_dt"), Some(1e-3));
        assert_eq!(plan.own_lr("sashimi.c_layers.0.layer.kernel.kernel.C"), None);
    }
}
