//! Sequences one step later: what keeps a model causal where a frame's outputs stand for later samples.
//!
//! - out_0 = 0 and out_t = x_{t−1}; the last frame of x goes nowhere
//! - dx_t = dout_{t+1}, and 0 for the last
//!
//! # Shapes
//! x [B, T, C] → out [B, T, C]

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

/// Values of a sequence, and of one of its frames.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    sequence: usize,
    frame: usize,
}

impl Op for Shift {
    const NAME: &'static str = "shift";
}

/// Each sequence of `x` [B, T, C] one frame later, behind a frame of zeros.
///
/// # Errors
/// `x` has not three axes, or the device failed.
pub fn shift<D: Run<Shift>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    let [_, time, channels] = x.dims(Shift::NAME, "x")?;
    apply_one(tape, Shift { sequence: time * channels, frame: channels }, &[x], x.shape())
}
