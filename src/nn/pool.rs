//! SaShiMi's pooling: neighbouring frames side by side in the channels, a linear layer across them, and back.
//!
//! The published weights count a frame's neighbours within each channel: column h·p + s is channel h of the frame s later. Frames laid side by side in
//! memory are the other way round, s·H + h, and seen so for nothing: the weights are permuted, activations never.

use kernels::linear::linear;
use kernels::shift::shift;
use kernels::swap_axes::swap_axes;
use kernels::{Array, Backend, OpError};

use super::normed_linear::NormedLinear;
use super::{Pass, Scope};

/// `pool` frames become one with `expand` times their channels.
#[derive(Debug, Clone)]
pub struct DownPool {
    linear: NormedLinear,
    width: usize,
    pool: usize,
}

impl DownPool {
    /// Parameters `linear.{weight_v, weight_g, bias}`, from `width` · `pool` to `width` · `expand` channels.
    pub fn declare(scope: &mut Scope<'_>, width: usize, expand: usize, pool: usize) -> Self {
        let linear = NormedLinear::declare(&mut scope.child("linear"), width * pool, width * expand);
        DownPool { linear, width, pool }
    }

    /// # Shapes
    /// x [B, L, width] → [B, L / pool, width · expand]
    ///
    /// # Errors
    /// L is no multiple of `pool`, the shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (op, width, pool) = ("down_pool", self.width, self.pool);
        let [batch, len, channels] = x.dims(op, "x")?;
        if channels != width || !len.is_multiple_of(pool) {
            let want = format!("it needs {width} channels and a multiple of {pool} frames");
            return Err(OpError::Shape { op, operand: "x", got: x.shape(), want });
        }
        let (weight, bias) = self.linear.weight_and_bias(pass)?;
        let outputs = bias.len();
        let weight = swap_axes(pass.tape, &weight.reshaped([outputs, width, pool, 1])?)?;
        let x = x.reshaped([batch, len / pool, pool * width])?;
        linear(pass.tape, &x, &weight.reshaped([outputs, pool * width])?, Some(&bias))
    }
}

/// A frame becomes `pool` with an `expand`th of its channels.
#[derive(Debug, Clone)]
pub struct UpPool {
    linear: NormedLinear,
    outputs: usize,
    pool: usize,
    causal: bool,
}

impl UpPool {
    /// Parameters `linear.{weight_v, weight_g, bias}`, from `width` to `width` / `expand` · `pool` channels. With `causal`, frames come one late,
    /// zeros first: what a frame says of the samples it stands for is used behind them.
    pub fn declare(scope: &mut Scope<'_>, width: usize, expand: usize, pool: usize, causal: bool) -> Self {
        let outputs = width / expand;
        let linear = NormedLinear::declare(&mut scope.child("linear"), width, outputs * pool);
        UpPool { linear, outputs, pool, causal }
    }

    /// # Shapes
    /// x [B, L, width] → [B, L · pool, width / expand]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let ([batch, len, width], outputs, pool) = (x.dims("up_pool", "x")?, self.outputs, self.pool);
        let (weight, bias) = self.linear.weight_and_bias(pass)?;
        let weight = swap_axes(pass.tape, &weight.reshaped([1, outputs, pool, width])?)?;
        let bias = swap_axes(pass.tape, &bias.reshaped([1, outputs, pool, 1])?)?;
        let weight = weight.reshaped([pool * outputs, width])?;
        let mut y = linear(pass.tape, x, &weight, Some(&bias.reshaped([pool * outputs])?))?;
        if self.causal {
            y = shift(pass.tape, &y)?;
        }
        y.reshaped([batch, len * pool, outputs])
    }
}
