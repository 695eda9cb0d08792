//! y = x Wᵀ + b, whole or cut into pieces.
//!
//! Forward: y[r, o] = Σ_i x[r, i] w[o, i] + b[o].
//! Backward: dx = dy W, dW = dyᵀ x, db = Σ_r dy[r].
//! Cut into pieces, each is its own product with its own rows of W, and each adds its share to dx.
//!
//! # Shapes
//! x [.., I], w [O, I], b [O] → y [.., O]; rows r run over all axes but the last.

pub(crate) mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply};
use crate::{Array, OpError, Shape, Tape};

/// One product per output: rows of W in order, `widths` at a time.
#[derive(Debug, Clone)]
pub struct Linear {
    rows: usize,
    inputs: usize,
    widths: Vec<usize>,
    bias: bool,
}

impl Op for Linear {
    const NAME: &'static str = "linear";
}

/// x Wᵀ + b.
///
/// # Errors
/// The last extents of x and W differ, or the bias is not one per output.
pub fn linear<D: Run<Linear>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: Option<&Array<D>>,
) -> Result<Array<D>, OpError> {
    let [outputs, _] = weight.dims(Linear::NAME, "the weight")?;
    let mut pieces = linear_split(tape, x, weight, bias, &[outputs])?;
    Ok(pieces.swap_remove(0))
}

/// x Wᵀ + b, cut along the last axis into pieces of the given sizes: one product each, so nothing is copied.
///
/// # Errors
/// As [`linear`]; the sizes must be positive and add up to W's rows.
pub fn linear_split<D: Run<Linear>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weight: &Array<D>,
    bias: Option<&Array<D>>,
    sizes: &[usize],
) -> Result<Vec<Array<D>>, OpError> {
    let [outputs, inputs] = weight.dims(Linear::NAME, "the weight")?;
    let refuse =
        |operand, got: Shape, want: String| Err(OpError::Shape { op: Linear::NAME, operand, got, want });
    if x.shape().rank() == 0 || x.shape().last() != inputs {
        return refuse("x", x.shape(), format!("the weight {} takes {inputs} inputs", weight.shape()));
    }
    if sizes.contains(&0) || sizes.iter().sum::<usize>() != outputs {
        return refuse("the weight", weight.shape(), format!("the pieces have {sizes:?} outputs"));
    }
    if let Some(bias) = bias
        && bias.shape().dims() != [outputs]
    {
        return refuse("the bias", bias.shape(), format!("there are {outputs} outputs"));
    }
    let op = Linear { rows: x.shape().rows(), inputs, widths: sizes.to_vec(), bias: bias.is_some() };
    let shapes: Vec<Shape> = sizes.iter().map(|&size| x.shape().with_last(size)).collect();
    let mut operands = vec![x, weight];
    operands.extend(bias);
    apply(tape, op, &operands, &shapes)
}
