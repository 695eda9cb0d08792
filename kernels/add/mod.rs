//! The sum of two arrays of one shape: the residual connection.
//!
//! - out = a + b
//! - da = dout and db = dout
//!
//! Not for: broadcasting (a bias belongs to its `linear`), nor for an array and itself.
//!
//! # Shapes
//! a, b of one shape → out of that shape

mod cpu;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The sum has no constants.
#[derive(Clone, Copy, Debug)]
pub struct Add;

impl Op for Add {
    const NAME: &'static str = "add";
}

/// `a` + `b`, element by element.
///
/// # Errors
/// The shapes differ, `a` and `b` are one tracked array, or the device failed.
pub fn add<D: Run<Add>>(tape: &mut Tape<D>, a: &Array<D>, b: &Array<D>) -> Result<Array<D>, OpError> {
    if b.shape() != a.shape() {
        let want = format!("a has {}", a.shape());
        return Err(OpError::Shape { op: Add::NAME, operand: "b", got: b.shape(), want });
    }
    apply_one(tape, Add, &[a, b], a.shape())
}
