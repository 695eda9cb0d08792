//! The op on files, and its rows in the bench.

use super::{GroupNorm, group_norm, group_norm_gelu};
use crate::Backend;
use crate::on_files::{Call, EPS, Made, OnFiles, Row, Words, pass};

impl OnFiles for GroupNorm {
    const ABOUT: &'static str = "groups of channels normalised over time, scaled and shifted";
    const OPERANDS: Words = &[("x", "[B, T, C]"), ("weight", "[C]"), ("bias", "[C]")];
    const SETTINGS: Words = &[("groups", "C"), EPS, ("gelu", "false")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.operand("bias")?);
        let (groups, eps) = (call.setting("groups", x.shape().last())?, call.setting("eps", 1e-5)?);
        let norm = if call.setting("gelu", false)? { group_norm_gelu } else { group_norm };
        Ok(norm(&mut call.tape, &x, &weight, &bias, groups, eps)?)
    }

    fn rows() -> Vec<Row> {
        let (t, channels) = (31_999, 512);
        let extents: [(_, &[usize]); 4] = [
            ("x", &[1, t, channels]),
            ("weight", &[channels]),
            ("bias", &[channels]),
            ("dy", &[1, t, channels]),
        ];
        vec![Row::new("first layer, 10 s", &extents, pass(t * channels))]
    }
}
