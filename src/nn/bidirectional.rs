//! Attention's replacement: one causal mixer forward in time, one backward.

use kernels::add::add;
use kernels::padding::{reverse_padded, zero_padding};
use kernels::{Array, Backend, OpError};

use super::mixer::{Mixer, MixerSizes};
use super::{Pass, Scope};

/// y = forward(u) + R(backward(R(u))), plus u if `residual_inside`; zero on padding.
///
/// R reverses each row's valid frames and zeroes its padding, so that neither direction sees padding (CALD, arXiv 2410.06846).
#[derive(Debug, Clone)]
pub struct Bidirectional {
    forward: Mixer,
    backward: Mixer,
    residual_inside: bool,
}

impl Bidirectional {
    /// Parameters `fw_mamba.*` and `bw_mamba.*`.
    pub fn declare(scope: &mut Scope<'_>, sizes: MixerSizes, residual_inside: bool) -> Self {
        Self::among(scope, sizes, residual_inside, 1)
    }

    /// The same as one of `residuals` mixers that add to one stream.
    pub fn among(scope: &mut Scope<'_>, sizes: MixerSizes, residual_inside: bool, residuals: usize) -> Self {
        Bidirectional {
            forward: Mixer::declare(&mut scope.child("fw_mamba"), sizes, residuals),
            backward: Mixer::declare(&mut scope.child("bw_mamba"), sizes, residuals),
            residual_inside,
        }
    }

    /// # Shapes
    /// u [B, T, width], `lens` valid frames per row → [B, T, width]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        u: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let ahead = pass.within("fw_mamba", |pass| self.forward.forward(pass, u))?;
        let reversed = reverse_padded(pass.tape, u, lens)?;
        let behind = pass.within("bw_mamba", |pass| self.backward.forward(pass, &reversed))?;
        let behind = reverse_padded(pass.tape, &behind, lens)?;
        let mut y = add(pass.tape, &ahead, &behind)?;
        if self.residual_inside {
            y = add(pass.tape, &y, u)?;
        }
        zero_padding(pass.tape, &y, lens)
    }
}
