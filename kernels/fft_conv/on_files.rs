//! The op on files, and its rows in the bench.

use super::{FftConv, fft_conv};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, Work};

impl OnFiles for FftConv {
    const ABOUT: &'static str = "each channel convolved with a kernel as long as itself, and d times it";
    const OPERANDS: Words =
        &[("u", "[B, T, C]"), ("k", "[1, C, T], or [2, C, T]: the second for what lies ahead"), ("d", "[C]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [u, k, d] = call.operands(["u", "k", "d"])?;
        Ok(fft_conv(&mut call.tape, &u, &k, &d)?)
    }

    fn rows() -> Vec<Row> {
        let row = |(size, t, channels): (&str, usize, usize)| {
            let extents: [(_, &[usize]); 4] = [
                ("u", &[1, t, channels]),
                ("k", &[1, channels, t]),
                ("d", &[channels]),
                ("dy", &[1, t, channels]),
            ];
            // Three real transforms of twice the length there, five back, at 2.5 n log2 n each.
            let transform = 5.0 * t as f64 * (2.0 * t as f64).log2();
            let works = [3.0, 8.0].map(|transforms| Work {
                flops: transforms * transform * channels as f64,
                bytes: transforms * 8.0 * (t * channels) as f64,
            });
            Row::new(size, &extents, works)
        };
        [("64 channels, 1 s", 16_000, 64), ("256 channels, 1 s at a 16th", 1_000, 256)].map(row).into()
    }
}
