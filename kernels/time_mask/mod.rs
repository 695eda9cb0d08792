//! Replaces masked frames by one learned vector: SpecAugment over time, and masked prediction.
//!
//! With e the embedding and m_f the mask of frame f = (b, t):
//!
//! - out_f = e where m_f, else x_f
//! - dx_f = 0 where m_f, else dout_f
//! - de = Σ_{f: m_f} dout_f
//!
//! Not for: drawing masks, nor for padding (`padding`).
//!
//! # Shapes
//! x [B, T, C] · embedding [C] · mask B·T flags, row-major → out [B, T, C]

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

/// The mask of one batch.
#[derive(Clone, Debug)]
pub struct TimeMask {
    /// Whether each frame is masked, B·T flags.
    mask: Vec<bool>,
    /// Channels, C.
    channels: usize,
}

impl Op for TimeMask {
    const NAME: &'static str = "time_mask";
}

/// `x` [B, T, C] with `embedding` [C] in place of each frame whose flag in `mask` (B·T, row-major) is set.
///
/// # Errors
/// The shapes or the number of flags do not fit, or the device failed.
pub fn time_mask<D: Run<TimeMask>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    embedding: &Array<D>,
    mask: Vec<bool>,
) -> Result<Array<D>, OpError> {
    let op = TimeMask::NAME;
    let [batch, time, channels] = x.dims(op, "x")?;
    if embedding.shape() != [channels].into() {
        let want = format!("x needs [{channels}]");
        return Err(OpError::Shape { op, operand: "embedding", got: embedding.shape(), want });
    }
    if mask.len() != batch * time {
        let want = format!("the mask has {} flags", mask.len());
        return Err(OpError::Shape { op, operand: "x", got: x.shape(), want });
    }
    apply_one(tape, TimeMask { mask, channels }, &[x, embedding], x.shape())
}
