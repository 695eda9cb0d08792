//! The two middle axes of an array change places: weights in the order that an array wants which was only seen with other extents.
//!
//! - out\[a, c, b, d\] = x\[a, b, c, d\]
//! - dx\[a, b, c, d\] = dout\[a, c, b, d\]
//!
//! Not for: activations, which are dear to move; permute what they are multiplied with.
//!
//! # Shapes
//! x [A, B, C, D] → out [A, C, B, D]

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

/// The extents before.
#[derive(Clone, Copy, Debug)]
pub struct SwapAxes {
    extents: [usize; 4],
}

impl Op for SwapAxes {
    const NAME: &'static str = "swap_axes";
}

/// `x` [A, B, C, D] as [A, C, B, D].
///
/// # Errors
/// `x` has not four axes, or the device failed.
pub fn swap_axes<D: Run<SwapAxes>>(tape: &mut Tape<D>, x: &Array<D>) -> Result<Array<D>, OpError> {
    let extents @ [a, b, c, d] = x.dims(SwapAxes::NAME, "x")?;
    apply_one(tape, SwapAxes { extents }, &[x], [a, c, b, d])
}
