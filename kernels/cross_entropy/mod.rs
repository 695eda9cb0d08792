//! Cross-entropy of one target class per row, its log-softmax fused.
//!
//! Forward, for each row r with a target c_r: loss_r = ln Σ_v e^{x_rv} − x_{r,c_r}. A row without a target has loss 0 and is not
//! read.
//! Backward: dx_rv = dloss_r (softmax(x_r)_v − [v = c_r]), nothing where there is no target.
//!
//! Not for: alignments (`ctc_loss`), soft targets (`kl_divergence`), sums and means over rows.
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
pub(crate) mod rows;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Tape};

/// The target class of each row; `None` ignores the row.
#[derive(Debug, Clone)]
pub struct CrossEntropy {
    targets: Vec<Option<usize>>,
}

impl Op for CrossEntropy {
    const NAME: &'static str = "cross_entropy";
}

/// −ln softmax(logits)[target] of each row of `logits` [R, V], as [R]; 0 for a row whose target is `None`.
///
/// # Errors
/// There is not one target per row, a target is not below V, or the device failed.
pub fn cross_entropy<D: Run<CrossEntropy>>(
    tape: &mut Tape<D>,
    logits: &Array<D>,
    targets: Vec<Option<usize>>,
) -> Result<Array<D>, OpError> {
    let op = CrossEntropy::NAME;
    let [rows, classes] = logits.dims(op, "logits")?;
    let refuse = |want| Err(OpError::Shape { op, operand: "logits", got: logits.shape(), want });
    if targets.len() != rows {
        return refuse(format!("there are {} targets", targets.len()));
    }
    let beyond = |target: &Option<usize>| target.is_some_and(|class| class >= classes);
    if let Some(row) = targets.iter().position(beyond)
        && let Some(class) = targets[row]
    {
        return refuse(format!("the target of row {row} is class {class}"));
    }
    apply_one(tape, CrossEntropy { targets }, &[logits], [rows])
}
