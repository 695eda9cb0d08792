//! The op on files, and its rows in the bench.

use super::{CausalConv1d, causal_conv1d};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, pass};

impl OnFiles for CausalConv1d {
    const ABOUT: &'static str = "depthwise convolution of the past, SiLU after it";
    const OPERANDS: Words = &[("x", "[B, T, C]"), ("weight", "[C, 1, W]"), ("bias", "[C]")];
    const SETTINGS: Words = &[("silu", "true")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.operand("bias")?);
        let silu = call.setting("silu", true)?;
        Ok(causal_conv1d(&mut call.tape, &x, &weight, &bias, silu)?)
    }

    fn rows() -> Vec<Row> {
        // Mamba-2's x, B and C: 24 heads of 64 channels, twice 64 states.
        let mixed = 24 * 64 + 2 * 64;
        let row = |(size, t)| {
            let extents: [(_, &[usize]); 4] = [
                ("x", &[1, t, mixed]),
                ("weight", &[mixed, 1, 4]),
                ("bias", &[mixed]),
                ("dy", &[1, t, mixed]),
            ];
            Row::new(size, &extents, pass(t * mixed))
        };
        [("base, 10 s", 500), ("base, 60 s", 3_000)].map(row).into()
    }
}
