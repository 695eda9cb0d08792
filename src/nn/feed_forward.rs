//! The transformer's position-wise block.

use kernels::dropout::dropout;
use kernels::feed_forward::{Weights, feed_forward};
use kernels::{Array, Backend, OpError};

use super::{Init, ParamId, Pass, Scope};

/// linear → GELU → dropout → linear → dropout.
#[derive(Debug, Clone)]
pub struct FeedForward {
    /// Weight and bias.
    intermediate: [ParamId; 2],
    output: [ParamId; 2],
    activation_dropout: f32,
    hidden_dropout: f32,
}

impl FeedForward {
    /// Parameters `intermediate_dense` and `output_dense`.
    pub fn declare(
        scope: &mut Scope<'_>,
        width: usize,
        inner: usize,
        std: f32,
        activation_dropout: f32,
        hidden_dropout: f32,
    ) -> Self {
        let mut dense = |name: &str, inputs: usize, outputs: usize| {
            let mut scope = scope.child(name);
            let weight = scope.param("weight", [outputs, inputs], Init::Normal { std });
            [weight, scope.param("bias", [outputs], Init::Constant(0.0))]
        };
        FeedForward {
            intermediate: dense("intermediate_dense", width, inner),
            output: dense("output_dense", inner, width),
            activation_dropout,
            hidden_dropout,
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
        let y = feed_forward(pass.tape, x, Weights { inner, outer }, rate, seed)?;
        let (rate, seed) = pass.dropout(self.hidden_dropout);
        dropout(pass.tape, &y, rate, seed)
    }
}
