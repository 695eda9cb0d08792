//! Convolution over time, strided, padded, dilated, grouped.
//!
//! Forward: y[b, t, o] = bias[o] + Σ_{k, c} w[o, c, k] x[b, t·stride + k·dilation − left, g(o)·C/G + c], zero outside x.
//! Backward: dw[o, c, k] = Σ_{b, t} dy[b, t, o] x[b, t·stride + k·dilation − left, …], db = Σ_{b, t} dy[b, t],
//! and dx[b, τ] collects w[o, ·, k] dy[b, t, o] from every t, k with t·stride + k·dilation − left = τ.
//!
//! A GELU may follow in the same pass over y. Where a backward comes, the values before it are kept.
//!
//! # Shapes
//! x [B, T, C], w [O, C / G, K], bias [O] → y [B, T', O] with T' = ⌊(T + left + right − dilation·(K − 1) − 1) / stride⌋ + 1

mod columns;
pub(crate) mod cpu;
#[cfg(any(test, feature = "cuda"))]
pub(crate) mod cuda;
mod groups;
#[cfg(feature = "on-files")]
mod on_files;
mod patches;
#[cfg(test)]
pub(crate) mod reference;
mod taps;
#[cfg(test)]
mod tests;
mod weights;

use crate::op::{Op, Run, apply_one};
use crate::{Array, Device, OpError, Shape, Tape};

/// How a convolution walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv1d {
    /// Frames between two outputs.
    pub stride: usize,
    /// Zero frames before and after.
    pub padding: [usize; 2],
    /// Frames between two taps.
    pub dilation: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Whether outputs go through the exact GELU.
    pub gelu: bool,
}

/// A convolution with its extents.
#[derive(Debug, Clone, Copy)]
pub struct Convolution {
    pub(crate) settings: Conv1d,
    batch: usize,
    pub(crate) time: usize,
    pub(crate) channels: usize,
    pub(crate) outputs: usize,
    pub(crate) taps: usize,
    pub(crate) out_time: usize,
    pub(crate) bias: bool,
}

impl Op for Convolution {
    const NAME: &'static str = "conv1d";
}

impl Convolution {
    /// The convolution of something that has `extents` [B, T, C].
    pub(crate) fn new<D: Device>(
        extents @ [batch, time, channels]: [usize; 3],
        weight: &Array<D>,
        bias: Option<&Array<D>>,
        settings: Conv1d,
    ) -> Result<Self, OpError> {
        let [outputs, inner, taps] = weight.dims(Convolution::NAME, "the weight")?;
        let Conv1d { stride, padding: [left, right], dilation, groups, .. } = settings;
        let refuse = |operand, got: Shape, want: String| {
            Err(OpError::Shape { op: Convolution::NAME, operand, got, want })
        };
        if stride == 0 || dilation == 0 || weight.is_empty() {
            let want = format!("extents, stride {stride} and dilation {dilation} have to be positive");
            return refuse("the weight", weight.shape(), want);
        }
        if groups == 0 || outputs % groups != 0 {
            let want = format!("its {outputs} outputs do not divide into {groups} groups");
            return refuse("the weight", weight.shape(), want);
        }
        if inner * groups != channels {
            let want = format!("the weight {} takes {} channels", weight.shape(), inner * groups);
            return refuse("x", extents.into(), want);
        }
        if let Some(bias) = bias
            && bias.shape().dims() != [outputs]
        {
            return refuse("the bias", bias.shape(), format!("there are {outputs} outputs"));
        }
        let reach = dilation * (taps - 1) + 1;
        if time + left + right < reach {
            return refuse("x", extents.into(), format!("the kernel reaches over {reach} frames"));
        }
        let out_time = (time + left + right - reach) / stride + 1;
        Ok(Convolution { settings, batch, time, channels, outputs, taps, out_time, bias: bias.is_some() })
    }

    /// The convolution without bias or GELU of extents that are known to fit: `extents` [B, T, C] to [O] with [K] taps.
    pub(crate) fn of_extents(
        settings: Conv1d,
        [batch, time, channels]: [usize; 3],
        [outputs, taps]: [usize; 2],
    ) -> Self {
        let reach = settings.dilation * (taps - 1) + 1;
        let out_time = (time + settings.padding.iter().sum::<usize>() - reach) / settings.stride + 1;
        Convolution { settings, batch, time, channels, outputs, taps, out_time, bias: false }
    }

    /// Channels a kernel sees.
    fn inner(&self) -> usize {
        self.channels / self.settings.groups
    }

    /// Outputs of a group.
    fn outer(&self) -> usize {
        self.outputs / self.settings.groups
    }
}

/// The convolution of `x` with `weight`, perhaps through GELU.
///
/// # Errors
/// Shapes do not fit, or the padded input is shorter than the kernel.
pub fn conv1d<D: Run<Convolution>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: Option<&Array<D>>,
    settings: Conv1d,
) -> Result<Array<D>, OpError> {
    let op = Convolution::new(x.dims(Convolution::NAME, "x")?, weight, bias, settings)?;
    let mut operands = vec![x, weight];
    operands.extend(bias);
    apply_one(tape, op, &operands, [op.batch, op.out_time, op.outputs])
}
