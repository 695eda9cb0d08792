//! Sequences of different lengths in one batch: row b holds `lens[b]` valid frames, then padding up to T.
//!
//! - `zero_padding`: out_t = x_t for t < len, 0 beyond; dx_t = dout_t for t < len
//! - `reverse_padded`: out_t = x_{len−1−t} for t < len, 0 beyond; its backward is itself. Applied twice it is `zero_padding`
//! - `mean_pool`: out = Σ_{t<len} x_t / len, 0 where len is 0; dx_t = dout / len for t < len
//! - `first_frame`: out = x_0; dx_0 = dout
//!
//! Lengths are host data and carry no gradient. Not for: masks inside the valid part (`time_mask`).
//!
//! # Shapes
//! x [B, T, C] · lens B numbers ≤ T → out [B, T, C], for the last two [B, C]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
mod first_frame;
mod mean_pool;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
mod reverse;
#[cfg(test)]
mod tests;
mod zero;

pub use first_frame::{FirstFrame, first_frame};
pub use mean_pool::{MeanPool, mean_pool};
pub use reverse::{ReversePadded, reverse_padded};
pub use zero::{ZeroPadding, zero_padding};

use crate::{Array, Device, OpError};

/// A batch of sequences and how much of each is valid.
#[derive(Clone, Debug)]
struct Batch {
    /// Valid frames of each sequence, at most `time`.
    lens: Vec<usize>,
    /// Frames per sequence, T.
    time: usize,
    /// Channels, C.
    channels: usize,
}

impl Batch {
    fn new<D: Device>(op: &'static str, x: &Array<D>, lens: &[usize]) -> Result<Self, OpError> {
        let [batch, time, channels] = x.dims(op, "x")?;
        let mismatch = |want| OpError::Shape { op, operand: "x", got: x.shape(), want };
        if lens.len() != batch {
            return Err(mismatch(format!("{} valid lengths were given", lens.len())));
        }
        if let Some(row) = lens.iter().position(|&len| len > time) {
            return Err(mismatch(format!("sequence {row} is said to have {} valid frames", lens[row])));
        }
        Ok(Batch { lens: lens.to_vec(), time, channels })
    }

    /// Elements per sequence.
    fn sequence(&self) -> usize {
        self.time * self.channels
    }
}
