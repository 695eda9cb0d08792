//! The mask with its scale, for ops that drop on their way.

use super::mask::{Mask, Stretch};

/// 1 / (1 − p) where kept and 0 where not, element by element: what [`super::dropout`] multiplies with under the same p and seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    pub(super) mask: Mask,
    pub(super) scale: f32,
}

impl Factors {
    /// None inside where nothing is dropped; none at all where `p` is not in [0, 1).
    pub(crate) fn of(p: f32, seed: u64) -> Option<Option<Self>> {
        let within = (0.0..1.0).contains(&p);
        within.then(|| (p > 0.0).then(|| Factors { mask: Mask::new(p, seed), scale: 1.0 / (1.0 - p) }))
    }

    /// The factors from element `start` on, up to the next multiple of 2³².
    pub(crate) fn starting_at(self, start: usize) -> FactorsFrom {
        FactorsFrom { stretch: self.mask.starting_at(start), scale: self.scale }
    }
}

/// A stretch of factors.
#[derive(Clone, Copy)]
pub(crate) struct FactorsFrom {
    stretch: Stretch,
    scale: f32,
}

impl FactorsFrom {
    #[inline(always)]
    pub(crate) fn factor(self, i: usize) -> f32 {
        if self.stretch.keeps(i) { self.scale } else { 0.0 }
    }

    /// `x`, element `i`, as [`super::dropout`] leaves it: a dropped infinity is 0.
    #[inline(always)]
    pub(crate) fn of(self, i: usize, x: f32) -> f32 {
        // Scaled first: a select of two values vectorises, a branch around the product may not.
        let scaled = x * self.scale;
        if self.stretch.keeps(i) { scaled } else { 0.0 }
    }
}
