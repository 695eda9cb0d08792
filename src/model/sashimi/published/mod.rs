//! Published checkpoints of SaShiMi, with their configuration: from a file to a plan and tensors under our names.
//!
//! Three layouts are known: simple-sashimi's autoregressive model (`ckpt_01100000.pt`, settings inside), DiffWave-unconditional's noise
//! predictor (settings not inside), and the authors' autoregressive models of any version (`sashimi_sc09.pt`, Lightning's `.ckpt`). Sizes are
//! told from shapes and held to settings where there are some; what neither tells is assumed, and said. Not for: building the model, which
//! takes plan and tensors. Start at [`read`].

mod kernel;
mod names;
mod settings;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::kernel::Kernels;
use self::settings::Settings;
use self::sizes::Sizes;
use crate::model::torch::{self, Checkpoint};
use crate::model::weights::{self, Tensors, WeightsError};
use crate::plan::{
    Body, DiffwavePlan, ModelPlan, Periods, Pretrained, Quantizer, S4Plan, SashimiPlan, Skips, TiersPlan,
};

/// Why a checkpoint cannot be read as SaShiMi.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// The file cannot be read, or holds no tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// None of the known layouts.
    #[error("`{}` is no checkpoint of SaShiMi that is known here: {reason}", path.display())]
    Unknown { path: PathBuf, reason: String },
    /// A SaShiMi that no plan here stands for.
    #[error("`{}` is a SaShiMi that cannot be represented here; it would need {}", path.display(), needs.join("; "))]
    Beyond { path: PathBuf, needs: Vec<String> },
    /// Settings and tensors are of different models.
    #[error("`{}` contradicts itself: {}", path.display(), conflicts.join("; "))]
    Contradiction { path: PathBuf, conflicts: Vec<String> },
}

impl PublishedError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            PublishedError::Unknown { .. } => Some(
                "known are simple-sashimi's `ckpt_*.pt`, the checkpoints of DiffWave-unconditional, and the authors' autoregressive \
                 `.pt` and `.ckpt`"
                    .into(),
            ),
            PublishedError::Weights(_) | PublishedError::Beyond { .. } | PublishedError::Contradiction { .. } => None,
        }
    }
}

/// Whose program wrote a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    SimpleSashimi,
    DiffwaveUnconditional,
    /// The authors' training repository, HazyResearch/state-spaces and later state-spaces/s4.
    StateSpaces,
}

/// A model of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    Autoregressive(SashimiPlan),
    Diffusion(DiffwavePlan),
}

/// A checkpoint in our terms.
#[derive(Debug, Clone)]
pub struct Found {
    pub layout: Layout,
    pub model: Model,
    /// Parameters under our names; buffers are left out. Shapes are the file's, which differ from ours in axes of 1 at most.
    pub tensors: Tensors,
    /// The training step it was written at, where the file says it.
    pub step: Option<u64>,
    /// What the file says nothing of and was taken for granted: a sentence each.
    pub assumed: Vec<String>,
}

impl Found {
    /// The plan of the model, whose weights come from elsewhere.
    pub fn plan(&self) -> ModelPlan {
        let body = match &self.model {
            Model::Autoregressive(plan) => Body::Sashimi(Box::new(plan.clone())),
            Model::Diffusion(plan) => Body::Diffwave(Box::new(plan.clone())),
        };
        ModelPlan { pretrained: Pretrained::None, body }
    }
}

/// Why not, before a path stands beside it.
#[derive(Debug)]
enum Refusal {
    Unknown(String),
    Needs(Vec<String>),
    Conflicts(Vec<String>),
}

/// The diffusion steps of the published noise predictors, and their first and last β.
const STEPS: usize = 200;
const BETAS: [f64; 2] = [1e-4, 0.02];
/// Those of its fast schedule.
const FAST_BETAS: [f64; 6] = [1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5];
/// The rate at which all published models learnt their state matrices.
const STATE_LR: f64 = 1e-3;
/// The range that all published models drew their step sizes from.
const DT_RANGE: [f32; 2] = [1e-3, 1e-1];

/// Reads a published checkpoint.
///
/// # Errors
/// The file cannot be read, is of none of the layouts, contradicts itself, or is of a SaShiMi that no plan here stands for: the sentence
/// lists what would be needed.
pub fn read(path: &Path) -> Result<Found, PublishedError> {
    let checkpoint = if torch::is_torch(path) {
        torch::read(path)?
    } else {
        Checkpoint { tensors: weights::read_tensors(path)?, ..Checkpoint::default() }
    };
    found(checkpoint).map_err(|refusal| refusal.of(path))
}

fn found(checkpoint: Checkpoint) -> Result<Found, Refusal> {
    let Checkpoint { tensors, beside } = checkpoint;
    let layout = layout(&tensors);
    let settings = Settings::find(&beside)?;
    let sorted = names::sort(tensors)?;
    let (tensors, kernels) = kernel::convert(sorted, settings.step_of())?;
    let mut assumed = Vec::new();
    let model = match layout {
        Layout::DiffwaveUnconditional => {
            Model::Diffusion(diffusion(&tensors, &kernels, &settings, &mut assumed)?)
        }
        _ => Model::Autoregressive(autoregressive(layout, &tensors, &kernels, &settings, &mut assumed)?),
    };
    let step = ["steps", "global_step"].iter().find_map(|key| beside.get(*key)?.as_u64());
    Ok(Found { layout, model, tensors, step, assumed })
}

fn layout(tensors: &Tensors) -> Layout {
    let any = |part: &str| tensors.keys().any(|name| name.contains(part));
    if any("init_conv.") {
        Layout::DiffwaveUnconditional
    } else if any("mu_embedder.") {
        Layout::SimpleSashimi
    } else {
        Layout::StateSpaces
    }
}

fn autoregressive(
    layout: Layout,
    tensors: &Tensors,
    kernels: &Kernels,
    settings: &Settings,
    assumed: &mut Vec<String>,
) -> Result<SashimiPlan, Refusal> {
    let Some([levels, width]) = tensors.get("mu_embedder.weight").map(|(dims, _)| dims.as_slice()) else {
        return Err(Refusal::Unknown("it has no embedding of levels".into()));
    };
    let quantizer = match (layout, settings.quantizer) {
        (Layout::SimpleSashimi, _) => Quantizer::MuLaw,
        (_, Some(quantizer)) => quantizer,
        (_, None) => {
            assumed.push(
                "the quantiser, taken to be the authors' µ-law of SC09 and YouTubeMix (Beethoven is linear)"
                    .into(),
            );
            Quantizer::MuLawMinMax
        }
    };
    if kernels.later && settings.softplus.is_none() {
        assumed.push(
            "the function behind dt, taken to be the exponential, as in the authors' converted files".into(),
        );
    }
    let tiers = tiers(tensors, *width, Some(*levels), kernels, settings)?;
    Ok(SashimiPlan { tiers, levels: *levels, quantizer, state_lr: STATE_LR })
}

fn diffusion(
    tensors: &Tensors,
    kernels: &Kernels,
    settings: &Settings,
    assumed: &mut Vec<String>,
) -> Result<DiffwavePlan, Refusal> {
    let dims = |name: &str| {
        let dims = tensors.get(name).map(|(dims, _)| dims.as_slice());
        dims.ok_or_else(|| Refusal::Unknown(format!("it has no `{name}`")))
    };
    let width = dims("sashimi.init_conv.0.conv.weight_v")?.first().copied().unwrap_or_default();
    let ([step_width, step_embedding], [outer, _]) =
        (dims("sashimi.fc_t1.weight")?, dims("sashimi.fc_t2.weight")?)
    else {
        return Err(Refusal::Unknown("its `fc_t1` and `fc_t2` are no matrices".into()));
    };
    if outer != step_width {
        return Err(Refusal::Needs(vec![format!(
            "an embedding of the step of {step_width} and then {outer}"
        )]));
    }
    assumed.push(format!(
        "the noise schedule, taken to be the published one: {STEPS} steps, β from {} to {}",
        BETAS[0], BETAS[1]
    ));
    let slope = (BETAS[1] - BETAS[0]) / (STEPS - 1) as f64;
    Ok(DiffwavePlan {
        tiers: tiers(tensors, width, None, kernels, settings)?,
        step_embedding: *step_embedding,
        step_width: *step_width,
        betas: (0..STEPS).map(|step| BETAS[0] + slope * step as f64).collect(),
        fast_betas: FAST_BETAS.to_vec(),
    })
}

fn tiers(
    tensors: &Tensors,
    width: usize,
    levels: Option<usize>,
    kernels: &Kernels,
    settings: &Settings,
) -> Result<TiersPlan, Refusal> {
    let sizes = sizes::sizes(tensors, width, &|prefix| kernels.periods.get(prefix).copied().flatten())?;
    let conflicts = settings.conflicts(&sizes, levels);
    if !conflicts.is_empty() {
        return Err(Refusal::Conflicts(conflicts));
    }
    let (period, periods) = periods(&sizes, settings)?;
    let traits = sizes.traits;
    Ok(TiersPlan {
        width: sizes.width,
        blocks: sizes.blocks,
        pool: sizes.pool,
        expand: sizes.expand,
        feed_forward: sizes.feed_forward,
        glu: traits.glu,
        unet: sizes.unet,
        skips: Skips::Layer,
        bidirectional: traits.bidirectional,
        norm: traits.norm,
        dropout: settings.dropout(),
        s4: S4Plan {
            diagonal: None,
            pairs: traits.pairs,
            tied: traits.tied,
            dt_range: DT_RANGE,
            period,
            periods,
            frozen: settings.frozen(),
        },
    })
}

/// How many samples C̃ stands for: in all tiers the same, or in each the top tier's at its rate.
fn periods(sizes: &Sizes, settings: &Settings) -> Result<(usize, Periods), Refusal> {
    let known = || sizes.periods.iter().filter_map(|(tier, period)| Some((*tier, (*period)?)));
    let top = known().find(|(tier, _)| *tier == 0).or_else(|| known().next());
    let Some((_, longest)) = top else {
        // Without buffers the settings must say it; of simple-sashimi all tiers have the same.
        return settings.l_max().map(|samples| (samples, Periods::Same)).ok_or_else(|| {
            Refusal::Unknown(
                "what length C̃ stands for is nowhere in it: neither nodes, nor a length, nor settings".into(),
            )
        });
    };
    let period = settings.l_max().filter(|samples| longest.is(*samples)).unwrap_or(longest.samples());
    let rate = |tier: usize| sizes.pool[..tier].iter().product::<usize>();
    if known().all(|(_, said)| said.is(period)) {
        return Ok((period, Periods::Same));
    }
    if known().all(|(tier, said)| said.is(period / rate(tier))) {
        return Ok((period, Periods::OfTier));
    }
    let listed: Vec<String> =
        known().map(|(tier, said)| format!("{} in tier {tier}", said.samples())).collect();
    Err(Refusal::Needs(vec![format!("a length of its own for each kernel ({})", listed.join(", "))]))
}

impl Refusal {
    fn of(self, path: &Path) -> PublishedError {
        let path = path.to_owned();
        match self {
            Refusal::Unknown(reason) => PublishedError::Unknown { path, reason },
            Refusal::Needs(needs) => PublishedError::Beyond { path, needs },
            Refusal::Conflicts(conflicts) => PublishedError::Contradiction { path, conflicts },
        }
    }
}
