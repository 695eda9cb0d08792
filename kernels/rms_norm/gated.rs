//! The norm with Mamba-2's gate, before or after it.

use super::require_weight;
use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The constants of one gated RMS normalisation.
#[derive(Clone, Copy, Debug)]
pub struct GatedRmsNorm {
    /// Added to the mean square.
    pub eps: f32,
    /// Each of this many equal groups of channels is normalised for itself.
    pub groups: usize,
    /// Whether the norm comes first and the gate multiplies what it leaves; Mamba-2 gates first.
    pub norm_before_gate: bool,
}

impl Op for GatedRmsNorm {
    const NAME: &'static str = "gated_rms_norm";
}

/// Normalises `y` [.., C] gated by silu(`z`), or gates it normalised; `z` is of `y`'s shape, `weight` [C].
///
/// # Errors
/// The shapes do not fit each other, the groups do not divide C, or the device failed.
pub fn gated_rms_norm<D: Run<GatedRmsNorm>>(
    tape: &mut Tape<D>,
    y: &Array<D>,
    z: &Array<D>,
    weight: &Array<D>,
    constants: GatedRmsNorm,
) -> Result<Array<D>, OpError> {
    let op = GatedRmsNorm::NAME;
    if z.shape() != y.shape() {
        let want = format!("y has {}", y.shape());
        return Err(OpError::Shape { op, operand: "z", got: z.shape(), want });
    }
    require_weight(op, y, weight)?;
    let groups = constants.groups;
    if groups == 0 || !y.shape().last().is_multiple_of(groups) {
        let want = format!("its rows must split into {groups} equal groups");
        return Err(OpError::Shape { op, operand: "y", got: y.shape(), want });
    }
    apply_one(tape, constants, &[y, z, weight], y.shape())
}
