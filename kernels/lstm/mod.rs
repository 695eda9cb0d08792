//! Long short-term memory (Hochreiter & Schmidhuber 1997), one layer, as PyTorch has it: gates in the order input, forget, cell, output.
//!
//! With a_t = w_i x_t + b_i + w_h h_{t−1} + b_h in four parts: i, f, o = σ(·), g = tanh(·) of theirs,
//! - c_t = f c_{t−1} + i g and h_t = o tanh(c_t)
//! - backward through time: dc_t = dh_t o (1 − tanh² c_t) + f_{t+1} dc_{t+1}, with dh_t = dout_t + w_hᵀ da_{t+1}
//!
//! Sequences can be taken piece by piece: the last h and c of one are the first of the next. Not for: several layers, or both directions.
//!
//! # Shapes
//! x [B, T, I], w_i [4H, I], w_h [4H, H], b_i and b_h [4H], h and c [B, H] → h_t [B, T, H] and the last c [B, H]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply};
use crate::{Array, Device, OpError, Tape};

/// The extents of an LSTM.
#[derive(Debug, Clone, Copy)]
pub struct Lstm {
    batch: usize,
    time: usize,
    inputs: usize,
    hidden: usize,
}

impl Op for Lstm {
    const NAME: &'static str = "lstm";
}

/// A layer's parameters.
#[derive(Debug)]
pub struct Weights<'a, D: Device> {
    /// [4H, I].
    pub input: &'a Array<D>,
    /// [4H, H].
    pub hidden: &'a Array<D>,
    /// [4H].
    pub input_bias: &'a Array<D>,
    /// [4H].
    pub hidden_bias: &'a Array<D>,
}

/// What a layer remembers.
#[derive(Debug, Clone)]
pub struct Memory<D: Device> {
    /// h [B, H].
    pub hidden: Array<D>,
    /// c [B, H].
    pub cell: Array<D>,
}

impl<D: Device> Memory<D> {
    /// Nothing yet.
    ///
    /// # Errors
    /// The device has no room.
    pub fn empty(device: &D, batch: usize, hidden: usize) -> Result<Self, OpError> {
        Ok(Memory {
            hidden: Array::zeros(device, [batch, hidden])?,
            cell: Array::zeros(device, [batch, hidden])?,
        })
    }
}

/// The layer's outputs [B, T, H] for `x` [B, T, I], and its last cell [B, H].
///
/// # Errors
/// Shapes do not fit, or the device failed.
pub fn lstm<D: Run<Lstm>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    weights: &Weights<'_, D>,
    before: &Memory<D>,
) -> Result<(Array<D>, Array<D>), OpError> {
    let [batch, time, inputs] = x.dims(Lstm::NAME, "x")?;
    let [gates, hidden] = weights.hidden.dims(Lstm::NAME, "the hidden weight")?;
    let op = Lstm { batch, time, inputs, hidden };
    let fits = [
        ("the hidden weight", weights.hidden, [4 * hidden, hidden].into()),
        ("the input weight", weights.input, [gates, inputs].into()),
        ("the input bias", weights.input_bias, [gates].into()),
        ("the hidden bias", weights.hidden_bias, [gates].into()),
        ("the hidden state", &before.hidden, [batch, hidden].into()),
        ("the cell", &before.cell, [batch, hidden].into()),
    ];
    for (operand, array, shape) in fits {
        if array.shape() != shape {
            let want = format!("{inputs} inputs, {hidden} hidden and {batch} sequences need {shape}");
            return Err(OpError::Shape { op: Lstm::NAME, operand, got: array.shape(), want });
        }
    }
    let operands = [
        x,
        weights.input,
        weights.hidden,
        weights.input_bias,
        weights.hidden_bias,
        &before.hidden,
        &before.cell,
    ];
    let mut made = apply(tape, op, &operands, &[[batch, time, hidden].into(), [batch, hidden].into()])?;
    let cell = made.swap_remove(1);
    Ok((made.swap_remove(0), cell))
}
