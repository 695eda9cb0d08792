//! The op on files, and its rows in the bench.

use super::{AddNorm, post_norm, pre_norm};
use crate::Backend;
use crate::add::add;
use crate::layer_norm::Parameters;
use crate::on_files::{Call, EPS, Made, OnFiles, Row, Words, pass};

impl OnFiles for AddNorm {
    const ABOUT: &'static str = "each row of x + dropout(f) normalised, scaled and shifted";
    const OPERANDS: Words = &[("x", "[…, C]"), ("f", "as x"), ("weight", "[C]"), ("bias", "[C]")];
    const SETTINGS: Words =
        &[EPS, ("p", "0"), ("seed", "0"), ("pre", "false; true gives the sum plus its norm")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, f, weight, bias] = call.operands(["x", "f", "weight", "bias"])?;
        let norm = Parameters { weight: &weight, bias: &bias, eps: call.setting("eps", 1e-5)? };
        let drop = (call.setting("p", 0.0)?, call.setting("seed", 0)?);
        if !call.setting("pre", false)? {
            return Ok(post_norm(&mut call.tape, &x, &f, norm, drop)?);
        }
        let [sum, y] = pre_norm(&mut call.tape, &x, &f, norm, drop)?;
        Ok(add(&mut call.tape, &sum, &y)?)
    }

    fn rows() -> Vec<Row> {
        let (t, width) = (500, 768);
        let extents: [(_, &[usize]); 5] = [
            ("x", &[1, t, width]),
            ("f", &[1, t, width]),
            ("weight", &[width]),
            ("bias", &[width]),
            ("dy", &[1, t, width]),
        ];
        vec![Row::new("base, 10 s", &extents, pass(t * width * 3 / 2))]
    }
}
