//! One vector for each sequence, added to all its frames: a condition such as a diffusion step.
//!
//! - out_bt = x_bt + v_b
//! - dx = dout and dv_b = Σ_t dout_bt
//!
//! Not for: a bias, which belongs to its `linear`.
//!
//! # Shapes
//! x [B, T, C] · v [B, C] → out [B, T, C]

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

/// The extents of one call.
#[derive(Clone, Copy, Debug)]
pub struct AddToFrames {
    /// Frames of a sequence, T.
    time: usize,
    /// Channels, C.
    channels: usize,
}

impl Op for AddToFrames {
    const NAME: &'static str = "add_to_frames";
}

/// `x` [B, T, C] with each sequence's `v` [B, C] added to all its frames.
///
/// # Errors
/// `v` is not [B, C], or the device failed.
pub fn add_to_frames<D: Run<AddToFrames>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    v: &Array<D>,
) -> Result<Array<D>, OpError> {
    let op = AddToFrames::NAME;
    let [batch, time, channels] = x.dims(op, "x")?;
    if v.shape() != [batch, channels].into() {
        let want = format!("x needs [{batch}, {channels}]");
        return Err(OpError::Shape { op, operand: "v", got: v.shape(), want });
    }
    apply_one(tape, AddToFrames { time, channels }, &[x, v], x.shape())
}
