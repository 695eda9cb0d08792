//! Two arrays added with a weight each, of every sequence its own: branches that are averaged, or dropped for some sequences (stochastic
//! depth, Huang et al. 2016, arXiv 1603.09382).
//!
//! With the weights v, w of sequence s:
//!
//! - out_s = v_s a_s + w_s b_s
//! - da_s = v_s dout_s and db_s = w_s dout_s
//!
//! Not for: weights that are learnt, nor the plain sum (`add`).
//!
//! # Shapes
//! a, b [B, ..] · weights B pairs → out of that shape

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

/// The weights of one batch.
#[derive(Clone, Debug)]
pub struct Blend {
    /// Of a and of b, for each sequence.
    weights: Vec<[f32; 2]>,
    /// Elements of a sequence.
    sequence: usize,
}

impl Op for Blend {
    const NAME: &'static str = "blend";
}

/// Each sequence of `a` times the first of its `weights`, plus that of `b` times the second.
///
/// # Errors
/// The shapes differ, there are not as many weights as sequences, `a` and `b` are one tracked array, or the device failed.
pub fn blend<D: Run<Blend>>(
    tape: &mut Tape<D>,
    a: &Array<D>,
    b: &Array<D>,
    weights: Vec<[f32; 2]>,
) -> Result<Array<D>, OpError> {
    let op = Blend::NAME;
    if b.shape() != a.shape() {
        let want = format!("a has {}", a.shape());
        return Err(OpError::Shape { op, operand: "b", got: b.shape(), want });
    }
    if a.shape().dims().first() != Some(&weights.len()) {
        let want = format!("there are weights for {} sequences", weights.len());
        return Err(OpError::Shape { op, operand: "a", got: a.shape(), want });
    }
    let sequence = a.len().checked_div(weights.len()).unwrap_or(0);
    apply_one(tape, Blend { weights, sequence }, &[a, b], a.shape())
}
