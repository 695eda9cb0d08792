//! The transformer's position-wise block.

use kernels::dropout::dropout;
use kernels::gelu::gelu;
use kernels::{Array, Backend, OpError};

use super::{Linear, Pass, Scope};

/// linear → GELU → dropout → linear → dropout.
#[derive(Debug, Clone)]
pub struct FeedForward {
    intermediate: Linear,
    output: Linear,
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
        FeedForward {
            intermediate: Linear::normal(&mut scope.child("intermediate_dense"), width, inner, std),
            output: Linear::normal(&mut scope.child("output_dense"), inner, width, std),
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
        let h = self.intermediate.forward(pass, x)?;
        let h = gelu(pass.tape, &h)?;
        let (rate, seed) = pass.dropout(self.activation_dropout);
        let h = dropout(pass.tape, &h, rate, seed)?;
        let y = self.output.forward(pass, &h)?;
        let (rate, seed) = pass.dropout(self.hidden_dropout);
        dropout(pass.tape, &y, rate, seed)
    }
}
