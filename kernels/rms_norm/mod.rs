//! Root-mean-square normalisation over the last axis: plain, and with Mamba-2's gate.
//!
//! Forward, over each group of γ = C / groups neighbouring channels, with silu(z) = z σ(z):
//!
//! - t = x · silu(z) where the gate comes first, else t = x
//! - r = (mean(t²) + eps)^−½ and x̂ = t r
//! - out = x̂ weight, times silu(z) where the gate comes last
//!
//! Backward keeps the inputs and r of each group. With dv = dout, times silu(z) where the gate comes last:
//!
//! - q = dv weight, dt = r (q − x̂ mean(q x̂)), dweight = Σ_rows dv x̂
//! - gate first: dx = dt silu(z), dz = dt x silu'(z); gate last: dx = dt, dz = dout x̂ weight silu'(z)
//! - silu'(z) = σ(z) (1 + z (1 − σ(z)))
//!
//! Not for: norms that remove the mean (`layer_norm`). Start at [`rms_norm`] and [`gated_rms_norm`].
//!
//! # Shapes
//! x, z [.., C] · weight [C] → out [.., C]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
mod gated;
#[cfg(feature = "on-files")]
mod on_files;
mod plain;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use gated::{GatedRmsNorm, gated_rms_norm};
pub use plain::{RmsNorm, rms_norm};

use crate::{Array, Device, OpError};

fn require_weight<D: Device>(op: &'static str, x: &Array<D>, weight: &Array<D>) -> Result<(), OpError> {
    let channels = x.shape().last();
    if weight.shape() == [channels].into() {
        return Ok(());
    }
    let want = format!("the rows of its input need [{channels}]");
    Err(OpError::Shape { op, operand: "weight", got: weight.shape(), want })
}
