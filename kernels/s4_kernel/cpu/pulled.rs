//! From the derivatives by poles to those by the parameters.
//!
//! Complex derivatives stand for ∂/∂Re + i ∂/∂Im.

use realfft::num_complex::Complex64;

use super::super::S4Kernel;
use super::nodes::Pulled;
use super::numerators;
use super::terms::SUMS;
use crate::op::Gradient;
use crate::s4_step::{Heads, System};

/// The derivatives by each number of `system`, in its place.
pub(super) fn gradient(system: &System, pulled: &Pulled) -> System {
    let pairs = system.w.len();
    let zeros = || Vec::with_capacity(pairs);
    let mut row = System { dt: pulled.dt, w: zeros(), p: zeros(), b: zeros(), c: zeros() };
    for (n, gradient) in pulled.poles.iter().enumerate() {
        let (a, v) = (system.dt * system.w[n], numerators(system, n));
        let (p, b, c) = (system.p[n], system.b[n], system.c[n]);
        // α = −2 Re(v ā), β = 2 Re v, ρ² = |a|², κ = 2 Re a.
        let mut by_a = 2.0 * gradient.rho_squared * a + 2.0 * gradient.kappa;
        let mut by_v = [Complex64::default(); SUMS];
        for s in 0..SUMS {
            by_a -= 2.0 * gradient.alpha[s] * v[s];
            by_v[s] = 2.0 * gradient.beta[s] - 2.0 * gradient.alpha[s] * a;
        }
        // At infinity K is dt Σ Re v.
        by_v[0] += system.dt * pulled.at_infinity;
        row.dt += pulled.at_infinity * v[0].re + (by_a.conj() * system.w[n]).re;
        row.w.push(system.dt * by_a);
        row.b.push(c.conj() * by_v[0] + p * by_v[1]);
        row.c.push(b.conj() * by_v[0] + p.conj() * by_v[2]);
        row.p.push(b * by_v[1].conj() + c.conj() * by_v[2] + 2.0 * p * by_v[3].re);
    }
    row
}

/// Adds the rows' derivatives in their order.
pub(super) fn add(op: &S4Kernel, inputs: &Heads<'_>, rows: &[System], dinputs: &mut [Option<Gradient<'_>>]) {
    let [log_dt, log_w_real, w_imag, p, b, c] = dinputs else { unreachable!("six inputs") };
    let poles = op.groups * op.pairs;
    let (mut dt, mut w) = (vec![0.0; op.heads], vec![Complex64::default(); poles]);
    let (mut sum_p, mut sum_b) = (w.clone(), w.clone());
    for (index, row) in rows.iter().enumerate() {
        let first = inputs.poles_of(index);
        dt[index % op.heads] += row.dt;
        for n in 0..op.pairs {
            w[first + n] += row.w[n];
            sum_p[first + n] += row.p[n];
            sum_b[first + n] += row.b[n];
        }
    }
    if let Some(log_dt) = log_dt {
        for ((to, by_dt), log) in log_dt.iter_mut().zip(dt).zip(inputs.log_dt) {
            *to += (by_dt * f64::from(*log).exp()) as f32;
        }
    }
    if let Some(log_w_real) = log_w_real {
        for ((to, by_w), log) in log_w_real.iter_mut().zip(&w).zip(inputs.log_w_real) {
            *to -= (by_w.re * f64::from(*log).exp()) as f32;
        }
    }
    if let Some(w_imag) = w_imag {
        w_imag.iter_mut().zip(&w).for_each(|(to, by_w)| *to += by_w.im as f32);
    }
    for (gradient, sums) in [(p, &sum_p), (b, &sum_b)] {
        let Some(gradient) = gradient else { continue };
        add_pairs(gradient, sums.iter());
    }
    if let Some(c) = c {
        add_pairs(c, rows.iter().flat_map(|row| &row.c));
    }
}

fn add_pairs<'a>(to: &mut [f32], values: impl Iterator<Item = &'a Complex64>) {
    for (to, value) in to.chunks_exact_mut(2).zip(values) {
        to[0] += value.re as f32;
        to[1] += value.im as f32;
    }
}
