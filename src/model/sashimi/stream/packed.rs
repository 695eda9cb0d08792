//! The weights in the layout that stepping wants.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernels::Backend;
use kernels::stream::{Heads, Kind, Matrix, Norm, SHARDS, Spaces, share};

use super::StreamError;
use super::parameters::{Found, List, Parameters};
use crate::model::sashimi::block::rule;
use crate::nn::Params;
use crate::plan::{BlockNorm, SashimiPlan, Skips, TiersPlan};

/// Layer norm's.
const EPS: f32 = 1e-5;

/// A model's weights, ready to step: any number of [`super::Stepper`]s may share them.
pub struct StepWeights {
    pub(super) levels: usize,
    /// [levels, width].
    pub(super) embedding: Vec<f32>,
    /// The top one first.
    pub(super) tiers: Vec<Tier>,
    pub(super) norm: Norm,
    pub(super) head: Split,
}

/// One rate.
pub(super) struct Tier {
    pub width: usize,
    /// Blocks on the way down, in a UNet.
    pub down: Vec<Pair>,
    /// Blocks on the way up, or of the centre.
    pub up: Vec<Pair>,
    /// When the blocks on the way up take something from those on the way down.
    pub skips: Option<Skips>,
    /// To the tier below and back.
    pub below: Option<Pools>,
}

/// The way to the next tier and back. Sub-samples stand one after another there, each with all its channels.
pub(super) struct Pools {
    /// Samples of this tier for one of that below.
    pub factor: usize,
    pub fall: Split,
    pub rise: Split,
}

/// An S4 block and the feed-forward block behind it.
pub(super) struct Pair {
    pub s4: S4Block,
    pub feed_forward: Option<FeedForward>,
}

pub(super) struct S4Block {
    pub norm: Norm,
    pub heads: [Heads; SHARDS],
    pub out: Split,
    /// The second half of the output gates the first.
    pub gated: bool,
}

pub(super) struct FeedForward {
    pub norm: Norm,
    /// A share of the rows each.
    pub inner: [Matrix; SHARDS],
    pub outer: Split,
}

/// A linear layer by shares of its columns: the parts' results add up.
pub(super) struct Split {
    pub columns: usize,
    /// The bias is the first one's.
    pub parts: [Matrix; SHARDS],
}

impl Split {
    fn pack(columns: usize, bias: &[f32], at: impl Fn(usize, usize) -> f32) -> Self {
        let part = |shard| {
            let own = share(columns, shard);
            let bias_of = |row: usize| if shard == 0 { bias[row] } else { 0.0 };
            Matrix::pack(bias.len(), own.len(), |row, column| at(row, own.start + column), bias_of)
        };
        Split { columns, parts: std::array::from_fn(part) }
    }

    fn plain(columns: usize, (weight, bias): (Vec<f32>, Vec<f32>)) -> Self {
        Self::pack(columns, &bias, |row, column| weight[row * columns + column])
    }

    /// How far the results of two lanes lie apart.
    pub fn stride(&self) -> usize {
        self.parts[0].stride()
    }
}

impl StepWeights {
    /// Packs the parameters of a model, wherever they are; `progress` and errors as in [`StepWeights::new`].
    ///
    /// # Errors
    /// As there.
    pub fn of<D: Backend>(
        plan: &SashimiPlan,
        params: &Params<D>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, StreamError> {
        let failure = OnceCell::new();
        let lookup = |name: &str| {
            let array = params.by_name(name)?.array();
            let values = array.download().map_err(|error| failure.set(error)).ok()?;
            Some((array.shape().dims().to_vec(), values))
        };
        let made = Self::new(plan, &lookup, progress);
        // What did not come over is not missing.
        failure.into_inner().map_or(made, |error| Err(error.into()))
    }

    /// Reads and packs every parameter of `plan`, by the names and shapes of the published checkpoints; axes of 1 may be missing.
    ///
    /// Deriving the recurrence of an S4 head takes the powers of a matrix, on all threads: `progress` is told how many heads of how many are
    /// done, from any thread.
    ///
    /// # Errors
    /// The plan is for both directions, a parameter is missing or has another shape, or a head has no recurrence.
    pub fn new(
        plan: &SashimiPlan,
        lookup: &dyn Fn(&str) -> Found,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, StreamError> {
        if plan.tiers.bidirectional {
            return Err(StreamError::Bidirectional);
        }
        let root = Parameters::root(lookup);
        let width = plan.tiers.width;
        let done = AtomicUsize::new(0);
        let all = heads(&plan.tiers);
        let progress = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, all);
        let reading = Reading { plan: &plan.tiers, progress: &progress };
        Ok(StepWeights {
            levels: plan.levels,
            embedding: root.get("mu_embedder.weight", &[plan.levels, width])?,
            tiers: reading.tiers(&root.child("sashimi"))?,
            // The last norm is layer norm, whatever the blocks' own is.
            norm: layer_norm(&root.child("sashimi.norm"), width)?,
            head: Split::plain(width, root.child("head").linear(plan.levels, width)?),
        })
    }

    /// Codes that there are.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// The code that silence has, and that stands before the first sample.
    pub fn silence(&self) -> u32 {
        (self.levels / 2) as u32
    }

    /// The largest number of values in one lane's share of anything that is summed.
    pub(super) fn widest(&self) -> usize {
        let of_pair = |pair: &Pair| {
            pair.s4.out.stride().max(pair.feed_forward.as_ref().map_or(0, |ff| ff.outer.stride()))
        };
        let of_tier = |tier: &Tier| {
            let pools = tier.below.as_ref().map_or(0, |pools| pools.fall.stride().max(pools.rise.stride()));
            tier.down.iter().chain(&tier.up).map(of_pair).max().unwrap_or(0).max(pools)
        };
        self.tiers.iter().map(of_tier).max().unwrap_or(0).max(self.head.stride())
    }
}

/// S4 heads in all.
fn heads(plan: &TiersPlan) -> usize {
    let last = plan.pool.len();
    let sides = |tier| if plan.unet && tier < last { 2 } else { 1 };
    (0..=last).map(|tier| plan.blocks * sides(tier) * plan.width_of(tier)).sum()
}

struct Reading<'a> {
    plan: &'a TiersPlan,
    progress: &'a (dyn Fn() + Sync),
}

impl Reading<'_> {
    fn tiers(&self, root: &Parameters<'_>) -> Result<Vec<Tier>, StreamError> {
        let plan = self.plan;
        let mut falling = root.list("d_layers");
        let mut tiers = Vec::new();
        for (tier, factor) in plan.pool.iter().copied().enumerate() {
            let width = plan.width_of(tier);
            let down = if plan.unet { self.pairs(tier, &mut falling)? } else { Vec::new() };
            let mut rising = root.child("u_layers").list(plan.pool.len() - 1 - tier);
            let (fall, rise) = (falling.next().child("linear"), rising.next().child("linear"));
            let below = Some(Pools {
                factor,
                fall: fall_of(&fall, width, plan.width_of(tier + 1), factor)?,
                rise: rise_of(&rise, width, plan.width_of(tier + 1), factor)?,
            });
            let up = self.pairs(tier, &mut rising)?;
            tiers.push(Tier { width, down, up, skips: plan.unet.then_some(plan.skips), below });
        }
        let centre = plan.pool.len();
        let up = self.pairs(centre, &mut root.list("c_layers"))?;
        tiers.push(Tier { width: plan.width_of(centre), down: Vec::new(), up, skips: None, below: None });
        Ok(tiers)
    }

    /// The blocks of one side of a tier.
    fn pairs(&self, tier: usize, blocks: &mut List<'_>) -> Result<Vec<Pair>, StreamError> {
        let width = self.plan.width_of(tier);
        let pair = |_| {
            let s4 = self.s4(tier, &blocks.next())?;
            let inner = width * self.plan.feed_forward;
            let feed_forward =
                if inner > 0 { Some(self.feed_forward(width, inner, &blocks.next())?) } else { None };
            Ok(Pair { s4, feed_forward })
        };
        (0..self.plan.blocks).map(pair).collect()
    }

    fn s4(&self, tier: usize, block: &Parameters<'_>) -> Result<S4Block, StreamError> {
        let (width, s4, gated) = (self.plan.width_of(tier), &self.plan.s4, self.plan.glu);
        let (layer, pairs) = (block.child("layer"), s4.pairs);
        let kernel = layer.child("kernel.kernel");
        let groups = if s4.tied { 1 } else { width };
        let (p, b) = match s4.diagonal {
            Some(_) => Default::default(),
            None => (kernel.get("P", &[groups, pairs, 2])?, kernel.get("B", &[groups, pairs, 2])?),
        };
        let spaces = Spaces {
            pairs,
            log_dt: &kernel.get("log_dt", &[width])?,
            log_w_real: &kernel.get("log_w_real", &[groups, pairs])?,
            w_imag: &kernel.get("w_imag", &[groups, pairs])?,
            c: &kernel.get("C", &[width, pairs, 2])?,
            d: &layer.get("D", &[width])?,
            kind: match s4.diagonal {
                Some(diagonal) => Kind::Diagonal(rule(diagonal.disc)),
                None => Kind::LowRank { p: &p, b: &b, period: self.plan.period_of(tier) },
            },
        };
        let heads = spaces
            .heads(self.progress)
            .map_err(|found| StreamError::NoRecurrence { name: kernel.full("C"), head: found.head })?;
        // A layer without an activation behind it is no list of two in the published files, and may be one in others.
        let listed = layer.child("output_linear.0");
        let linear = if gated || listed.has("weight") { listed } else { layer.child("output_linear") };
        let out = linear.linear(if gated { 2 * width } else { width }, width)?;
        Ok(S4Block { norm: self.norm(block, width)?, heads, out: Split::plain(width, out), gated })
    }

    fn feed_forward(
        &self,
        width: usize,
        inner: usize,
        block: &Parameters<'_>,
    ) -> Result<FeedForward, StreamError> {
        let (weight, bias) = block.child("layer.ff.0.0").linear(inner, width)?;
        let rows = |shard| {
            let own = share(inner, shard);
            let at = |row: usize, column: usize| weight[(own.start + row) * width + column];
            Matrix::pack(own.len(), width, at, |row| bias[own.start + row])
        };
        Ok(FeedForward {
            norm: self.norm(block, width)?,
            inner: std::array::from_fn(rows),
            outer: Split::plain(inner, block.child("layer.ff.2").linear(width, inner)?),
        })
    }

    fn norm(&self, block: &Parameters<'_>, width: usize) -> Result<Norm, StreamError> {
        let norm = block.child("norm");
        match self.plan.norm {
            BlockNorm::Layer => layer_norm(&norm, width),
            BlockNorm::Scalar => {
                let one = |name| Ok::<f32, StreamError>(norm.get(name, &[1])?[0]);
                Ok(Norm::Scalar { gain: one("s")?, shift: one("m")? })
            }
        }
    }
}

fn layer_norm(norm: &Parameters<'_>, width: usize) -> Result<Norm, StreamError> {
    Ok(Norm::Layer { gain: norm.get("weight", &[width])?, shift: norm.get("bias", &[width])?, eps: EPS })
}

/// Checkpoints have a pool's channels outside, its sub-samples inside; here it is the other way round.
fn outside_in(index: usize, channels: usize, factor: usize) -> usize {
    index % channels * factor + index / channels
}

fn fall_of(linear: &Parameters<'_>, upper: usize, lower: usize, factor: usize) -> Result<Split, StreamError> {
    let columns = upper * factor;
    let (weight, bias) = linear.normed_linear(lower, columns)?;
    Ok(Split::pack(columns, &bias, |row, column| weight[row * columns + outside_in(column, upper, factor)]))
}

fn rise_of(linear: &Parameters<'_>, upper: usize, lower: usize, factor: usize) -> Result<Split, StreamError> {
    let (weight, bias) = linear.normed_linear(upper * factor, lower)?;
    let bias: Vec<f32> = (0..bias.len()).map(|row| bias[outside_in(row, upper, factor)]).collect();
    Ok(Split::pack(lower, &bias, |row, column| weight[outside_in(row, upper, factor) * lower + column]))
}
