//! A layer norm with one gain and one shift for all channels, and nothing added to the variance.
//!
//! For each row of C channels, with μ its mean and r = mean((x − μ)²)^−½:
//!
//! - out = s r (x − μ + m)
//! - with q = dout and p = Σ_c q (x − μ + m): dx = s r (q − mean(q) − (x − μ) r² p / C), ds = Σ_rows r p and dm = Σ_rows s r Σ_c q
//!
//! A row that is constant has no such norm: it becomes infinite or NaN, as in the published programs. Not for: a gain for each channel (`layer_norm`).
//!
//! # Shapes
//! x [.., C] · gain [1] · shift [1] → out [.., C]

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

/// Values of a row.
#[derive(Clone, Copy, Debug)]
pub struct ScalarNorm {
    channels: usize,
}

impl Op for ScalarNorm {
    const NAME: &'static str = "scalar_norm";
}

/// Brings each row of `x` [.., C] to mean 0 and variance 1, shifted before by `shift` [1] and scaled by `gain` [1].
///
/// # Errors
/// `gain` or `shift` is not [1], or the device failed.
pub fn scalar_norm<D: Run<ScalarNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    gain: &Array<D>,
    shift: &Array<D>,
) -> Result<Array<D>, OpError> {
    let op = ScalarNorm::NAME;
    for (operand, array) in [("gain", gain), ("shift", shift)] {
        if array.shape() != [1].into() {
            let want = "there is one for all channels".to_owned();
            return Err(OpError::Shape { op, operand, got: array.shape(), want });
        }
    }
    apply_one(tape, ScalarNorm { channels: x.shape().last() }, &[x, gain, shift], x.shape())
}
