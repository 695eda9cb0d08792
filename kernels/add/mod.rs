//! The sum of two arrays of one shape: the residual connection, with the dropout of what is added on the way.
//!
//! With m_i = 1 / (1 − p) where an element is kept and 0 where not, by [`crate::dropout`]'s own mask of p and a seed, and m = 1 where none is given:
//!
//! - out = a + m ∘ b
//! - da = dout and db = m ∘ dout
//!
//! Not for: broadcasting (a bias belongs to its `linear`), an array and itself, a sum that a layer norm follows (`add_norm`).
//!
//! # Shapes
//! a, b of one shape → out of that shape

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::dropout::Factors;
use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// What of the second array is dropped.
#[derive(Clone, Copy, Debug)]
pub struct Add {
    factors: Option<Factors>,
}

impl Op for Add {
    const NAME: &'static str = "add";
}

/// `a` + `b`, element by element.
///
/// # Errors
/// The shapes differ, `a` and `b` are one tracked array, or the device failed.
pub fn add<D: Run<Add>>(tape: &mut Tape<D>, a: &Array<D>, b: &Array<D>) -> Result<Array<D>, OpError> {
    add_dropped(tape, a, b, (0.0, 0))
}

/// `a` + dropout(`b`), which drops with probability `p` under `seed`.
///
/// # Errors
/// As [`add`]; `p` is not in [0, 1).
pub fn add_dropped<D: Run<Add>>(
    tape: &mut Tape<D>,
    a: &Array<D>,
    b: &Array<D>,
    (p, seed): (f32, u64),
) -> Result<Array<D>, OpError> {
    if b.shape() != a.shape() {
        let want = format!("a has {}", a.shape());
        return Err(OpError::Shape { op: Add::NAME, operand: "b", got: b.shape(), want });
    }
    let Some(factors) = Factors::of(p, seed) else {
        let want = format!("its elements cannot be dropped with probability {p}: it must be in [0, 1)");
        return Err(OpError::Shape { op: Add::NAME, operand: "b", got: b.shape(), want });
    };
    apply_one(tape, Add { factors }, &[a, b], a.shape())
}
