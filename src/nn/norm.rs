//! Normalisations with a learnt gain and shift.

use kernels::add_norm::{post_norm, pre_norm};
use kernels::layer_norm::{Parameters, layer_norm};
use kernels::rms_norm::rms_norm;
use kernels::scalar_norm::scalar_norm;
use kernels::{Array, Backend, Device, OpError};

use super::{Init, ParamId, Pass, Scope};

/// Layer norm over the last axis.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: ParamId,
    bias: ParamId,
    eps: f32,
}

impl LayerNorm {
    /// Parameters `weight` and `bias` [channels].
    pub fn declare(scope: &mut Scope<'_>, channels: usize, eps: f32) -> Self {
        let weight = scope.param("weight", [channels], Init::Constant(1.0));
        LayerNorm { weight, bias: scope.param("bias", [channels], Init::Constant(0.0)), eps }
    }

    /// # Shapes
    /// x [.., channels] → the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (weight, bias) = (pass.param(self.weight), pass.param(self.bias));
        layer_norm(pass.tape, x, weight, bias, self.eps)
    }

    /// norm(x + dropout(f)) in one pass; `drop` is the rate and the seed that [`Pass::dropout`] gives.
    ///
    /// # Errors
    /// As [`LayerNorm::forward`].
    pub fn of_sum<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        f: &Array<D>,
        drop: (f32, u64),
    ) -> Result<Array<D>, OpError> {
        post_norm(pass.tape, x, f, self.parameters(pass), drop)
    }

    /// x + dropout(f) and its norm in one pass.
    ///
    /// # Errors
    /// As [`LayerNorm::forward`].
    pub fn with_sum<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        f: &Array<D>,
        drop: (f32, u64),
    ) -> Result<[Array<D>; 2], OpError> {
        pre_norm(pass.tape, x, f, self.parameters(pass), drop)
    }

    /// Its parameters, for an op that has the norm inside.
    pub fn parameters<'a, D: Device>(&self, pass: &Pass<'a, D>) -> Parameters<'a, D> {
        Parameters { weight: pass.param(self.weight), bias: pass.param(self.bias), eps: self.eps }
    }
}

/// RMS norm over the last axis: a gain, and no shift.
#[derive(Debug, Clone)]
pub struct RmsNorm {
    weight: ParamId,
    eps: f32,
}

impl RmsNorm {
    /// Parameter `weight` [channels].
    pub fn declare(scope: &mut Scope<'_>, channels: usize, eps: f32) -> Self {
        Self::starting_at(scope, channels, eps, 1.0)
    }

    /// The same with another first gain.
    pub fn starting_at(scope: &mut Scope<'_>, channels: usize, eps: f32, gain: f32) -> Self {
        RmsNorm { weight: scope.param("weight", [channels], Init::Constant(gain)), eps }
    }

    /// Which parameter the gain is, and what is added to the mean square.
    pub fn gain(&self) -> (ParamId, f32) {
        (self.weight, self.eps)
    }

    /// # Shapes
    /// x [.., channels] → the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let weight = pass.param(self.weight);
        rms_norm(pass.tape, x, weight, self.eps)
    }
}

/// Layer norm with one gain and one shift for all channels, and no eps.
#[derive(Debug, Clone)]
pub struct ScalarNorm {
    gain: ParamId,
    shift: ParamId,
}

impl ScalarNorm {
    /// Parameters `s` (gain) and `m` (shift, before the gain) [1].
    pub fn declare(scope: &mut Scope<'_>) -> Self {
        let shift = scope.param("m", [1], Init::Constant(0.0));
        ScalarNorm { gain: scope.param("s", [1], Init::Constant(1.0)), shift }
    }

    /// # Shapes
    /// x [.., channels] → the same
    ///
    /// # Errors
    /// The device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (gain, shift) = (pass.param(self.gain), pass.param(self.shift));
        scalar_norm(pass.tape, x, gain, shift)
    }
}
