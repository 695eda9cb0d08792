//! The op on files, and its rows in the bench.

use super::{Parameters, S4Kernel, s4_kernel};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, Work};

impl OnFiles for S4Kernel {
    const ABOUT: &'static str = "S4's convolution kernel of A = diag(w) − P P*, conjugate pairs, bilinear";
    const OPERANDS: Words = &[
        ("log_dt", "[H]"),
        ("log_w_real", "[G, M], G = 1 or H"),
        ("w_imag", "as log_w_real"),
        ("p", "[G, M, 2]"),
        ("b", "as p"),
        ("c", "[R, H, M, 2]"),
    ];
    const SETTINGS: Words = &[("period", "16000, for which c was made"), ("len", "period")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [log_dt, log_w_real, w_imag, p, b, c] =
            call.operands(["log_dt", "log_w_real", "w_imag", "p", "b", "c"])?;
        let period = call.setting("period", 16_000)?;
        let len = call.setting("len", period)?;
        let parameters =
            Parameters { log_dt: &log_dt, log_w_real: &log_w_real, w_imag: &w_imag, p: &p, b: &b, c: &c };
        Ok(s4_kernel(&mut call.tape, parameters, period, len)?)
    }

    fn rows() -> Vec<Row> {
        let (period, pairs) = (16_000, 32);
        let row = |(size, heads, len): (&str, usize, usize)| {
            let extents: [(_, &[usize]); 7] = [
                ("log_dt", &[heads]),
                ("log_w_real", &[1, pairs]),
                ("w_imag", &[1, pairs]),
                ("p", &[1, pairs, 2]),
                ("b", &[1, pairs, 2]),
                ("c", &[1, heads, pairs, 2]),
                ("dy", &[1, heads, len]),
            ];
            // A denominator and its reciprocal, then four complex sums; the way back forms them again and twice as many.
            let works = [50, 170].map(|flops| Work {
                flops: (flops * heads * pairs * period / 2) as f64,
                bytes: (4 * heads * len) as f64,
            });
            Row::new(size, &extents, works).with(&[("period", period), ("len", len)])
        };
        [("64 heads, 1 s", 64, 16_000), ("256 heads, 1 s at a 16th", 256, 1_000)].map(row).into()
    }
}
