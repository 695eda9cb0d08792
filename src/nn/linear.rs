//! y = x Wᵀ + b.

use kernels::linear::{linear, linear_split};
use kernels::{Array, Backend, OpError};

use super::{Init, ParamId, Pass, Scope};

/// A linear layer; parameters `weight` [outputs, inputs] and, if asked, `bias` [outputs].
#[derive(Debug, Clone)]
pub struct Linear {
    weight: ParamId,
    bias: Option<ParamId>,
}

impl Linear {
    /// With weights and biases drawn as given.
    pub fn declare(
        scope: &mut Scope<'_>,
        inputs: usize,
        outputs: usize,
        weight: Init,
        bias: Option<Init>,
    ) -> Self {
        Linear {
            weight: scope.param("weight", [outputs, inputs], weight),
            bias: bias.map(|bias| scope.param("bias", [outputs], bias)),
        }
    }

    /// With normal weights of standard deviation `std` and zero biases: Hugging Face's rule.
    pub fn normal(scope: &mut Scope<'_>, inputs: usize, outputs: usize, std: f32) -> Self {
        Self::declare(scope, inputs, outputs, Init::Normal { std }, Some(Init::Constant(0.0)))
    }

    /// With PyTorch's default weights and, if asked, biases.
    pub fn torch(scope: &mut Scope<'_>, inputs: usize, outputs: usize, bias: bool) -> Self {
        let init = Init::fan_in(inputs);
        Self::declare(scope, inputs, outputs, init, bias.then_some(init))
    }

    /// Which parameter the weights are.
    pub fn weight(&self) -> ParamId {
        self.weight
    }

    /// Which the biases, where there are some.
    pub fn bias(&self) -> Option<ParamId> {
        self.bias
    }

    /// # Shapes
    /// x [.., inputs] → [.., outputs]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (weight, bias) = (pass.param(self.weight), self.bias.map(|bias| pass.param(bias)));
        linear(pass.tape, x, weight, bias)
    }

    /// The outputs cut into pieces of the given widths, each an array of its own.
    ///
    /// # Errors
    /// As [`Linear::forward`]; the widths must add up to the outputs.
    pub fn forward_split<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        widths: &[usize],
    ) -> Result<Vec<Array<D>>, OpError> {
        let (weight, bias) = (pass.param(self.weight), self.bias.map(|bias| pass.param(bias)));
        linear_split(pass.tape, x, weight, bias, widths)
    }
}
