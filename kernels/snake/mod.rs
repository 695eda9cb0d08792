//! Snake (Ziyin et al. 2020, arXiv 2006.08195) with a frequency for each channel, as decoders of sound have it.
//!
//! - out = x + sin²(α x) / (α + ε) with ε = 1e-9
//! - dx = dout (1 + α sin(2 α x) / (α + ε))
//! - dα = Σ_rows dout (x sin(2 α x) / (α + ε) − sin²(α x) / (α + ε)²)
//!
//! # Shapes
//! x [.., C] · alpha [C] → out [.., C]

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

/// What keeps a frequency of 0 from dividing by it.
const EPS: f32 = 1e-9;

/// Snake has no constants.
#[derive(Clone, Copy, Debug)]
pub struct Snake;

impl Op for Snake {
    const NAME: &'static str = "snake";
}

/// Snake of `x` [.., C] with the frequencies `alpha` [C].
///
/// # Errors
/// `alpha` is not [C], or the device failed.
pub fn snake<D: Run<Snake>>(tape: &mut Tape<D>, x: &Array<D>, alpha: &Array<D>) -> Result<Array<D>, OpError> {
    let channels = x.shape().last();
    if alpha.shape() != [channels].into() {
        let want = format!("x needs [{channels}]");
        return Err(OpError::Shape { op: Snake::NAME, operand: "alpha", got: alpha.shape(), want });
    }
    apply_one(tape, Snake, &[x, alpha], x.shape())
}
