//! The specification: f64, complex sums over the doubled set of states, a Fourier sum by its definition.

use realfft::num_complex::Complex64;

use super::S4Kernel;

/// k [R, H, L] from log_dt, log_w_real, w_imag, p, b, c.
pub(crate) fn forward(op: &S4Kernel, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    sum_over(op, inputs, true)
}

/// With the sums over the stored half of the states alone if not `conjugates`: what a public implementation has, and no S4.
pub(crate) fn sum_over(op: &S4Kernel, inputs: &[Vec<f64>], conjugates: bool) -> Vec<Vec<f64>> {
    let [log_dt, log_w_real, w_imag, p, b, c] = inputs else { unreachable!("six inputs") };
    let (m, half) = (op.pairs, op.period / 2);
    let complex = |values: &[f64], at: usize| Complex64::new(values[2 * at], values[2 * at + 1]);
    let mut k = Vec::new();
    for row in 0..op.responses * op.heads {
        let head = row % op.heads;
        let group = if op.groups == 1 { 0 } else { head };
        let dt = log_dt[head].exp();
        let sum = |z: Complex64, v: &dyn Fn(usize) -> Complex64| -> Complex64 {
            let terms = (0..m).map(|n| {
                let at = group * m + n;
                let a = dt * Complex64::new(-log_w_real[at].exp(), w_imag[at]);
                let other = if conjugates { v(n).conj() / (z - a.conj()) } else { Complex64::default() };
                v(n) / (z - a) + other
            });
            dt * terms.sum::<Complex64>()
        };
        let (of_b, of_p) = (|n: usize| complex(b, group * m + n), |n: usize| complex(p, group * m + n));
        let of_c = |n: usize| complex(c, row * m + n);
        let mut spectrum: Vec<Complex64> = (0..half)
            .map(|j| {
                let y = 2.0 * (std::f64::consts::PI * j as f64 / op.period as f64).tan();
                let z = Complex64::new(0.0, y);
                let r00 = sum(z, &|n| of_b(n) * of_c(n));
                let r01 = sum(z, &|n| of_b(n) * of_p(n).conj());
                let r10 = sum(z, &|n| of_p(n) * of_c(n));
                let r11 = sum(z, &|n| Complex64::from(of_p(n).norm_sqr()));
                (1.0 + 0.5 * z) * (r00 - r01 * r10 / (1.0 + r11))
            })
            .collect();
        spectrum.push(Complex64::from(dt * (0..m).map(|n| (of_b(n) * of_c(n)).re).sum::<f64>()));
        for t in 0..op.len {
            let angle = |j: usize| std::f64::consts::TAU * (j * t) as f64 / op.period as f64;
            let inner: f64 = (1..half).map(|j| 2.0 * (spectrum[j] * Complex64::cis(angle(j))).re).sum();
            let nyquist = if t % 2 == 0 { spectrum[half].re } else { -spectrum[half].re };
            k.push((spectrum[0].re + inner + nyquist) / op.period as f64);
        }
    }
    vec![k]
}

/// The kernel of one head with its own poles.
pub(crate) fn one_head(pairs: usize, period: usize, inputs: &[Vec<f64>]) -> Vec<f64> {
    let op = S4Kernel { heads: 1, groups: 1, pairs, responses: 1, period, len: period };
    forward(&op, inputs).swap_remove(0)
}
