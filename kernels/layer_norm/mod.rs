//! Layer normalisation over the last axis.
//!
//! Forward, for each row of C channels, with μ its mean and r = (mean((x − μ)²) + eps)^−½:
//!
//! - x̂ = (x − μ) r
//! - out = x̂ weight + bias
//!
//! Backward keeps x, weight and (μ, r) of each row; with q = dout·weight and means over the row's channels:
//!
//! - dx = r (q − mean(q) − x̂ mean(q x̂))
//! - dweight = Σ_rows dout x̂ and dbias = Σ_rows dout
//!
//! Not for: statistics over time (`group_norm`) or without a mean (`rms_norm`).
//!
//! # Shapes
//! x [.., C] · weight [C] · bias [C] → out [.., C]

pub(crate) mod cpu;
#[cfg(any(test, feature = "cuda"))]
pub(crate) mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, Device, OpError, Run, Tape};

/// The constants of one layer normalisation.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    /// Added to the variance.
    pub(crate) eps: f32,
    /// Whether outputs go through the exact GELU.
    pub(crate) gelu: bool,
}

impl Op for LayerNorm {
    const NAME: &'static str = "layer_norm";
}

/// A layer norm's parameters, for ops that have one inside.
pub struct Parameters<'a, D: Device> {
    /// [C].
    pub weight: &'a Array<D>,
    /// [C].
    pub bias: &'a Array<D>,
    /// Added to the variance.
    pub eps: f32,
}

/// Normalises each row of `x` [.., C] to mean 0 and variance 1, then scales by `weight` [C] and shifts by `bias` [C]. `eps` is
/// added to the variance.
///
/// # Errors
/// `weight` or `bias` is not [C], or the device failed.
pub fn layer_norm<D: Run<LayerNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: &Array<D>,
    eps: f32,
) -> Result<Array<D>, OpError> {
    normalised(tape, [x, weight, bias], LayerNorm { eps, gelu: false })
}

/// GELU([`layer_norm`]).
///
/// # Errors
/// As [`layer_norm`].
pub fn layer_norm_gelu<D: Run<LayerNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: &Array<D>,
    eps: f32,
) -> Result<Array<D>, OpError> {
    normalised(tape, [x, weight, bias], LayerNorm { eps, gelu: true })
}

fn normalised<D: Run<LayerNorm>>(
    tape: &mut Tape<D>,
    [x, weight, bias]: [&Array<D>; 3],
    op: LayerNorm,
) -> Result<Array<D>, OpError> {
    let channels = x.shape().last();
    for (operand, array) in [("weight", weight), ("bias", bias)] {
        if array.shape() != [channels].into() {
            let want = format!("the rows of x need [{channels}]");
            return Err(OpError::Shape { op: LayerNorm::NAME, operand, got: array.shape(), want });
        }
    }
    apply_one(tape, op, &[x, weight, bias], x.shape())
}
