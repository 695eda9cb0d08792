//! The norm alone.

use super::require_weight;
use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The constants of one RMS normalisation.
#[derive(Clone, Copy, Debug)]
pub struct RmsNorm {
    /// Added to the mean square.
    pub(super) eps: f32,
}

impl Op for RmsNorm {
    const NAME: &'static str = "rms_norm";
}

/// Divides each row of `x` [.., C] by its root mean square and scales it by `weight` [C]. `eps` is added to the mean square.
///
/// # Errors
/// `weight` is not [C], or the device failed.
pub fn rms_norm<D: Run<RmsNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    eps: f32,
) -> Result<Array<D>, OpError> {
    require_weight(RmsNorm::NAME, x, weight)?;
    apply_one(tape, RmsNorm { eps }, &[x, weight], x.shape())
}
