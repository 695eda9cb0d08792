//! A layer of a causal stack: x + dropout(mixer(norm(x))).

use kernels::add::add;
use kernels::dropout::dropout;
use kernels::{Array, Backend, OpError};

use super::{Mixer, MixerSizes, Pass, RmsNorm, Scope};

/// x + dropout(mixer(norm(x))).
#[derive(Debug, Clone)]
pub struct CausalLayer {
    pub norm: RmsNorm,
    pub mixer: Mixer,
    dropout: f32,
}

impl CausalLayer {
    /// Parameters `mixer.*` and `norm.*`, for one of `residuals` layers.
    pub fn declare(
        scope: &mut Scope<'_>,
        sizes: MixerSizes,
        width: usize,
        residuals: usize,
        eps: f32,
        dropout: f32,
    ) -> Self {
        let mixer = Mixer::declare(&mut scope.child("mixer"), sizes, residuals);
        CausalLayer { norm: RmsNorm::declare(&mut scope.child("norm"), width, eps), mixer, dropout }
    }

    /// # Shapes
    /// x [B, T, width] → the same; frame t sees frames ≤ t only
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let normed = pass.within("norm", |pass| self.norm.forward(pass, x))?;
        let mut mixed = pass.within("mixer", |pass| self.mixer.forward(pass, &normed))?;
        if let (rate, seed) = pass.dropout(self.dropout)
            && rate > 0.0
        {
            mixed = dropout(pass.tape, &mixed, rate, seed)?;
        }
        add(pass.tape, x, &mixed)
    }
}
