//! Dropout whose mask is a function of a seed and the element's index, so that nothing is stored.
//!
//! Element i is kept when hash(seed, i) ≥ ⌊p·2³²⌋, a comparison of integers: the same elements on every device and with every
//! number of threads. With m_i = 1 / (1 − p) where kept and 0 where not,
//!
//! - out_i = m_i x_i
//! - dx_i = m_i dout_i
//!
//! Whole channels drop alike: there m belongs to (b, c) instead of (b, t, c), its index b C + c.
//!
//! Not for: drawing seeds. Two calls with one seed drop the same elements; the caller gives each call its own.
//!
//! # Shapes
//! x of any shape → out of the same shape; x [B, T, C] where whole channels drop

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
mod factors;
mod mask;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};
use mask::Mask;

pub(crate) use factors::Factors;

/// The constants of one dropout.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    mask: Mask,
    /// 1 / (1 − p).
    scale: f32,
    /// Where whole channels of a sequence drop, its frames and channels.
    sequence: Option<[usize; 2]>,
}

impl Op for Dropout {
    const NAME: &'static str = "dropout";
}

impl Dropout {
    fn new(p: f32, seed: u64) -> Self {
        Dropout { mask: Mask::new(p, seed), scale: 1.0 / (1.0 - p), sequence: None }
    }
}

/// Sets each element of `x` to zero with probability `p` and divides the others by 1 − `p`. With `p` = 0 the input itself
/// comes back.
///
/// # Errors
/// `p` is not in [0, 1), or the device failed.
pub fn dropout<D: Run<Dropout>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    p: f32,
    seed: u64,
) -> Result<Array<D>, OpError> {
    require_probability(x, p)?;
    if p == 0.0 {
        return Ok(x.clone());
    }
    apply_one(tape, Dropout::new(p, seed), &[x], x.shape())
}

/// Sets each channel of each sequence of `x` [B, T, C] to zero with probability `p`, at all times alike, and divides the others by
/// 1 − `p`. With `p` = 0 the input itself comes back.
///
/// # Errors
/// `x` has not three axes, `p` is not in [0, 1), or the device failed.
pub fn dropout_channels<D: Run<Dropout>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    p: f32,
    seed: u64,
) -> Result<Array<D>, OpError> {
    let [_, time, channels] = x.dims(Dropout::NAME, "x")?;
    require_probability(x, p)?;
    if p == 0.0 {
        return Ok(x.clone());
    }
    let op = Dropout { sequence: Some([time, channels]), ..Dropout::new(p, seed) };
    apply_one(tape, op, &[x], x.shape())
}

fn require_probability<D: crate::Device>(x: &Array<D>, p: f32) -> Result<(), OpError> {
    if (0.0..1.0).contains(&p) {
        return Ok(());
    }
    let want = format!("its elements cannot be dropped with probability {p}: it must be in [0, 1)");
    Err(OpError::Shape { op: Dropout::NAME, operand: "x", got: x.shape(), want })
}
