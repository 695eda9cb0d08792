//! The specification: f64, the published formulas as they are written, one power after another.

use realfft::num_complex::Complex64;

use super::{Rule, S4dKernel};

/// k [R, H, L] from log_dt, log_w_real, w_imag, c.
pub(crate) fn forward(op: &S4dKernel, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [log_dt, log_w_real, w_imag, c] = inputs else { unreachable!("four inputs") };
    let mut k = Vec::new();
    for row in 0..op.responses * op.heads {
        let head = row % op.heads;
        let group = if op.groups == 1 { 0 } else { head };
        let dt = log_dt[head].exp();
        for l in 0..op.len {
            let term = |n: usize| {
                let at = group * op.pairs + n;
                let w = Complex64::new(-log_w_real[at].exp(), w_imag[at]);
                let c = Complex64::new(c[2 * (row * op.pairs + n)], c[2 * (row * op.pairs + n) + 1]);
                sample(op.rule, dt, w, c, l as i32)
            };
            k.push((0..op.pairs).map(|n| 2.0 * term(n).re).sum());
        }
    }
    vec![k]
}

/// What a pair gives to sample `l`.
fn sample(rule: Rule, dt: f64, w: Complex64, c: Complex64, l: i32) -> Complex64 {
    let a = dt * w;
    let e = a.exp();
    match rule {
        Rule::ZeroOrderHold => c * (e - 1.0) / w * e.powi(l),
        Rule::Bilinear => c * dt / (1.0 - 0.5 * a) * ((1.0 + 0.5 * a) / (1.0 - 0.5 * a)).powi(l),
        Rule::FirstOrderHold => {
            let now = c * (1.0 - e + a * e) / (dt * w * w);
            let next = c * (e - 1.0 - a) / (dt * w * w);
            let before = if l > 0 { now * e.powi(l - 1) } else { Complex64::default() };
            next * e.powi(l) + before
        }
    }
}
