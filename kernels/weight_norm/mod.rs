//! Weight normalisation (Salimans & Kingma 2016, arXiv 1602.07868): of a convolution per tap (PyTorch's `dim = 2`), or of a linear layer
//! per row (`dim = 0`).
//!
//! Forward: w[o, i, k] = g[k] v[o, i, k] / n[k] with n[k] = ‖v[·, ·, k]‖; per row w[o, i] = g[o] v[o, i] / n[o] with n[o] = ‖v[o, ·]‖.
//! Backward: with s[k] = Σ_{o,i} dw v: dg = s / n, dv = g / n · (dw − v s / n²); per row alike.
//! A tap or row of v that is all zeros has no direction: its w is NaN, as in PyTorch.
//!
//! # Shapes
//! g [1, 1, K], v [O, I, K] → w [O, I, K], or g [O], v [O, I] → w [O, I]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
mod rows;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Tape};

/// Normalises over the first two axes.
#[derive(Debug, Clone, Copy)]
pub struct WeightNorm {
    taps: usize,
}

impl Op for WeightNorm {
    const NAME: &'static str = "weight_norm";
}

/// The weight of length `g[k]` in the direction of `v[·, ·, k]`, for every tap.
///
/// # Errors
/// v is empty, or g is not one value per tap of v.
pub fn weight_norm<D: Run<WeightNorm>>(
    tape: &mut Tape<D>,
    g: &Array<D>,
    v: &Array<D>,
) -> Result<Array<D>, OpError> {
    let [_, _, taps] = v.dims(WeightNorm::NAME, "v")?;
    if v.is_empty() {
        let want = "its extents have to be positive".to_owned();
        return Err(OpError::Shape { op: WeightNorm::NAME, operand: "v", got: v.shape(), want });
    }
    if g.shape().dims() != [1, 1, taps] {
        let want = format!("v {} has {taps} taps", v.shape());
        return Err(OpError::Shape { op: WeightNorm::NAME, operand: "g", got: g.shape(), want });
    }
    apply_one(tape, WeightNorm { taps }, &[g, v], v.shape())
}

/// Normalises each row.
#[derive(Debug, Clone, Copy)]
pub struct RowWeightNorm {
    inputs: usize,
}

impl Op for RowWeightNorm {
    const NAME: &'static str = "weight_norm_rows";
}

/// The weight whose row `o` has length `g[o]` and the direction of `v[o, ·]`.
///
/// # Errors
/// v is empty, or g is not one value per row of v.
pub fn weight_norm_rows<D: Run<RowWeightNorm>>(
    tape: &mut Tape<D>,
    g: &Array<D>,
    v: &Array<D>,
) -> Result<Array<D>, OpError> {
    let op = RowWeightNorm::NAME;
    let [outputs, inputs] = v.dims(op, "v")?;
    if v.is_empty() {
        let want = "its extents have to be positive".to_owned();
        return Err(OpError::Shape { op, operand: "v", got: v.shape(), want });
    }
    if g.shape() != [outputs].into() {
        let want = format!("v {} has {outputs} rows", v.shape());
        return Err(OpError::Shape { op, operand: "g", got: g.shape(), want });
    }
    apply_one(tape, RowWeightNorm { inputs }, &[g, v], v.shape())
}
