//! The next sample's level from those before it.

use kernels::embedding::embedding;
use kernels::{Array, Backend, OpError};

use super::Tiers;
use crate::nn::{Init, Linear, ParamId, Pass, Scope};
use crate::plan::{BlockNorm, SashimiPlan};

/// Levels as vectors → tiers → a score for each level.
#[derive(Debug, Clone)]
pub struct Sashimi {
    plan: SashimiPlan,
    embedding: ParamId,
    tiers: Tiers,
    head: Linear,
}

impl Sashimi {
    /// Parameters `mu_embedder.weight` [levels, width], `sashimi.*` and `head.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &SashimiPlan) -> Self {
        let width = plan.tiers.width;
        let init = Init::Normal { std: 1.0 };
        let embedding = scope.child("mu_embedder").param("weight", [plan.levels, width], init);
        // What leaves the tiers has a gain for each channel, whatever the blocks have.
        let tiers = Tiers::declare(&mut scope.child("sashimi"), &plan.tiers, BlockNorm::Layer, None);
        let head = Linear::torch(&mut scope.child("head"), width, plan.levels, true);
        Sashimi { plan: plan.clone(), embedding, tiers, head }
    }

    /// The plan this network was made from.
    pub fn plan(&self) -> &SashimiPlan {
        &self.plan
    }

    /// Scores [B, L, levels] of the level behind each of `codes`, B sequences of L levels one after the other.
    ///
    /// # Errors
    /// There are not B · L codes, one of them is no level, L is no multiple of all poolings' product or longer than the period, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        codes: &[u32],
        [batch, len]: [usize; 2],
    ) -> Result<Array<D>, OpError> {
        let table = pass.param(self.embedding);
        let x = pass.within("mu_embedder", |pass| embedding(pass.tape, table, codes, [batch, len]))?;
        let x = pass.within("sashimi", |pass| self.tiers.forward(pass, &x, None))?;
        pass.within("head", |pass| self.head.forward(pass, &x))
    }
}
