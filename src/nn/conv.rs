//! Convolutions over time: the feature encoder's, one that keeps the length, and the positional one.

use kernels::conv_stack::{Layer, Norm};
use kernels::conv1d::{Conv1d, conv1d};
use kernels::weight_norm::weight_norm;
use kernels::{Array, Backend, Device, OpError};

use super::{Init, ParamId, Pass, Scope};

/// A strided convolution without padding.
#[derive(Debug, Clone)]
pub struct Conv {
    weight: ParamId,
    bias: Option<ParamId>,
    stride: usize,
}

impl Conv {
    /// Parameters `weight` [outputs, inputs, kernel] (Kaiming normal, √(2 / fan in)) and, if asked, `bias` [outputs].
    pub fn declare(
        scope: &mut Scope<'_>,
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        bias: bool,
    ) -> Self {
        let fan_in = inputs * kernel;
        let std = (2.0 / fan_in as f32).sqrt();
        Conv {
            weight: scope.param("weight", [outputs, inputs, kernel], Init::Normal { std }),
            bias: bias.then(|| scope.param("bias", [outputs], Init::fan_in(fan_in))),
            stride,
        }
    }

    /// The convolution as a layer of [`conv_stack`](kernels::conv_stack::conv_stack), with `norm` behind it.
    pub fn layer<'a, D: Device>(&self, pass: &Pass<'a, D>, norm: Norm<'a, D>) -> Layer<'a, D> {
        let (weight, bias) = (pass.param(self.weight), self.bias.map(|bias| pass.param(bias)));
        Layer { weight, bias, stride: self.stride, norm }
    }
}

/// A convolution as long as its input, silence around it.
#[derive(Debug, Clone)]
pub struct SameConv {
    weight: ParamId,
    bias: ParamId,
    kernel: usize,
}

impl SameConv {
    /// Parameters `weight` [outputs, inputs, kernel] and `bias` [outputs], with PyTorch's default values; the kernel is odd.
    pub fn declare(scope: &mut Scope<'_>, inputs: usize, outputs: usize, kernel: usize) -> Self {
        let init = Init::fan_in(inputs * kernel);
        let weight = scope.param("weight", [outputs, inputs, kernel], init);
        SameConv { weight, bias: scope.param("bias", [outputs], init), kernel }
    }

    /// The middle column of a convolution as wide as it is high, over an image that is one column wide: all of it that meets anything. First values are
    /// PyTorch's of the whole.
    pub fn column(scope: &mut Scope<'_>, inputs: usize, outputs: usize, kernel: usize) -> Self {
        let init = Init::fan_in(inputs * kernel * kernel);
        let weight = scope.param("weight", [outputs, inputs, kernel], init);
        SameConv { weight, bias: scope.param("bias", [outputs], init), kernel }
    }

    /// # Shapes
    /// x [B, T, inputs] → [B, T, outputs]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let padding = [self.kernel / 2; 2];
        let settings = Conv1d { stride: 1, padding, dilation: 1, groups: 1, gelu: false };
        conv1d(pass.tape, x, pass.param(self.weight), Some(pass.param(self.bias)), settings)
    }
}

/// wav2vec2's relative position: a wide grouped convolution with normalised weights, then GELU.
#[derive(Debug, Clone)]
pub struct PositionalConv {
    bias: ParamId,
    gain: ParamId,
    direction: ParamId,
    kernel: usize,
    groups: usize,
}

impl PositionalConv {
    /// Parameters `conv.bias` [channels], `conv.parametrizations.weight.original0` [1, 1, kernel] (gain) and
    /// `…original1` [channels, channels / groups, kernel] (direction).
    pub fn declare(scope: &mut Scope<'_>, channels: usize, kernel: usize, groups: usize) -> Self {
        let mut conv = scope.child("conv");
        let std = 2.0 / ((kernel * channels) as f32).sqrt();
        let bias = conv.param("bias", [channels], Init::Constant(0.0));
        let mut weight = conv.child("parametrizations.weight");
        // The gain is the norm of the direction over its first two axes: drawn values have this one in expectation.
        let norm = std * ((channels * (channels / groups)) as f32).sqrt();
        PositionalConv {
            bias,
            gain: weight.param("original0", [1, 1, kernel], Init::Constant(norm)),
            direction: weight.param("original1", [channels, channels / groups, kernel], Init::Normal { std }),
            kernel,
            groups,
        }
    }

    /// GELU(conv(x)), as long as x.
    ///
    /// # Shapes
    /// x [B, T, channels] → the same
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (gain, direction) = (pass.param(self.gain), pass.param(self.direction));
        let weight = weight_norm(pass.tape, gain, direction)?;
        let bias = pass.param(self.bias);
        // As long as x: an even kernel would make one frame too many, which the reference computes and trims.
        let padding = [self.kernel / 2, (self.kernel - 1) / 2];
        let settings = Conv1d { stride: 1, padding, dilation: 1, groups: self.groups, gelu: true };
        conv1d(pass.tape, x, &weight, Some(bias), settings)
    }
}
