//! What patches go through: Mamba layers, or a vision transformer, and a last norm.

use std::sync::Arc;

use kernels::attention::Scores;
use kernels::{Array, Backend, OpError};

use super::block::{Block, NORM_EPS};
use super::stream::Stream;
use crate::nn::{LayerNorm, Pass, Scope};
use crate::plan::{self, AttentionScores, PatchesPlan};

/// Which states are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    All,
    /// What earlier layers left need not be there at the end.
    Last,
}

/// The layers between tokens and heads.
#[derive(Debug, Clone)]
pub(super) enum Trunk {
    Mamba(Stream),
    Attention { blocks: Vec<Arc<Block>>, norm: LayerNorm },
}

impl Trunk {
    /// Parameters `layers.{i}.*` and `norm_f.*`, or `blocks.{i}.*` and `norm.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &PatchesPlan) -> Self {
        match &plan.trunk {
            plan::Trunk::Mamba(mamba) => Trunk::Mamba(Stream::declare(scope, plan, mamba)),
            plan::Trunk::Attention { heads, inner, scores, .. } => {
                let scores = match scores {
                    AttentionScores::Tiled => Scores::Tiles,
                    AttentionScores::Materialised => Scores::Whole,
                };
                let block = |index| {
                    let mut scope = scope.child("blocks");
                    Arc::new(Block::declare(&mut scope.child(index), plan.width, *heads, *inner, scores))
                };
                let blocks = (0..plan.layers).map(block).collect();
                let norm = LayerNorm::declare(&mut scope.child("norm"), plan.width, NORM_EPS);
                Trunk::Attention { blocks, norm }
            }
        }
    }

    /// The name of the list of layers.
    pub fn list(&self) -> &'static str {
        match self {
            Trunk::Mamba(_) => "layers",
            Trunk::Attention { .. } => "blocks",
        }
    }

    /// The name of the last norm.
    pub fn last_norm(&self) -> &'static str {
        match self {
            Trunk::Mamba(_) => "norm_f",
            Trunk::Attention { .. } => "norm",
        }
    }

    /// The input, what each layer (of a pair, both) leaves, the last of it behind the norm; or that alone.
    ///
    /// # Shapes
    /// x [B, T, width] → each the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: Array<D>,
        keep: Keep,
    ) -> Result<Vec<Array<D>>, OpError> {
        let (blocks, norm) = match self {
            Trunk::Mamba(stream) => return stream.forward(pass, x, keep),
            Trunk::Attention { blocks, norm } => (blocks, norm),
        };
        let mut states = vec![x];
        for (index, block) in blocks.iter().enumerate() {
            let block = Arc::clone(block);
            let run = move |pass: &mut Pass<'_, D>, x: &Array<D>| block.forward(pass, x);
            let x = &states[states.len() - 1];
            let y = pass.within(format_args!("blocks.{index}"), |pass| pass.block(x, run))?;
            if keep == Keep::Last {
                states.clear();
            }
            states.push(y);
        }
        let last = states.len() - 1;
        states[last] = pass.within("norm", |pass| norm.forward(pass, &states[last]))?;
        Ok(states)
    }
}
