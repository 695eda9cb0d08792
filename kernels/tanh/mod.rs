//! The hyperbolic tangent.
//!
//! - out = tanh(x)
//! - dx = dout (1 − tanh²(x))
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

/// The hyperbolic tangent has no constants.
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl Op for Tanh {
    const NAME: &'static str = "tanh";
}

/// tanh(`x`), element by element.
///
/// # Errors
/// The device failed.
pub fn tanh<D: Run<Tanh>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    apply_one(tape, Tanh, &[x], x.shape())
}
