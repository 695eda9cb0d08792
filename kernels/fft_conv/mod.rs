//! Long convolutions along time, one kernel per channel, by Fourier transforms; with the direct term of a state space.
//!
//! Causal: y_t = Σ_{s ≤ t} k0_{t−s} u_s + D u_t. In both directions, with a second kernel for what lies ahead:
//! y_t = Σ_{s ≤ t} k0_{t−s} u_s + Σ_{s > t} k1_{s−t−1} u_s + D u_t, which is one circular convolution with \[k0, 0 …, k1 reversed\].
//!
//! Backward: du_s = Σ_{t ≥ s} dy_t k0_{t−s} (and Σ_{t < s} dy_t k1_{s−t−1}) + D dy_s, dk by correlating dy with u over all sequences,
//! dD = Σ dy u.
//!
//! Transforms are long enough that nothing wraps around, planned once for each length, in f32. Not for: short filters (`causal_conv1d`, `conv1d`).
//!
//! # Shapes
//! u [B, L, H] · k [R, H, L] with R = 1 (causal) or 2 (both directions) · d [H] → y [B, L, H]

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

/// The extents of one call.
#[derive(Clone, Copy, Debug)]
pub struct FftConv {
    /// Samples per sequence, L.
    time: usize,
    /// Channels, H.
    channels: usize,
    /// Whether the future is seen, too.
    both: bool,
}

impl Op for FftConv {
    const NAME: &'static str = "fft_conv";
}

/// Convolves each channel of `u` [B, L, H] with its kernel in `k` [1, H, L], or in both directions with [2, H, L], and adds `d` [H] times it.
///
/// # Errors
/// The shapes do not fit each other, or the device failed.
pub fn fft_conv<D: Run<FftConv>>(
    tape: &mut Tape<D>,
    u: &Array<D>,
    k: &Array<D>,
    d: &Array<D>,
) -> Result<Array<D>, OpError> {
    let op = FftConv::NAME;
    let [_, time, channels] = u.dims(op, "u")?;
    let [directions, ..] = k.dims::<3>(op, "k")?;
    let refuse = |operand, array: &Array<D>, want: String| {
        Err(OpError::Shape { op, operand, got: array.shape(), want })
    };
    if !(1..=2).contains(&directions) || k.shape() != [directions, channels, time].into() {
        return refuse("k", k, format!("u needs [1, {channels}, {time}], or two of them"));
    }
    if d.shape() != [channels].into() {
        return refuse("d", d, format!("u needs [{channels}]"));
    }
    apply_one(tape, FftConv { time, channels, both: directions == 2 }, &[u, k, d], u.shape())
}
