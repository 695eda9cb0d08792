//! One head's state space in f64: its bilinear discretisation as a step of O(M), and C̃ from C and back.
//!
//! The stored half of a conjugate-symmetric state x ∈ C^2M is the real vector (Re x, Im x) of 2M numbers, on which the step is a real
//! matrix; powers of it are formed there.

use realfft::num_complex::Complex64;

use super::real::Matrix;

/// dt and, for each stored pair, w, P, B and C, with A = diag(w) − P P* on the doubled state.
#[derive(Debug, Clone)]
pub struct System {
    /// Seconds, or samples, of one step.
    pub dt: f64,
    /// Poles before the correction.
    pub w: Vec<Complex64>,
    /// The correction of rank one.
    pub p: Vec<Complex64>,
    /// Input.
    pub b: Vec<Complex64>,
    /// Output.
    pub c: Vec<Complex64>,
}

/// x ← α x + β u − γ s with s = 2 Re Σ g x + h u, then y = 2 Re Σ c x: one step with the least arithmetic.
///
/// From t = (2/dt + w) x − P s₁ + 2 B u and x ← D (t − P s₂), where D = 1/(2/dt − w), s₁ = 2 Re Σ P̄ x and s₂ = 2 Re Σ P̄ D t / ρ: both
/// corrections subtract along D P, and their sum is linear in x and u.
#[derive(Debug, Clone)]
pub struct Step {
    /// Decay of each pair.
    pub alpha: Vec<Complex64>,
    /// What the input adds.
    pub beta: Vec<Complex64>,
    /// What the correction takes.
    pub gamma: Vec<Complex64>,
    /// How the state enters the correction.
    pub g: Vec<Complex64>,
    /// How the input enters the correction.
    pub h: f64,
    /// Output.
    pub c: Vec<Complex64>,
}

/// 2 Re Σ a b.
fn twice_real(a: impl Iterator<Item = Complex64>, b: &[Complex64]) -> f64 {
    a.zip(b).map(|(a, b)| 2.0 * (a * b).re).sum()
}

impl System {
    /// The step, with the system's c as it stands.
    pub fn step(&self) -> Step {
        let rate = 2.0 / self.dt;
        let d: Vec<Complex64> = self.w.iter().map(|w| (rate - w).inv()).collect();
        let alpha: Vec<Complex64> = self.w.iter().zip(&d).map(|(w, d)| d * (rate + w)).collect();
        let beta: Vec<Complex64> = self.b.iter().zip(&d).map(|(b, d)| 2.0 * d * b).collect();
        let gamma: Vec<Complex64> = self.p.iter().zip(&d).map(|(p, d)| d * p).collect();
        let conjugate = || self.p.iter().map(|p| p.conj());
        let kappa = twice_real(conjugate(), &gamma);
        let rho = 1.0 + kappa;
        let left = 1.0 - kappa / rho;
        let g = conjugate().zip(&alpha).map(|(p, alpha)| p * (left + alpha / rho)).collect();
        let h = twice_real(conjugate(), &beta) / rho;
        Step { alpha, beta, gamma, g, h, c: self.c.clone() }
    }

    /// C̃ = (I − Āᴸ)ᵀ C for a period of `period` samples: what [`super::super::s4_kernel`] takes.
    pub fn periodic(&self, period: usize) -> Vec<Complex64> {
        self.periodic_of(vec![self.c.clone()], period).swap_remove(0)
    }

    /// [`System::periodic`] of each of `responses` in the place of the system's own C.
    pub fn periodic_of(&self, responses: Vec<Vec<Complex64>>, period: usize) -> Vec<Vec<Complex64>> {
        let before: Vec<Vec<f64>> = responses.iter().map(|c| to_real(c)).collect();
        let behind = self.transition().transposed_power_times(period, before.clone());
        let pairs = before.into_iter().zip(behind);
        pairs
            .map(|(c, rest)| from_real(&c.iter().zip(rest).map(|(c, rest)| c - rest).collect::<Vec<_>>()))
            .collect()
    }

    /// C from a C̃ that was made for `period` samples; nothing where C̃ does not determine it.
    pub fn from_periodic(&self, periodic: &[Complex64], period: usize) -> Option<Vec<Complex64>> {
        let rest = self.transition().power(period).taken_from_identity();
        Some(from_real(&rest.transposed().solve(&to_real(periodic))?))
    }

    /// Ā on the real state.
    fn transition(&self) -> Matrix {
        let pairs = self.w.len();
        let step = self.step();
        let mut matrix = Matrix::zeros(2 * pairs);
        for column in 0..2 * pairs {
            let mut x = vec![Complex64::default(); pairs];
            x[column % pairs] = if column < pairs { Complex64::ONE } else { Complex64::I };
            step.advance(&mut x, 0.0);
            for (n, x) in x.into_iter().enumerate() {
                matrix.set(n, column, x.re);
                matrix.set(pairs + n, column, x.im);
            }
        }
        matrix
    }
}

impl Step {
    /// Takes one step from the stored half `x` of the state, and returns the output.
    pub fn advance(&self, x: &mut [Complex64], u: f64) -> f64 {
        let s = twice_real(self.g.iter().copied(), x) + self.h * u;
        for (n, x) in x.iter_mut().enumerate() {
            *x = self.alpha[n] * *x + self.beta[n] * u - self.gamma[n] * s;
        }
        twice_real(self.c.iter().copied(), x)
    }
}

/// The functional 2 Re Σ c x as a real one of (Re x, Im x).
fn to_real(c: &[Complex64]) -> Vec<f64> {
    c.iter().map(|c| 2.0 * c.re).chain(c.iter().map(|c| -2.0 * c.im)).collect()
}

fn from_real(values: &[f64]) -> Vec<Complex64> {
    let (re, im) = values.split_at(values.len() / 2);
    re.iter().zip(im).map(|(re, im)| Complex64::new(re / 2.0, -im / 2.0)).collect()
}
