//! How long does each symbol last?

use kernels::dropout::dropout;
use kernels::padding::zero_padding;
use kernels::relu::relu;
use kernels::{Array, Backend, OpError};

use super::NORM_EPS;
use crate::nn::{LayerNorm, Linear, Pass, SameConv, Scope};
use crate::plan::TacomambaPlan;

/// Symbols that a convolution sees.
const TAPS: usize = 3;

/// Twice conv → ReLU → norm → dropout, then a linear layer.
#[derive(Debug, Clone)]
pub(super) struct DurationHead {
    layers: Vec<(SameConv, LayerNorm)>,
    out: Linear,
    dropout: f32,
}

impl DurationHead {
    /// Parameters `layers.{i}.conv`, `layers.{i}.norm` and `out`.
    pub fn declare(scope: &mut Scope<'_>, plan: &TacomambaPlan) -> Self {
        let width = plan.duration_width;
        let layer = |(at, inputs): (usize, usize)| {
            let mut layers = scope.child("layers");
            let mut scope = layers.child(at);
            let conv = SameConv::declare(&mut scope.child("conv"), inputs, width, TAPS);
            (conv, LayerNorm::declare(&mut scope.child("norm"), width, NORM_EPS))
        };
        let layers = [plan.width, width].into_iter().enumerate().map(layer).collect();
        let out = Linear::torch(&mut scope.child("out"), width, 1, true);
        DurationHead { layers, out, dropout: plan.dropout }
    }

    /// ln of durations [B, N] of encoded texts [B, N, width].
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        h: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let [batch, symbols, _] = h.dims("tacomamba", "the encoded texts")?;
        let mut x = h.clone();
        for (conv, norm) in &self.layers {
            x = zero_padding(pass.tape, &x, lens)?;
            x = conv.forward(pass, &x)?;
            x = relu(pass.tape, &x)?;
            x = norm.forward(pass, &x)?;
            let (rate, seed) = pass.dropout(self.dropout);
            x = dropout(pass.tape, &x, rate, seed)?;
        }
        self.out.forward(pass, &x)?.reshaped([batch, symbols])
    }
}
