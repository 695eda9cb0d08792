//! Silences the padding.

use super::Batch;
use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The valid lengths of one batch.
#[derive(Clone, Debug)]
pub struct ZeroPadding(pub(super) Batch);

impl Op for ZeroPadding {
    const NAME: &'static str = "zero_padding";
}

/// `x` [B, T, C] with zeros from frame `lens[b]` of sequence b on.
///
/// # Errors
/// `lens` does not hold one length of at most T for each sequence, or the device failed.
pub fn zero_padding<D: Run<ZeroPadding>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    lens: &[usize],
) -> Result<Array<D>, OpError> {
    let batch = Batch::new(ZeroPadding::NAME, x, lens)?;
    apply_one(tape, ZeroPadding(batch), &[x], x.shape())
}
