//! The op on files, and its rows in the bench.

use super::{SelectiveScan, selective_scan};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, SIMPLE, Words, Work};

impl OnFiles for SelectiveScan {
    const ABOUT: &'static str =
        "Mamba-1: h ← e^{ΔA} h + Δ B u, y = (C h + D u) SiLU(z), Δ = softplus(delta + delta_bias)";
    const OPERANDS: Words = &[
        ("u", "[B, T, C]"),
        ("delta", "as u"),
        ("a_log", "[C, N]"),
        ("b", "[B, T, N]"),
        ("c", "[B, T, N]"),
        ("d", "[C]"),
        ("z", "as u"),
        ("delta_bias", "[C]"),
    ];

    const SETTINGS: Words = &[SIMPLE];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [u, delta, a_log, b, c, d, z, bias] =
            call.operands(["u", "delta", "a_log", "b", "c", "d", "z", "delta_bias"])?;
        let simple = call.setting("simple", false)?;
        Ok(selective_scan(&mut call.tape, &u, &delta, &a_log, &b, &c, &d, &z, &bias, simple)?)
    }

    fn rows() -> Vec<Row> {
        let (t, channels, state) = (2_048, 384, 16);
        let wide: &[usize] = &[1, t, channels];
        let narrow: &[usize] = &[1, t, state];
        let extents: [(_, &[usize]); 9] = [
            ("u", wide),
            ("delta", wide),
            ("a_log", &[channels, state]),
            ("b", narrow),
            ("c", narrow),
            ("d", &[channels]),
            ("z", wide),
            ("delta_bias", &[channels]),
            ("dy", wide),
        ];
        // Decay, push, sum and read per state; gradients of each.
        let works = [9, 25].map(|flops| Work {
            flops: (flops * t * channels * state) as f64,
            bytes: (flops / 9 * 20 * t * channels) as f64,
        });
        // PyTorch's tape through 2048 steps takes minutes.
        let row = Row::new("384 channels, 16 states, 2048 steps", &extents, works);
        vec![Row { torch_trains: false, ..row }]
    }
}
