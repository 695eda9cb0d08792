//! The gated linear unit (Dauphin et al. 2017, arXiv 1612.08083): one half of the channels, each times the logistic function of its partner.
//!
//! With a row of x cut into value a and gate b,
//!
//! - out = a σ(b)
//! - da = dout σ(b) and db = dout a σ(b) (1 − σ(b))
//!
//! Not for: the linear layer before it (`linear`).
//!
//! # Shapes
//! x [.., 2C], values before gates → out [.., C]

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

/// Half of a row.
#[derive(Clone, Copy, Debug)]
pub struct Glu {
    channels: usize,
}

impl Op for Glu {
    const NAME: &'static str = "glu";
}

/// The first half of each row of `x` [.., 2C] times the logistic function of its second half: [.., C].
///
/// # Errors
/// The rows have an odd length, or the device failed.
pub fn glu<D: Run<Glu>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    let width = x.shape().last();
    if x.shape().rank() == 0 || !width.is_multiple_of(2) {
        let want = "its rows have to fall into two halves".to_owned();
        return Err(OpError::Shape { op: Glu::NAME, operand: "x", got: x.shape(), want });
    }
    apply_one(tape, Glu { channels: width / 2 }, &[x], x.shape().with_last(width / 2))
}
