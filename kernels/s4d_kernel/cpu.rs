//! The CPU kernel: one task per head and response. Powers are formed in f64, several samples in the vector lanes, each lane a walk of its own by so many powers
//! at a time; so they are as exact over a minute of sound as over a frame.

use rayon::prelude::*;
use realfft::num_complex::Complex64;

use super::S4dKernel;
use super::rule::{Diagonal, Discrete};
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Samples side by side.
const LANES: usize = 16;

impl CpuOp for S4dKernel {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        if outputs[0].is_empty() {
            return;
        }
        outputs[0].par_chunks_mut(self.len).enumerate().for_each(|(row, k)| {
            let mut sums = vec![0.0; (self.len - 1).next_multiple_of(LANES)];
            let mut first = 0.0;
            for [lambda, at_once, rest] in self.diagonal(inputs, row).terms(self.rule) {
                first += 2.0 * at_once.re;
                add_powers(lambda, 2.0 * rest, &mut sums);
            }
            k[0] = first as f32;
            k[1..].iter_mut().zip(&sums).for_each(|(k, sum)| *k = *sum as f32);
        });
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        if doutputs[0].is_empty() {
            return;
        }
        let rows: Vec<Row> = doutputs[0]
            .par_chunks(self.len)
            .enumerate()
            .map(|(row, dk)| self.pulled(&self.diagonal(inputs, row), dk))
            .collect();
        self.add(inputs, &rows, dinputs);
    }
}

/// The derivatives of one row: by dt, and by w and C of each pair, as ∂/∂Re + i ∂/∂Im.
struct Row {
    dt: f64,
    w: Vec<Complex64>,
    c: Vec<Complex64>,
}

impl S4dKernel {
    fn poles_of(&self, row: usize) -> usize {
        if self.groups == 1 { 0 } else { row % self.heads * self.pairs }
    }

    fn diagonal(&self, inputs: &[&[f32]], row: usize) -> Diagonal {
        let &[log_dt, log_w_real, w_imag, c] = inputs else { unreachable!("four inputs") };
        let (first, own) = (self.poles_of(row), row * self.pairs);
        let complex = |re: f64, im: f32| Complex64::new(re, f64::from(im));
        Diagonal {
            dt: f64::from(log_dt[row % self.heads]).exp(),
            w: (first..first + self.pairs)
                .map(|at| complex(-f64::from(log_w_real[at]).exp(), w_imag[at]))
                .collect(),
            c: (own..own + self.pairs).map(|at| complex(f64::from(c[2 * at]), c[2 * at + 1])).collect(),
        }
    }

    fn pulled(&self, diagonal: &Diagonal, dk: &[f32]) -> Row {
        // dK_{m+1} and m dK_{m+1}, filled up to whole vectors.
        let len = (self.len - 1).next_multiple_of(LANES);
        let mut behind: Vec<f64> = dk[1..].iter().map(|dk| f64::from(*dk)).collect();
        behind.resize(len, 0.0);
        let counted: Vec<f64> = behind.iter().enumerate().map(|(m, dk)| m as f64 * dk).collect();
        let first = f64::from(dk[0]);
        let (dt, pairs) = (diagonal.dt, diagonal.w.len());
        let mut row = Row { dt: 0.0, w: Vec::with_capacity(pairs), c: Vec::with_capacity(pairs) };
        for (w, c) in diagonal.w.iter().zip(&diagonal.c) {
            let Discrete { lambda, f, g, by_a: [lambda_by_a, f_by_a, g_by_a] } = self.rule.at(dt * w);
            let [powers, counted] = sum_powers(lambda, [&behind, &counted]);
            let by_first = Complex64::from(2.0 * first);
            let by_rest = 2.0 * powers.conj();
            // Σ m dK λ^{m−1}.
            let by_lambda = 2.0 * (dt * c * g * counted / lambda).conj();
            let by_a = by_lambda * lambda_by_a.conj()
                + by_first * (dt * c * f_by_a).conj()
                + by_rest * (dt * c * g_by_a).conj();
            row.c.push(by_first * (dt * f).conj() + by_rest * (dt * g).conj());
            row.w.push(dt * by_a);
            row.dt += (by_first.conj() * c * f + by_rest.conj() * c * g + by_a.conj() * w).re;
        }
        row
    }

    /// Adds the rows' derivatives in their order.
    fn add(&self, inputs: &[&[f32]], rows: &[Row], dinputs: &mut [Option<Gradient<'_>>]) {
        let [log_dt, log_w_real, w_imag, c] = dinputs else { unreachable!("four inputs") };
        let mut dt = vec![0.0; self.heads];
        let mut w = vec![Complex64::ZERO; self.groups * self.pairs];
        for (index, row) in rows.iter().enumerate() {
            dt[index % self.heads] += row.dt;
            let own = &mut w[self.poles_of(index)..][..self.pairs];
            own.iter_mut().zip(&row.w).for_each(|(to, by_w)| *to += by_w);
        }
        if let Some(log_dt) = log_dt {
            for ((to, by_dt), log) in log_dt.iter_mut().zip(dt).zip(inputs[0]) {
                *to += (by_dt * f64::from(*log).exp()) as f32;
            }
        }
        if let Some(log_w_real) = log_w_real {
            for ((to, by_w), log) in log_w_real.iter_mut().zip(&w).zip(inputs[1]) {
                *to -= (by_w.re * f64::from(*log).exp()) as f32;
            }
        }
        if let Some(w_imag) = w_imag {
            w_imag.iter_mut().zip(&w).for_each(|(to, by_w)| *to += by_w.im as f32);
        }
        if let Some(c) = c {
            let values = rows.iter().flat_map(|row| &row.c);
            for (to, value) in c.chunks_exact_mut(2).zip(values) {
                to[0] += value.re as f32;
                to[1] += value.im as f32;
            }
        }
    }
}

/// factor λ^m for the first lanes, real and imaginary parts, and λ^LANES.
fn walk(lambda: Complex64, factor: Complex64) -> ([f64; LANES], [f64; LANES], Complex64) {
    let mut power = factor;
    let (mut re, mut im) = ([0.0; LANES], [0.0; LANES]);
    for (re, im) in re.iter_mut().zip(&mut im) {
        (*re, *im) = (power.re, power.im);
        power *= lambda;
    }
    (re, im, lambda.powu(LANES as u32))
}

/// Adds Re(factor λ^m) to the sums; their number is one of whole vectors.
fn add_powers(lambda: Complex64, factor: Complex64, sums: &mut [f64]) {
    let (mut re, mut im, stride) = walk(lambda, factor);
    simd::dispatch(
        #[inline(always)]
        || {
            for to in sums.chunks_exact_mut(LANES) {
                for lane in 0..LANES {
                    to[lane] += re[lane];
                    let turned = re[lane] * stride.re - im[lane] * stride.im;
                    im[lane] = re[lane] * stride.im + im[lane] * stride.re;
                    re[lane] = turned;
                }
            }
        },
    );
}

/// Σ weight_m λ^m for both weights; their number is one of whole vectors.
fn sum_powers(lambda: Complex64, [a, b]: [&[f64]; 2]) -> [Complex64; 2] {
    let (mut re, mut im, stride) = walk(lambda, Complex64::ONE);
    let mut sums = [[0.0; LANES]; 4];
    simd::dispatch(
        #[inline(always)]
        || {
            for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
                for lane in 0..LANES {
                    sums[0][lane] += a[lane] * re[lane];
                    sums[1][lane] += a[lane] * im[lane];
                    sums[2][lane] += b[lane] * re[lane];
                    sums[3][lane] += b[lane] * im[lane];
                    let turned = re[lane] * stride.re - im[lane] * stride.im;
                    im[lane] = re[lane] * stride.im + im[lane] * stride.re;
                    re[lane] = turned;
                }
            }
        },
    );
    let [ar, ai, br, bi] = sums.map(|lanes| lanes.iter().sum());
    [Complex64::new(ar, ai), Complex64::new(br, bi)]
}
