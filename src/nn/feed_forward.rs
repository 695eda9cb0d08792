//! The position-wise block, of transformers and of SaShiMi.

use kernels::dropout::dropout_channels;
use kernels::feed_forward::{Weights, feed_forward};
use kernels::gelu::gelu;
use kernels::linear::linear;
use kernels::{Array, Backend, OpError};

use super::{Init, ParamId, Pass, Scope};

/// linear → GELU → dropout → linear. What drops behind it belongs to the residual connection.
#[derive(Debug, Clone)]
pub struct FeedForward {
    /// Whether channels drop for a whole sequence.
    drops_channels: bool,
    /// Weight and bias.
    intermediate: [ParamId; 2],
    output: [ParamId; 2],
    activation_dropout: f32,
}

impl FeedForward {
    /// Parameters `intermediate_dense` and `output_dense`.
    pub fn declare(
        scope: &mut Scope<'_>,
        width: usize,
        inner: usize,
        std: f32,
        activation_dropout: f32,
    ) -> Self {
        let mut dense = |name: &str, inputs: usize, outputs: usize| {
            let mut scope = scope.child(name);
            let weight = scope.param("weight", [outputs, inputs], Init::Normal { std });
            [weight, scope.param("bias", [outputs], Init::Constant(0.0))]
        };
        FeedForward {
            drops_channels: false,
            intermediate: dense("intermediate_dense", width, inner),
            output: dense("output_dense", inner, width),
            activation_dropout,
        }
    }

    /// SaShiMi's: parameters `ff.0.0` and `ff.2` with PyTorch's default values; whole channels drop, in the middle alone.
    pub fn sashimi(scope: &mut Scope<'_>, width: usize, inner: usize, dropout: f32) -> Self {
        let mut ff = scope.child("ff");
        let mut dense = |name: &str, inputs: usize, outputs: usize| {
            let (mut scope, init) = (ff.child(name), Init::fan_in(inputs));
            [scope.param("weight", [outputs, inputs], init), scope.param("bias", [outputs], init)]
        };
        FeedForward {
            drops_channels: true,
            intermediate: dense("0.0", width, inner),
            output: dense("2", inner, width),
            activation_dropout: dropout,
        }
    }

    /// # Shapes
    /// x [B, T, width] → the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let [inner, outer] = [self.intermediate, self.output].map(|dense| dense.map(|id| pass.param(id)));
        let (rate, seed) = pass.dropout(self.activation_dropout);
        if self.drops_channels && rate > 0.0 {
            // The op of all four drops elements.
            let y = linear(pass.tape, x, inner[0], Some(inner[1]))?;
            let y = gelu(pass.tape, &y)?;
            let y = dropout_channels(pass.tape, &y, rate, seed)?;
            return linear(pass.tape, &y, outer[0], Some(outer[1]));
        }
        feed_forward(pass.tape, x, Weights { inner, outer }, rate, seed)
    }
}
