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
        let [intermediate, output] = pair(scope, ["intermediate_dense", "output_dense"], width, inner, std);
        FeedForward { drops_channels: false, intermediate, output, activation_dropout }
    }

    /// timm's: parameters `fc1` and `fc2`. Nothing drops.
    pub fn timm(scope: &mut Scope<'_>, width: usize, inner: usize, std: f32) -> Self {
        let [intermediate, output] = pair(scope, ["fc1", "fc2"], width, inner, std);
        FeedForward { drops_channels: false, intermediate, output, activation_dropout: 0.0 }
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

/// Weight and bias of the way in and of the way out, weights normal, biases zero.
fn pair(scope: &mut Scope<'_>, names: [&str; 2], width: usize, inner: usize, std: f32) -> [[ParamId; 2]; 2] {
    let mut dense = |name: &str, inputs: usize, outputs: usize| {
        let mut scope = scope.child(name);
        let weight = scope.param("weight", [outputs, inputs], Init::Normal { std });
        [weight, scope.param("bias", [outputs], Init::Constant(0.0))]
    };
    [dense(names[0], width, inner), dense(names[1], inner, width)]
}
