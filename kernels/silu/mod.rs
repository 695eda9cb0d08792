//! The SiLU (swish): x times its own logistic function.
//!
//! With σ(x) = 1 / (1 + e^−x),
//!
//! - out = x σ(x)
//! - dx = dout σ(x) (1 + x (1 − σ(x)))
//!
//! Not for: gates of a norm or a convolution, where it is fused (`rms_norm`, `causal_conv1d`).
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

/// The SiLU has no constants.
#[derive(Clone, Copy, Debug)]
pub struct Silu;

impl Op for Silu {
    const NAME: &'static str = "silu";
}

/// `x` times its logistic function, element by element.
///
/// # Errors
/// The device failed.
pub fn silu<D: Run<Silu>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    apply_one(tape, Silu, &[x], x.shape())
}
