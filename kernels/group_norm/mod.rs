//! Group normalisation: statistics of each sequence over all its frames and one group of channels.
//!
//! Forward, for each (b, group) over N = T·C/groups elements, with μ their mean and r = (mean((x − μ)²) + eps)^−½:
//!
//! - x̂ = (x − μ) r
//! - out = x̂ weight + bias, weight and bias per channel
//!
//! Backward keeps x, weight and (μ, r) of each group; with q = dout·weight and means over the group's N elements:
//!
//! - dx = r (q − mean(q) − x̂ mean(q x̂))
//! - dweight = Σ_{b,t} dout x̂ and dbias = Σ_{b,t} dout
//!
//! A GELU may follow in the same pass; backward forms what went into it again.
//!
//! Padding counts as data, as in the reference: T is the whole axis. Not for: statistics of one frame (`layer_norm`).
//!
//! # Shapes
//! x [B, T, C] · weight [C] · bias [C] → out [B, T, C]

pub(crate) mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
pub(crate) mod reference;
pub(crate) mod statistics;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The constants of one group normalisation.
#[derive(Clone, Copy, Debug)]
pub struct GroupNorm {
    /// Added to the variance.
    pub(crate) eps: f32,
    /// Groups of neighbouring channels; they divide C.
    pub(crate) groups: usize,
    /// Frames per sequence, T.
    pub(crate) time: usize,
    /// Whether outputs go through the exact GELU.
    pub(crate) gelu: bool,
}

impl Op for GroupNorm {
    const NAME: &'static str = "group_norm";
}

/// Normalises each sequence of `x` [B, T, C] to mean 0 and variance 1 over all frames and the channels of each of `groups` groups,
/// then scales by `weight` [C] and shifts by `bias` [C]. `eps` is added to the variance.
///
/// # Errors
/// `weight` or `bias` is not [C], the groups do not divide C, or the device failed.
pub fn group_norm<D: Run<GroupNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: &Array<D>,
    groups: usize,
    eps: f32,
) -> Result<Array<D>, OpError> {
    normalised(tape, [x, weight, bias], groups, eps, false)
}

/// GELU([`group_norm`]).
///
/// # Errors
/// As [`group_norm`].
pub fn group_norm_gelu<D: Run<GroupNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: &Array<D>,
    groups: usize,
    eps: f32,
) -> Result<Array<D>, OpError> {
    normalised(tape, [x, weight, bias], groups, eps, true)
}

fn normalised<D: Run<GroupNorm>>(
    tape: &mut Tape<D>,
    [x, weight, bias]: [&Array<D>; 3],
    groups: usize,
    eps: f32,
    gelu: bool,
) -> Result<Array<D>, OpError> {
    let op = GroupNorm::NAME;
    let [_, time, channels] = x.dims(op, "x")?;
    for (operand, array) in [("weight", weight), ("bias", bias)] {
        if array.shape() != [channels].into() {
            let want = format!("x needs [{channels}]");
            return Err(OpError::Shape { op, operand, got: array.shape(), want });
        }
    }
    if groups == 0 || !channels.is_multiple_of(groups) {
        let want = format!("its channels must split into {groups} equal groups");
        return Err(OpError::Shape { op, operand: "x", got: x.shape(), want });
    }
    apply_one(tape, GroupNorm { eps, groups, time, gelu }, &[x, weight, bias], x.shape())
}
