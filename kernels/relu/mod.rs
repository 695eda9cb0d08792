//! The rectifier: what is positive passes.
//!
//! - out = max(x, 0)
//! - dx = dout where x > 0, else 0
//!
//! # Shapes
//! x of any shape → out of the same shape

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

/// The rectifier has no constants.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl Op for Relu {
    const NAME: &'static str = "relu";
}

/// The larger of `x` and 0, element by element.
///
/// # Errors
/// The device failed.
pub fn relu<D: Run<Relu>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    apply_one(tape, Relu, &[x], x.shape())
}
