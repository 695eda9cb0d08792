//! The op on files, and its rows in the bench.

use super::{Parameters, Rule, S4dKernel, s4d_kernel};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, Work};

impl OnFiles for S4dKernel {
    const ABOUT: &'static str = "S4D's convolution kernel of A = diag(w), conjugate pairs";
    const OPERANDS: Words = &[
        ("log_dt", "[H]"),
        ("log_w_real", "[G, M], G = 1 or H"),
        ("w_imag", "as log_w_real"),
        ("c", "[R, H, M, 2]"),
    ];
    const SETTINGS: Words =
        &[("len", "16000"), ("rule", "0: zero-order hold, 1: first-order hold, 2: bilinear")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [log_dt, log_w_real, w_imag, c] = call.operands(["log_dt", "log_w_real", "w_imag", "c"])?;
        let len = call.setting("len", 16_000)?;
        let rule = match call.setting("rule", 0)? {
            0 => Rule::ZeroOrderHold,
            1 => Rule::FirstOrderHold,
            _ => Rule::Bilinear,
        };
        let parameters = Parameters { log_dt: &log_dt, log_w_real: &log_w_real, w_imag: &w_imag, c: &c };
        Ok(s4d_kernel(&mut call.tape, parameters, rule, len)?)
    }

    fn rows() -> Vec<Row> {
        let pairs = 32;
        let row = |(size, heads, len): (&str, usize, usize)| {
            let extents: [(_, &[usize]); 5] = [
                ("log_dt", &[heads]),
                ("log_w_real", &[1, pairs]),
                ("w_imag", &[1, pairs]),
                ("c", &[1, heads, pairs, 2]),
                ("dy", &[1, heads, len]),
            ];
            // A complex product and a sum; the way back has four sums of products beside.
            let works = [7, 21].map(|flops| Work {
                flops: (flops * heads * pairs * len) as f64,
                bytes: (4 * heads * len) as f64,
            });
            Row::new(size, &extents, works).with(&[("len", len), ("rule", 0)])
        };
        [("64 heads, 1 s", 64, 16_000), ("256 heads, 1 s at a 16th", 256, 1_000)].map(row).into()
    }
}
