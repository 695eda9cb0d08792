//! The short causal depthwise convolution in front of Mamba's scans, with its SiLU fused.
//!
//! Forward, for each channel and with x_{<0} = 0 (tap W−1 meets the current sample):
//!
//! - v_t = bias + Σ_k w_k x_{t−(W−1)+k}
//! - out_t = silu(v_t) = v_t σ(v_t), or v_t without `silu`
//!
//! Backward, v recomputed: q_t = dout_t silu'(v_t) with silu'(v) = σ(v)(1 + v(1 − σ(v))), then
//!
//! - dx_t = Σ_k w_k q_{t+(W−1)−k}, nothing from beyond T
//! - dw_k = Σ_{b,t} q_t x_{t−(W−1)+k} and dbias = Σ_{b,t} q_t
//!
//! Not for: dense or strided convolutions (`conv1d`), carried history (decoding).
//!
//! # Shapes
//! x [B, T, C] · weight [C, 1, W], W = 2, 3, 4 · bias [C] → out [B, T, C]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The constants of one causal convolution.
#[derive(Clone, Copy, Debug)]
pub struct CausalConv1d {
    /// Samples per sequence, T.
    time: usize,
    /// Channels, C.
    channels: usize,
    /// Kernel width, W.
    taps: usize,
    /// Whether SiLU follows.
    silu: bool,
}

impl Op for CausalConv1d {
    const NAME: &'static str = "causal_conv1d";
}

/// Convolves each channel of `x` [B, T, C] with its own `weight` [C, 1, W] over the present and the W − 1 samples before
/// it, adds `bias` [C] and applies SiLU where `silu` is set.
///
/// # Errors
/// The shapes do not fit each other, W is not 2, 3 or 4, or the device failed.
pub fn causal_conv1d<D: Run<CausalConv1d>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: &Array<D>,
    silu: bool,
) -> Result<Array<D>, OpError> {
    let op = CausalConv1d::NAME;
    let [_, time, channels] = x.dims(op, "x")?;
    let [_, _, taps] = weight.dims(op, "weight")?;
    let mismatch = |operand, got: &Array<D>, want| OpError::Shape { op, operand, got: got.shape(), want };
    if weight.shape() != [channels, 1, taps].into() {
        return Err(mismatch("weight", weight, format!("x needs [{channels}, 1, W]")));
    }
    if !(2..=4).contains(&taps) {
        return Err(mismatch("weight", weight, "its last axis must be 2, 3 or 4 taps".to_owned()));
    }
    if bias.shape() != [channels].into() {
        return Err(mismatch("bias", bias, format!("x needs [{channels}]")));
    }
    let op = CausalConv1d { time, channels, taps, silu };
    apply_one(tape, op, &[x, weight, bias], x.shape())
}
