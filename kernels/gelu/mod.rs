//! The exact GELU: x times the standard normal's distribution function.
//!
//! With Φ the distribution function and φ its density,
//!
//! - out = x Φ(x) = x (1 + erf(x/√2)) / 2
//! - dx = dout (Φ(x) + x φ(x))
//!
//! Not for: the tanh approximation, which differs by up to 5e-4. The polynomial behind Φ and its error stand in `normal.rs`.
//!
//! # Shapes
//! x of any shape → out of the same shape

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
pub(crate) mod fused;
pub(crate) mod normal;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The GELU has no constants.
#[derive(Clone, Copy, Debug)]
pub struct Gelu;

impl Op for Gelu {
    const NAME: &'static str = "gelu";
}

/// `x` times the probability that a standard normal variable lies below it, element by element.
///
/// # Errors
/// The device failed.
pub fn gelu<D: Run<Gelu>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    apply_one(tape, Gelu, &[x], x.shape())
}
