//! A table's rows by number: the vectors that codes stand for.
//!
//! - out_i = table\[code_i\]
//! - dtable\[v\] = Σ_{i: code_i = v} dout_i, in the order of i
//!
//! Not for: drawing codes, nor for positions in time.
//!
//! # Shapes
//! table [V, C] · codes B·T numbers below V, row-major → out [B, T, C]

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

/// The codes of one batch.
#[derive(Clone, Debug)]
pub struct Embedding {
    codes: Vec<u32>,
    /// Values of a row, C.
    channels: usize,
}

impl Op for Embedding {
    const NAME: &'static str = "embedding";
}

/// The rows of `table` [V, C] that `codes` name, `batch` sequences of `time` codes one after the other: [batch, time, C].
///
/// # Errors
/// There are not batch · time codes, one is not below V, or the device failed.
pub fn embedding<D: Run<Embedding>>(
    tape: &mut Tape<D>,
    table: &Array<D>,
    codes: &[u32],
    [batch, time]: [usize; 2],
) -> Result<Array<D>, OpError> {
    let op = Embedding::NAME;
    let [rows, channels] = table.dims(op, "the table")?;
    let refuse = |want| Err(OpError::Shape { op, operand: "the table", got: table.shape(), want });
    if codes.len() != batch * time {
        return refuse(format!("{} codes are no {batch} sequences of {time}", codes.len()));
    }
    if let Some(code) = codes.iter().find(|&&code| code as usize >= rows) {
        return refuse(format!("the code {code} names no row of it"));
    }
    apply_one(tape, Embedding { codes: codes.to_vec(), channels }, &[table], [batch, time, channels])
}
