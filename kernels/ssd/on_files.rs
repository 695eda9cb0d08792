//! The op on files, and its rows in the bench.

use super::{Ssd, SsdScan, ssd};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, SIMPLE, Words, product};

impl OnFiles for SsdScan {
    const ABOUT: &'static str = "Mamba-2: one decay per head; Δ = softplus(dt + dt_bias)";
    const OPERANDS: Words = &[
        ("xbc", "[B, T, H·P + 2·G·N]"),
        ("dt", "[B, T, H]"),
        ("a_log", "[H]"),
        ("d", "[H]"),
        ("dt_bias", "[H]"),
    ];
    const SETTINGS: Words =
        &[("head_dim", "64"), ("groups", "1"), ("state", "128"), ("chunk", "256"), SIMPLE];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [xbc, dt, a_log, d, dt_bias] = call.operands(["xbc", "dt", "a_log", "d", "dt_bias"])?;
        let settings = Ssd {
            heads: dt.shape().last(),
            head_dim: call.setting("head_dim", 64)?,
            groups: call.setting("groups", 1)?,
            state: call.setting("state", 128)?,
            chunk: call.setting("chunk", 256)?,
            dt_min: 0.0,
            dt_max: f32::INFINITY,
            simple: call.setting("simple", false)?,
        };
        Ok(ssd(&mut call.tape, &xbc, &dt, &a_log, &d, &dt_bias, settings)?)
    }

    fn rows() -> Vec<Row> {
        let (heads, state, chunk) = (24, 64, 64);
        let inner = heads * 64;
        let mixed = inner + 2 * state;
        let row = |(size, t)| {
            let extents: [(_, &[usize]); 6] = [
                ("xbc", &[1, t, mixed]),
                ("dt", &[1, t, heads]),
                ("a_log", &[heads]),
                ("d", &[heads]),
                ("dt_bias", &[heads]),
                ("dy", &[1, t, inner]),
            ];
            let flops = 2 * t * chunk * (state + inner) + 4 * t * state * inner;
            Row::new(size, &extents, product(flops, t * (mixed + inner)))
                .with(&[("state", state), ("chunk", 256)])
        };
        [("base, 10 s", 500), ("base, 60 s", 3_000)].map(row).into()
    }
}
