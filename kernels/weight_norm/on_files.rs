//! The ops on files.

use super::{RowWeightNorm, WeightNorm, weight_norm, weight_norm_rows};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for WeightNorm {
    const ABOUT: &'static str = "g v / ‖v‖, the norm over all but the last axis";
    const OPERANDS: Words = &[("g", "[1, 1, W]"), ("v", "[O, I, W]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (g, v) = (call.operand("g")?, call.operand("v")?);
        Ok(weight_norm(&mut call.tape, &g, &v)?)
    }
}

impl OnFiles for RowWeightNorm {
    const ABOUT: &'static str = "g v / ‖v‖, the norm over the last axis";
    const OPERANDS: Words = &[("g", "[O]"), ("v", "[O, I]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [g, v] = call.operands(["g", "v"])?;
        Ok(weight_norm_rows(&mut call.tape, &g, &v)?)
    }
}
