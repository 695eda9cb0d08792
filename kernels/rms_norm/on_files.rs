//! The ops on files.

use super::{GatedRmsNorm, RmsNorm, gated_rms_norm, rms_norm};
use crate::Backend;
use crate::on_files::{Call, EPS, Made, OnFiles, Words};

impl OnFiles for GatedRmsNorm {
    const ABOUT: &'static str =
        "each group of channels over its root mean square, scaled and gated by SiLU(z)";
    const OPERANDS: Words = &[("y", "[…, C]"), ("z", "as y"), ("weight", "[C]")];
    const SETTINGS: Words = &[EPS, ("groups", "1"), ("norm_before_gate", "false")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [y, z, weight] = call.operands(["y", "z", "weight"])?;
        let constants = GatedRmsNorm {
            eps: call.setting("eps", 1e-5)?,
            groups: call.setting("groups", 1)?,
            norm_before_gate: call.setting("norm_before_gate", false)?,
        };
        Ok(gated_rms_norm(&mut call.tape, &y, &z, &weight, constants)?)
    }
}

impl OnFiles for RmsNorm {
    const ABOUT: &'static str = "each row over its root mean square, scaled";
    const OPERANDS: Words = &[("x", "[…, C]"), ("weight", "[C]")];
    const SETTINGS: Words = &[EPS];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, weight] = call.operands(["x", "weight"])?;
        let eps = call.setting("eps", 1e-5)?;
        Ok(rms_norm(&mut call.tape, &x, &weight, eps)?)
    }
}
