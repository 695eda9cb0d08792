//! One vector per sequence: its first frame.

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The extents of one batch.
#[derive(Clone, Copy, Debug)]
pub struct FirstFrame {
    /// Elements per sequence, T·C.
    pub(super) sequence: usize,
    /// Channels, C.
    pub(super) channels: usize,
}

impl Op for FirstFrame {
    const NAME: &'static str = "first_frame";
}

/// Frame 0 [B, C] of each sequence of `x` [B, T, C].
///
/// # Errors
/// `x` has no frames, or the device failed.
pub fn first_frame<D: Run<FirstFrame>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    let op = FirstFrame::NAME;
    let [batch, time, channels] = x.dims(op, "x")?;
    if time == 0 {
        let want = "it needs at least one frame".to_owned();
        return Err(OpError::Shape { op, operand: "x", got: x.shape(), want });
    }
    apply_one(tape, FirstFrame { sequence: time * channels, channels }, &[x], [batch, channels])
}
