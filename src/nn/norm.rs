//! Normalisations with a learnt gain and shift.

use kernels::group_norm::group_norm_gelu;
use kernels::layer_norm::{layer_norm, layer_norm_gelu};
use kernels::rms_norm::rms_norm;
use kernels::scalar_norm::scalar_norm;
use kernels::{Array, Backend, OpError};

use super::{Init, ParamId, Pass, Scope};

fn gain_and_shift(scope: &mut Scope<'_>, channels: usize) -> (ParamId, ParamId) {
    let weight = scope.param("weight", [channels], Init::Constant(1.0));
    (weight, scope.param("bias", [channels], Init::Constant(0.0)))
}

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
        let (weight, bias) = gain_and_shift(scope, channels);
        LayerNorm { weight, bias, eps }
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

    /// GELU behind it, in the same pass.
    ///
    /// # Errors
    /// As [`LayerNorm::forward`].
    pub fn then_gelu<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (weight, bias) = (pass.param(self.weight), pass.param(self.bias));
        layer_norm_gelu(pass.tape, x, weight, bias, self.eps)
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

/// Group norm with one group per channel: statistics over time, padding included.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    weight: ParamId,
    bias: ParamId,
    channels: usize,
    eps: f32,
}

impl GroupNorm {
    /// Parameters `weight` and `bias` [channels].
    pub fn declare(scope: &mut Scope<'_>, channels: usize, eps: f32) -> Self {
        let (weight, bias) = gain_and_shift(scope, channels);
        GroupNorm { weight, bias, channels, eps }
    }

    /// GELU behind it, in the same pass.
    ///
    /// # Shapes
    /// x [B, T, channels] → the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn then_gelu<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (weight, bias) = (pass.param(self.weight), pass.param(self.bias));
        group_norm_gelu(pass.tape, x, weight, bias, self.channels, self.eps)
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
