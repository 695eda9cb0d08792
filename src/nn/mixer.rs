//! A causal mixer of either kind.

use kernels::{Array, Backend, OpError};

use super::mamba1::Mamba1Sizes;
use super::mamba2::Mamba2Sizes;
use super::{Mamba1, Mamba2, Pass, Scope};

/// A causal mixer.
#[derive(Debug, Clone)]
pub enum Mixer {
    Mamba1(Mamba1),
    Mamba2(Mamba2),
}

/// The sizes of a mixer, which also say its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MixerSizes {
    Mamba1(Mamba1Sizes),
    Mamba2(Mamba2Sizes),
}

impl Mixer {
    /// Parameters of Mamba or Mamba-2. Of `residuals` mixers that add to one stream each starts smaller by their root.
    pub fn declare(scope: &mut Scope<'_>, sizes: MixerSizes, residuals: usize) -> Self {
        match sizes {
            MixerSizes::Mamba1(sizes) => Mixer::Mamba1(Mamba1::declare(scope, sizes, residuals)),
            MixerSizes::Mamba2(sizes) => Mixer::Mamba2(Mamba2::declare(scope, sizes, residuals)),
        }
    }

    /// # Shapes
    /// u [B, T, width] → the same; frame t sees frames ≤ t only
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, u: &Array<D>) -> Result<Array<D>, OpError> {
        match self {
            Mixer::Mamba1(mixer) => mixer.forward(pass, u),
            Mixer::Mamba2(mixer) => mixer.forward(pass, u),
        }
    }
}
