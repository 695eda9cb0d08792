//! What convolutions over the whole spectrogram add to it.

use kernels::add::add;
use kernels::dropout::dropout;
use kernels::padding::zero_padding;
use kernels::tanh::tanh;
use kernels::{Array, Backend, OpError};

use super::NORM_EPS;
use crate::nn::{Pass, RmsNorm, SameConv, Scope};
use crate::plan::DroppedLayers;

const LAYERS: usize = 5;
const TAPS: usize = 5;

/// Five times conv → norm → tanh (not the last) → dropout.
#[derive(Debug, Clone)]
pub(super) struct Postnet {
    layers: Vec<(SameConv, RmsNorm)>,
    dropout: f32,
}

impl Postnet {
    /// Frames on either side that a frame's refinement depends on.
    pub const REACH: usize = LAYERS * (TAPS / 2);

    /// Parameters `layers.{i}.conv` and `layers.{i}.norm`. The last gain is 0 at first: nothing is added until something is learnt.
    pub fn declare(scope: &mut Scope<'_>, bands: usize, plan: DroppedLayers) -> Self {
        let layer = |at: usize| {
            let (mut layers, last) = (scope.child("layers"), at + 1 == LAYERS);
            let mut scope = layers.child(at);
            let inputs = if at == 0 { bands } else { plan.width };
            let outputs = if last { bands } else { plan.width };
            let conv = SameConv::declare(&mut scope.child("conv"), inputs, outputs, TAPS);
            let gain = if last { 0.0 } else { 1.0 };
            (conv, RmsNorm::starting_at(&mut scope.child("norm"), outputs, NORM_EPS, gain))
        };
        Postnet { layers: (0..LAYERS).map(layer).collect(), dropout: plan.dropout }
    }

    /// frames [B, T, bands] → the same, refined.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        frames: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let mut x = frames.clone();
        for (at, (conv, norm)) in self.layers.iter().enumerate() {
            x = zero_padding(pass.tape, &x, lens)?;
            x = conv.forward(pass, &x)?;
            x = norm.forward(pass, &x)?;
            if at + 1 < LAYERS {
                x = tanh(pass.tape, &x)?;
            }
            let (rate, seed) = pass.dropout(self.dropout);
            x = dropout(pass.tape, &x, rate, seed)?;
        }
        add(pass.tape, frames, &x)
    }
}
