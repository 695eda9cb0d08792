//! From continuous time to samples: what each rule makes of a pole.
//!
//! With a = dt w, all that a rule says is λ(a), f(a) and g(a): c₀ = C dt f and c₁ = C dt g. Written with φ₁ = (eᵃ − 1)/a, φ₂ = (eᵃ − 1 − a)/a² and
//! φ₃ = (eᵃ − 1 − a − a²/2)/a³, which are found from a series where a is small, nothing cancels, and φ₁' = φ₁ − φ₂, φ₂' = φ₂ − 2 φ₃.

use realfft::num_complex::Complex64;

use crate::s4_step::Step;

/// How a system in time becomes one of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The input is held from sample to sample: λ = eᵃ, f = φ₁, g = λ f.
    ZeroOrderHold,
    /// The input is a straight line from sample to sample: λ = eᵃ, f = φ₂, g = λ φ₂ + φ₁ − φ₂.
    FirstOrderHold,
    /// Tustin's: λ = (1 + a/2) / (1 − a/2), f = 1 / (1 − a/2), g = λ f.
    Bilinear,
}

/// λ, f and g at a, and their derivatives by a.
#[derive(Clone, Copy, Debug)]
pub(super) struct Discrete {
    pub lambda: Complex64,
    pub f: Complex64,
    pub g: Complex64,
    pub by_a: [Complex64; 3],
}

impl Rule {
    /// What becomes of a = dt w.
    pub(super) fn at(self, a: Complex64) -> Discrete {
        if self == Rule::Bilinear {
            let d = (1.0 - 0.5 * a).inv();
            let (lambda, lambda_by_a, by_a) = ((1.0 + 0.5 * a) * d, d * d, 0.5 * d * d);
            let g_by_a = by_a * lambda + d * lambda_by_a;
            return Discrete { lambda, f: d, g: d * lambda, by_a: [lambda_by_a, by_a, g_by_a] };
        }
        let phi_3 = phi_3(a);
        let phi_2 = 0.5 + a * phi_3;
        let phi_1 = 1.0 + a * phi_2;
        let lambda = 1.0 + a * phi_1;
        let (phi_1_by_a, phi_2_by_a) = (phi_1 - phi_2, phi_2 - 2.0 * phi_3);
        let (f, by_a, more, more_by_a) = match self {
            Rule::FirstOrderHold => (phi_2, phi_2_by_a, phi_1 - phi_2, phi_1_by_a - phi_2_by_a),
            Rule::ZeroOrderHold | Rule::Bilinear => (phi_1, phi_1_by_a, Complex64::ZERO, Complex64::ZERO),
        };
        let g_by_a = lambda * by_a + lambda * f + more_by_a;
        Discrete { lambda, f, g: lambda * f + more, by_a: [lambda, by_a, g_by_a] }
    }
}

/// (eᵃ − 1 − a − a²/2) / a³.
fn phi_3(a: Complex64) -> Complex64 {
    /// Of the series Σ aᵏ / (k + 3)!, for |a| below 1.
    const TERMS: u32 = 18;
    if a.norm_sqr() >= 1.0 {
        return (a.exp() - 1.0 - a - 0.5 * a * a) / (a * a * a);
    }
    (0..TERMS).rev().fold(Complex64::ZERO, |sum, k| {
        // Horner's scheme of 1/3! (1 + a/4 (1 + a/5 (…))).
        1.0 + sum * a / f64::from(k + 4)
    }) / 6.0
}

/// One head: its step and, for each stored pair, w and C.
#[derive(Clone, Debug)]
pub struct Diagonal {
    /// Seconds, or samples, of one step.
    pub dt: f64,
    /// Poles.
    pub w: Vec<Complex64>,
    /// Output times input.
    pub c: Vec<Complex64>,
}

impl Diagonal {
    /// λ, c₀ and c₁ of each pair.
    pub(super) fn terms(&self, rule: Rule) -> impl Iterator<Item = [Complex64; 3]> {
        self.w.iter().zip(&self.c).map(move |(w, c)| {
            let Discrete { lambda, f, g, .. } = rule.at(self.dt * w);
            [lambda, self.dt * c * f, self.dt * c * g]
        })
    }

    /// The recurrence x ← λ x + u, y = 2 Re Σ c x, and what of the input goes to the output beside it.
    pub fn step(&self, rule: Rule) -> (Step, f64) {
        let zeros = vec![Complex64::ZERO; self.w.len()];
        let (mut alpha, mut c, mut direct) = (Vec::new(), Vec::new(), 0.0);
        for [lambda, first, rest] in self.terms(rule) {
            let output = rest / lambda;
            direct += 2.0 * (first - output).re;
            alpha.push(lambda);
            c.push(output);
        }
        let beta = vec![Complex64::ONE; self.w.len()];
        (Step { alpha, beta, gamma: zeros.clone(), g: zeros, h: 0.0, c }, direct)
    }
}
