//! The tiers: down to falling rates, and up again with what was there before.

use std::sync::Arc;

use kernels::add::add;
use kernels::{Array, Backend, OpError};

use super::block::{Block, Norm};
use crate::nn::{DownPool, Pass, Scope, UpPool};
use crate::plan::{BlockNorm, Skips, TiersPlan};

/// Tiers of S4 and feed-forward blocks at falling rates, and the normalisation of what leaves them.
///
/// Without blocks on the way down (`unet` false) every tier's input comes back behind the pooling above it and once more behind all its blocks. With
/// them, all that was computed on the way down comes back on the way up, last first.
#[derive(Debug, Clone)]
pub struct Tiers {
    plan: TiersPlan,
    /// From the top tier on: its blocks, if any, and the pooling out of it.
    down: Vec<(Vec<Arc<Block>>, DownPool)>,
    centre: Vec<Arc<Block>>,
    /// Back to the top tier: the pooling into a tier, and its blocks.
    up: Vec<(UpPool, Vec<Arc<Block>>)>,
    norm: Norm,
}

impl Tiers {
    /// Parameters `d_layers.*`, `c_layers.*`, `u_layers.*.*` and `norm.*`, this one of kind `out`. Where a step's embedding has `step_width` values, S4
    /// blocks hear of it.
    pub fn declare(
        scope: &mut Scope<'_>,
        plan: &TiersPlan,
        out: BlockNorm,
        step_width: Option<usize>,
    ) -> Self {
        let tiers = plan.pool.len();
        let mut layers = scope.child("d_layers");
        let (mut down, mut place) = (Vec::with_capacity(tiers), 0);
        for (tier, &pool) in plan.pool.iter().enumerate() {
            let blocks = match plan.unet {
                true => declare_blocks(&mut layers, plan, tier, place, step_width),
                false => Vec::new(),
            };
            place += blocks.len();
            let width = plan.width_of(tier);
            down.push((blocks, DownPool::declare(&mut layers.child(place), width, plan.expand, pool)));
            place += 1;
        }
        let centre = declare_blocks(&mut scope.child("c_layers"), plan, tiers, 0, step_width);
        let mut layers = scope.child("u_layers");
        let mut up = Vec::with_capacity(tiers);
        for (index, (tier, &pool)) in plan.pool.iter().enumerate().rev().enumerate() {
            let mut layers = layers.child(index);
            let (width, causal) = (plan.width_of(tier + 1), !plan.bidirectional);
            let pooling = UpPool::declare(&mut layers.child(0), width, plan.expand, pool, causal);
            up.push((pooling, declare_blocks(&mut layers, plan, tier, 1, step_width)));
        }
        let norm = Norm::declare(&mut scope.child("norm"), out, plan.width);
        Tiers { plan: plan.clone(), down, centre, up, norm }
    }

    /// The plan these tiers were made from.
    pub fn plan(&self) -> &TiersPlan {
        &self.plan
    }

    /// # Shapes
    /// x [B, L, width], `step` [B, step width] where the blocks hear of it → [B, L, width]
    ///
    /// # Errors
    /// L is no multiple of all poolings' product or longer than the period, the shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        step: Option<&Array<D>>,
    ) -> Result<Array<D>, OpError> {
        let [_, len, _] = x.dims("tiers", "x")?;
        let hop = self.plan.hop_samples();
        if !len.is_multiple_of(hop) {
            let want = format!("its length has to be a multiple of {hop}");
            return Err(OpError::Shape { op: "tiers", operand: "x", got: x.shape(), want });
        }
        let (mut x, mut states) = (x.clone(), vec![x.clone()]);
        pass.within("d_layers", |pass| self.descend(pass, &mut x, step, &mut states))?;
        x = pass.within("c_layers", |pass| run(pass, &self.centre, 0, x, step))?;
        x = add_last(pass, &x, &mut states)?;
        x = pass.within("u_layers", |pass| self.climb(pass, x, step, states))?;
        self.norm.forward(pass, &x)
    }

    /// Down to the lowest tier; `states` are what comes back on the way up.
    fn descend<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &mut Array<D>,
        step: Option<&Array<D>>,
        states: &mut Vec<Array<D>>,
    ) -> Result<(), OpError> {
        let mut place = 0;
        for (blocks, pooling) in &self.down {
            for blocks in blocks.chunks(self.blocks_between_skips()) {
                *x = run(pass, blocks, place, x.clone(), step)?;
                place += blocks.len();
                states.push(x.clone());
            }
            *x = pass.within(place, |pass| pooling.forward(pass, x))?;
            place += 1;
            states.push(x.clone());
        }
        Ok(())
    }

    /// Up to the top tier.
    fn climb<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        mut x: Array<D>,
        step: Option<&Array<D>>,
        mut states: Vec<Array<D>>,
    ) -> Result<Array<D>, OpError> {
        for (index, (pooling, blocks)) in self.up.iter().enumerate() {
            x = pass.within(index, |pass| {
                let y = pass.within(0, |pass| pooling.forward(pass, &x))?;
                let mut x = add_last(pass, &y, &mut states)?;
                if !self.plan.unet {
                    let y = run(pass, blocks, 1, x.clone(), step)?;
                    return add(pass.tape, &y, &x);
                }
                let mut place = 1;
                for blocks in blocks.chunks(self.blocks_between_skips()) {
                    let y = run(pass, blocks, place, x, step)?;
                    x = add_last(pass, &y, &mut states)?;
                    place += blocks.len();
                }
                Ok(x)
            })?;
        }
        Ok(x)
    }

    fn blocks_between_skips(&self) -> usize {
        match self.plan.skips {
            Skips::Pair if self.plan.feed_forward > 0 => 2,
            _ => 1,
        }
    }
}

/// The blocks of one side of tier `tier`, called by numbers from `first` on.
fn declare_blocks(
    scope: &mut Scope<'_>,
    plan: &TiersPlan,
    tier: usize,
    first: usize,
    step_width: Option<usize>,
) -> Vec<Arc<Block>> {
    let mut blocks = Vec::new();
    for _ in 0..plan.blocks {
        let mut child = scope.child(first + blocks.len());
        blocks.push(Arc::new(Block::s4(&mut child, plan, tier, step_width)));
        if plan.feed_forward > 0 {
            let mut child = scope.child(first + blocks.len());
            blocks.push(Arc::new(Block::feed_forward(&mut child, plan, tier)));
        }
    }
    blocks
}

/// One block after the other.
fn run<D: Backend>(
    pass: &mut Pass<'_, D>,
    blocks: &[Arc<Block>],
    first: usize,
    mut x: Array<D>,
    step: Option<&Array<D>>,
) -> Result<Array<D>, OpError> {
    for (index, block) in blocks.iter().enumerate() {
        let (block, step) = (Arc::clone(block), step.cloned());
        let work = move |pass: &mut Pass<'_, D>, x: &Array<D>| block.forward(pass, x, step.as_ref());
        x = pass.within(first + index, |pass| pass.block(&x, work))?;
    }
    Ok(x)
}

/// x and what the way down left last.
fn add_last<D: Backend>(
    pass: &mut Pass<'_, D>,
    x: &Array<D>,
    states: &mut Vec<Array<D>>,
) -> Result<Array<D>, OpError> {
    match states.pop() {
        Some(state) => add(pass.tape, x, &state),
        None => Ok(x.clone()),
    }
}
