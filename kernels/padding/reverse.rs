//! Turns the valid part round, so that a causal layer sees each sequence from its end.

use super::Batch;
use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The valid lengths of one batch.
#[derive(Clone, Debug)]
pub struct ReversePadded(pub(super) Batch);

impl Op for ReversePadded {
    const NAME: &'static str = "reverse_padded";
}

/// `x` [B, T, C] with the first `lens[b]` frames of sequence b in reverse order, and zeros behind them.
///
/// # Errors
/// `lens` does not hold one length of at most T for each sequence, or the device failed.
pub fn reverse_padded<D: Run<ReversePadded>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    lens: &[usize],
) -> Result<Array<D>, OpError> {
    let batch = Batch::new(ReversePadded::NAME, x, lens)?;
    apply_one(tape, ReversePadded(batch), &[x], x.shape())
}
