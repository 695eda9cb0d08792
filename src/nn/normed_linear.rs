//! A linear layer whose weight is a direction and a length for each output.

use kernels::linear::linear;
use kernels::weight_norm::weight_norm_rows;
use kernels::{Array, Backend, OpError};

use super::{Init, ParamId, Pass, Scope};

/// Parameters `weight_v` [outputs, inputs] (directions), `weight_g` [outputs] (lengths) and `bias` [outputs].
#[derive(Debug, Clone)]
pub struct NormedLinear {
    direction: ParamId,
    length: ParamId,
    bias: ParamId,
}

impl NormedLinear {
    /// With PyTorch's default weights and biases: at first the lengths are those of the directions.
    pub fn declare(scope: &mut Scope<'_>, inputs: usize, outputs: usize) -> Self {
        let init = Init::fan_in(inputs);
        NormedLinear {
            bias: scope.param("bias", [outputs], init),
            direction: scope.param("weight_v", [outputs, inputs], init),
            length: scope.param("weight_g", [outputs], Init::RowNorms { of: "weight_v" }),
        }
    }

    /// # Shapes
    /// x [.., inputs] → [.., outputs]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (weight, bias) = self.weight_and_bias(pass)?;
        linear(pass.tape, x, &weight, Some(&bias))
    }

    /// The weight [outputs, inputs] that directions and lengths make, and the bias.
    pub(super) fn weight_and_bias<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
    ) -> Result<(Array<D>, Array<D>), OpError> {
        let (length, direction) = (pass.param(self.length), pass.param(self.direction));
        Ok((weight_norm_rows(pass.tape, length, direction)?, pass.param(self.bias).clone()))
    }
}
