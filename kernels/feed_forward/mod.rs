//! The transformer's position-wise block as one op: y = dropout(GELU(x W₁ᵀ + b₁)) W₂ᵀ + b₂.
//!
//! With h = x W₁ᵀ + b₁, m the dropout's factors (`dropout/`) and g = m GELU(h), which is all that differs from two linear ops:
//!
//! - backward: dg = dy W₂, dW₂ = dyᵀ g, db₂ = Σ dy, dh = dg m GELU′(h), dx = dh W₁, dW₁ = dhᵀ x, db₁ = Σ dh
//!
//! Only h is kept for backward, which forms g and GELU′(h) from it in one pass. At rest nothing is kept: bias and GELU act on pieces of
//! rows that have just been summed and are still in the cache.
//!
//! # Shapes
//! x [.., I], W₁ [M, I], b₁ [M], W₂ [O, M], b₂ [O] → y [.., O]; rows run over all axes but the last.

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
use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Tape};

/// Extents, and what is dropped between the two products.
#[derive(Debug, Clone)]
pub struct FeedForward {
    rows: usize,
    inputs: usize,
    middle: usize,
    outputs: usize,
    factors: Option<Factors>,
}

impl Op for FeedForward {
    const NAME: &'static str = "feed_forward";
}

/// The parameters of a block.
pub struct Weights<'a, D: Run<FeedForward>> {
    /// W₁ and b₁.
    pub inner: [&'a Array<D>; 2],
    /// W₂ and b₂.
    pub outer: [&'a Array<D>; 2],
}

/// dropout(GELU(x W₁ᵀ + b₁)) W₂ᵀ + b₂, dropping with probability `p` under `seed`.
///
/// # Errors
/// The extents of x, the weights and the biases do not fit each other, or `p` is not in [0, 1).
pub fn feed_forward<D: Run<FeedForward>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weights: Weights<'_, D>,
    p: f32,
    seed: u64,
) -> Result<Array<D>, OpError> {
    let name = FeedForward::NAME;
    let ([w1, b1], [w2, b2]) = (weights.inner, weights.outer);
    let [middle, inputs] = w1.dims(name, "the inner weight")?;
    let [outputs, taken] = w2.dims(name, "the outer weight")?;
    let refuse = |operand, array: &Array<D>, want: String| {
        Err(OpError::Shape { op: name, operand, got: array.shape(), want })
    };
    if x.shape().rank() == 0 || x.shape().last() != inputs {
        return refuse("x", x, format!("the inner weight {} takes {inputs} inputs", w1.shape()));
    }
    if taken != middle {
        return refuse("the outer weight", w2, format!("the inner one gives {middle} values"));
    }
    for (operand, bias, count) in [("the inner bias", b1, middle), ("the outer bias", b2, outputs)] {
        if bias.shape().dims() != [count] {
            return refuse(operand, bias, format!("there are {count} outputs"));
        }
    }
    let factors = Factors::of(p, seed).ok_or_else(|| OpError::Shape {
        op: name,
        operand: "x",
        got: x.shape(),
        want: format!("its elements cannot be dropped with probability {p}: it must be in [0, 1)"),
    })?;
    let op = FeedForward { rows: x.shape().rows(), inputs, middle, outputs, factors };
    apply_one(tape, op, &[x, w1, b1, w2, b2], x.shape().with_last(outputs))
}
