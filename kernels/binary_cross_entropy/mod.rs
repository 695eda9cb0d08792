//! Binary cross-entropy of scores, each class a question of its own: is it there?
//!
//! - loss_r = mean_v (ln(1 + e^{x_rv}) − y_rv x_rv), with targets y between 0 and 1
//! - dx_rv = dloss_r (σ(x_rv) − y_rv) / V
//!
//! The logarithm is taken of what cannot overflow, so that sure scores have finite losses. Not for: classes of which one is right (`cross_entropy`),
//! means over rows.
//!
//! # Shapes
//! logits [R, V] → losses [R]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Tape};

/// How much of each class there is in each row, [R, V] row-major.
#[derive(Debug, Clone)]
pub struct BinaryCrossEntropy {
    targets: Vec<f32>,
}

impl Op for BinaryCrossEntropy {
    const NAME: &'static str = "binary_cross_entropy";
}

/// The mean over classes of −y ln σ(x) − (1 − y) ln(1 − σ(x)) for each row of `logits` [R, V], as [R]. `targets` [R, V] lie between 0 and 1.
///
/// # Errors
/// There is not one target per logit, or the device failed.
pub fn binary_cross_entropy<D: Run<BinaryCrossEntropy>>(
    tape: &mut Tape<D>,
    logits: &Array<D>,
    targets: Vec<f32>,
) -> Result<Array<D>, OpError> {
    let op = BinaryCrossEntropy::NAME;
    let [rows, classes] = logits.dims(op, "logits")?;
    if targets.len() != rows * classes {
        let want = format!("there are {} targets", targets.len());
        return Err(OpError::Shape { op, operand: "logits", got: logits.shape(), want });
    }
    apply_one(tape, BinaryCrossEntropy { targets }, &[logits], [rows])
}
