//! The op on files, and its rows in the bench.

use super::{LayerNorm, layer_norm, layer_norm_gelu};
use crate::Backend;
use crate::on_files::{Call, EPS, Made, OnFiles, Row, Words, pass};

impl OnFiles for LayerNorm {
    const ABOUT: &'static str = "each row normalised, scaled and shifted";
    const OPERANDS: Words = &[("x", "[…, C]"), ("weight", "[C]"), ("bias", "[C]")];
    const SETTINGS: Words = &[EPS, ("gelu", "false")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.operand("bias")?);
        let (eps, gelu) = (call.setting("eps", 1e-5)?, call.setting("gelu", false)?);
        let norm = if gelu { layer_norm_gelu } else { layer_norm };
        Ok(norm(&mut call.tape, &x, &weight, &bias, eps)?)
    }

    fn rows() -> Vec<Row> {
        let (t, width) = (500, 768);
        let extents: [(_, &[usize]); 4] =
            [("x", &[1, t, width]), ("weight", &[width]), ("bias", &[width]), ("dy", &[1, t, width])];
        vec![Row::new("base, 10 s", &extents, pass(t * width))]
    }
}
