//! A residual connection and the layer norm behind it in one pass, with the branch's dropout on the way.
//!
//! With m_i = 1 / (1 − p) where an element is kept and 0 where not, by [`crate::dropout`]'s own mask of p and a seed, so that this stands for
//! `dropout`, `add` and `layer_norm` to the last bit:
//!
//! - r = x + m ∘ f
//! - y = layer_norm(r) weight + bias
//!
//! Backward keeps r, weight and two numbers a row. With dr what layer norm's backward makes of dy, and what comes back to r itself added:
//!
//! - dx = dr
//! - df = m ∘ dr
//! - dweight and dbias as in `layer_norm`
//!
//! Behind a [`post_norm`] only y goes on (Vaswani et al. 2017, arXiv 1706.03762); at a [`pre_norm`] r goes on, too, around the branch that y goes into.
//!
//! Not for: a sum that no norm follows (`add`), other norms.
//!
//! # Shapes
//! x, f [.., C] · weight [C] · bias [C] → r, y [.., C]

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
use crate::layer_norm::Parameters;
use crate::op::{Op, apply, apply_one};
use crate::{Array, Device, OpError, Run, Tape};

/// The constants of one residual connection and its norm.
#[derive(Clone, Copy, Debug)]
pub struct AddNorm {
    /// Added to the variance.
    eps: f32,
    factors: Option<Factors>,
    /// Whether r goes on, too.
    hands_on: bool,
}

impl Op for AddNorm {
    const NAME: &'static str = "add_norm";
}

/// norm(`x` + dropout(`f`)), which drops with probability `p` under `seed`.
///
/// # Errors
/// The shapes of x and f differ, the norm's parameters are not [C], `p` is not in [0, 1), or the device failed.
pub fn post_norm<D: Run<AddNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    f: &Array<D>,
    norm: Parameters<'_, D>,
    (p, seed): (f32, u64),
) -> Result<Array<D>, OpError> {
    let op = AddNorm { eps: norm.eps, factors: factors(x, f, &norm, p, seed)?, hands_on: false };
    apply_one(tape, op, &[x, f, norm.weight, norm.bias], x.shape())
}

/// r = `x` + dropout(`f`) and norm(r), which drops with probability `p` under `seed`.
///
/// # Errors
/// As [`post_norm`].
pub fn pre_norm<D: Run<AddNorm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    f: &Array<D>,
    norm: Parameters<'_, D>,
    (p, seed): (f32, u64),
) -> Result<[Array<D>; 2], OpError> {
    let op = AddNorm { eps: norm.eps, factors: factors(x, f, &norm, p, seed)?, hands_on: true };
    let made = apply(tape, op, &[x, f, norm.weight, norm.bias], &[x.shape(); 2])?;
    <[Array<D>; 2]>::try_from(made).map_err(|_| OpError::device(AddNorm::NAME, "two outputs were asked for"))
}

/// The branch's factors, if everything fits.
fn factors<D: Device>(
    x: &Array<D>,
    f: &Array<D>,
    norm: &Parameters<'_, D>,
    p: f32,
    seed: u64,
) -> Result<Option<Factors>, OpError> {
    let refuse = |operand, array: &Array<D>, want: String| {
        Err(OpError::Shape { op: AddNorm::NAME, operand, got: array.shape(), want })
    };
    if f.shape() != x.shape() {
        return refuse("f", f, format!("x has {}", x.shape()));
    }
    let channels = x.shape().last();
    for (operand, array) in [("weight", norm.weight), ("bias", norm.bias)] {
        if array.shape() != [channels].into() {
            return refuse(operand, array, format!("the rows of x need [{channels}]"));
        }
    }
    match Factors::of(p, seed) {
        Some(factors) => Ok(factors),
        None => {
            let want = format!("its elements cannot be dropped with probability {p}: it must be in [0, 1)");
            refuse("f", f, want)
        }
    }
}
