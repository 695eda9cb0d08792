//! Transposed convolution over time: frames spread out, as decoders of sound do.
//!
//! Forward: y[b, t·stride + k − left, o] gets x[b, t, c] w[c, o, k] from every t and k, and bias[o].
//! It is what a convolution owes to its input ([`conv1d`](crate::conv1d)), read as a map of its own; so its own backward is that
//! convolution: dx[b, t, c] = Σ_{k, o} dy[b, t·stride + k − left, o] w[c, o, k], dw[c, o, k] = Σ_{b, t} x[b, t, c] dy[b, t·stride + k − left, o].
//!
//! # Shapes
//! x [B, T, C], w [C, O, K], bias [O] → y [B, T', O] with T' = (T − 1)·stride + K − left − right

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::conv1d::{Conv1d, Convolution};
use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Shape, Tape};

/// A transposed convolution with its extents.
#[derive(Debug, Clone, Copy)]
pub struct ConvTranspose1d {
    /// The convolution from y to x.
    mirror: Convolution,
    bias: bool,
}

impl Op for ConvTranspose1d {
    const NAME: &'static str = "conv_transpose1d";
}

/// The transposed convolution of `x` with `weight`; `trim` frames are left out before the first and behind the last.
///
/// # Errors
/// Shapes do not fit, nothing is left between what is trimmed, or the device failed.
pub fn conv_transpose1d<D: Run<ConvTranspose1d>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: Option<&Array<D>>,
    stride: usize,
    trim: [usize; 2],
) -> Result<Array<D>, OpError> {
    let [batch, time, channels] = x.dims(ConvTranspose1d::NAME, "x")?;
    let [inputs, outputs, taps] = weight.dims(ConvTranspose1d::NAME, "the weight")?;
    let refuse = |operand, got: Shape, want: String| {
        Err(OpError::Shape { op: ConvTranspose1d::NAME, operand, got, want })
    };
    if stride == 0 || weight.is_empty() {
        let want = format!("extents and stride {stride} have to be positive");
        return refuse("the weight", weight.shape(), want);
    }
    if inputs != channels {
        return refuse("x", x.shape(), format!("the weight {} takes {inputs} channels", weight.shape()));
    }
    if let Some(bias) = bias
        && bias.shape().dims() != [outputs]
    {
        return refuse("the bias", bias.shape(), format!("there are {outputs} outputs"));
    }
    let whole = if time == 0 { 0 } else { (time - 1) * stride + taps };
    let trimmed: usize = trim.iter().sum();
    if whole <= trimmed || trim.iter().any(|&frames| frames >= taps) {
        let want = format!("of {whole} frames with {taps} taps {} and {} are trimmed", trim[0], trim[1]);
        return refuse("x", x.shape(), want);
    }
    let op = ConvTranspose1d::new([batch, time, channels], [outputs, taps], stride, trim, bias.is_some());
    let mut operands = vec![x, weight];
    operands.extend(bias);
    apply_one(tape, op, &operands, [batch, whole - trimmed, outputs])
}

impl ConvTranspose1d {
    /// Of extents that fit.
    fn new(
        [batch, time, channels]: [usize; 3],
        [outputs, taps]: [usize; 2],
        stride: usize,
        trim: [usize; 2],
        bias: bool,
    ) -> Self {
        let out_time = (time - 1) * stride + taps - trim[0] - trim[1];
        let settings = Conv1d { stride, padding: trim, dilation: 1, groups: 1, gelu: false };
        let mirror = Convolution::of_extents(settings, [batch, out_time, outputs], [channels, taps]);
        ConvTranspose1d { mirror, bias }
    }
}
