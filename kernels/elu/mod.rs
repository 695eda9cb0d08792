//! The exponential linear unit (Clevert et al. 2016, arXiv 1511.07289) with α = 1.
//!
//! - out = x where x > 0, else eˣ − 1
//! - dx = dout where x > 0, else dout eˣ
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

/// The exponential linear unit has no constants.
#[derive(Clone, Copy, Debug)]
pub struct Elu;

impl Op for Elu {
    const NAME: &'static str = "elu";
}

/// The exponential linear unit of `x`, element by element.
///
/// # Errors
/// The device failed.
pub fn elu<D: Run<Elu>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    apply_one(tape, Elu, &[x], x.shape())
}
