//! One vector per sequence: the mean of its valid frames.

use super::Batch;
use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The valid lengths of one batch.
#[derive(Clone, Debug)]
pub struct MeanPool(pub(super) Batch);

impl Op for MeanPool {
    const NAME: &'static str = "mean_pool";
}

/// The mean [B, C] of the first `lens[b]` frames of each sequence of `x` [B, T, C]; zeros where there are none.
///
/// # Errors
/// `lens` does not hold one length of at most T for each sequence, or the device failed.
pub fn mean_pool<D: Run<MeanPool>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    lens: &[usize],
) -> Result<Array<D>, OpError> {
    let batch = Batch::new(MeanPool::NAME, x, lens)?;
    let shape = [batch.lens.len(), batch.channels];
    apply_one(tape, MeanPool(batch), &[x], shape)
}
