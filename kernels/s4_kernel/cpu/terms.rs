//! Sums over poles at nodes on the imaginary axis, in real arithmetic.
//!
//! A pole a and its conjugate contribute v/(z − a) + v̄/(z − ā) = (α + i y β) / ((ρ² − y²) − i y κ) at z = i y, with α = −2 Re(v ā),
//! β = 2 Re v, ρ = |a| and κ = 2 Re a. The four sums of S4 share the denominators.

use crate::simd;

/// Nodes at a time: two vectors of the widest unit, so that the eight sums of them stay in registers.
pub(super) const LANES: usize = 32;
/// Sums over the same poles: v = B C̃, B P̄, P C̃, |P|².
pub(super) const SUMS: usize = 4;

/// One value for each of a block of nodes.
pub(super) type Lanes = [f32; LANES];

/// One pole of one head.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pole {
    /// |a|.
    pub rho: f32,
    /// 2 Re a.
    pub kappa: f32,
    /// Of each sum.
    pub alpha: [f32; SUMS],
    pub beta: [f32; SUMS],
}

/// The derivative of a loss by each number of a [`Pole`], but by ρ² instead of ρ.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PoleGradient {
    pub rho_squared: f64,
    pub kappa: f64,
    pub alpha: [f64; SUMS],
    pub beta: [f64; SUMS],
}

/// Real and imaginary parts of the four sums at a block of nodes.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub re: [Lanes; SUMS],
    pub im: [Lanes; SUMS],
}

impl Block {
    pub const ZERO: Block = Block { re: [[0.0; LANES]; SUMS], im: [[0.0; LANES]; SUMS] };
}

/// 1 / x for positive x that is no denormal: a guess from the exponent and three steps of Newton's, which cost less than a division.
#[inline(always)]
fn reciprocal(x: f32) -> f32 {
    let mut guess = f32::from_bits(0x7EF3_11C7_u32.wrapping_sub(x.to_bits()));
    for _ in 0..3 {
        guess = guess.mul_add((-x).mul_add(guess, 1.0), guess);
    }
    guess
}

/// 1 / ((ρ² − y²) − i y κ).
#[inline(always)]
fn inverse(pole: &Pole, y: f32) -> [f32; 2] {
    // As a product of two differences it keeps its precision near the resonance y = ρ.
    let re = (pole.rho - y) * (pole.rho + y);
    let im = -y * pole.kappa;
    let scale = reciprocal(re.mul_add(re, im * im));
    [re * scale, -im * scale]
}

/// The four sums at a block of nodes: call it inside `simd::dispatch`.
#[inline(always)]
pub(super) fn sums(poles: &[Pole], y: &Lanes) -> Block {
    let mut block = Block::ZERO;
    for pole in poles {
        let (mut q, mut yq) = ([[0.0f32; LANES]; 2], [[0.0f32; LANES]; 2]);
        for l in 0..LANES {
            let [re, im] = inverse(pole, y[l]);
            (q[0][l], q[1][l]) = (re, im);
            (yq[0][l], yq[1][l]) = (y[l] * re, y[l] * im);
        }
        for s in 0..SUMS {
            let (alpha, beta) = (pole.alpha[s], pole.beta[s]);
            for l in 0..LANES {
                block.re[s][l] = alpha.mul_add(q[0][l], (-beta).mul_add(yq[1][l], block.re[s][l]));
                block.im[s][l] = alpha.mul_add(q[1][l], beta.mul_add(yq[0][l], block.im[s][l]));
            }
        }
    }
    block
}

/// Adds what a block of nodes says about `pole`: `cotangents` are ∂loss/∂Re + i ∂loss/∂Im of the four sums. Call it inside `simd::dispatch`.
#[inline(always)]
pub(super) fn pull_back(pole: &Pole, y: &Lanes, cotangents: &Block, gradient: &mut PoleGradient) {
    let (mut by_alpha, mut by_beta) = ([[0.0f32; LANES]; SUMS], [[0.0f32; LANES]; SUMS]);
    let (mut by_rho, mut by_kappa) = ([0.0f32; LANES], [0.0f32; LANES]);
    for l in 0..LANES {
        let [re, im] = inverse(pole, y[l]);
        // W = Σ conj(Γ) (α + i y β), and the loss changes by −Re(W q² d(denominator)).
        let (mut w_re, mut w_im) = (0.0f32, 0.0f32);
        for s in 0..SUMS {
            let (g_re, g_im) = (cotangents.re[s][l], cotangents.im[s][l]);
            by_alpha[s][l] = g_re.mul_add(re, g_im * im);
            by_beta[s][l] = y[l] * g_im.mul_add(re, -(g_re * im));
            let imaginary = y[l] * pole.beta[s];
            w_re = pole.alpha[s].mul_add(g_re, imaginary.mul_add(g_im, w_re));
            w_im = imaginary.mul_add(g_re, (-pole.alpha[s]).mul_add(g_im, w_im));
        }
        let (square_re, square_im) = (re.mul_add(re, -(im * im)), 2.0 * re * im);
        by_rho[l] = w_im.mul_add(square_im, -(w_re * square_re));
        by_kappa[l] = -y[l] * w_re.mul_add(square_im, w_im * square_re);
    }
    for s in 0..SUMS {
        gradient.alpha[s] += f64::from(simd::sum(&by_alpha[s]));
        gradient.beta[s] += f64::from(simd::sum(&by_beta[s]));
    }
    gradient.rho_squared += f64::from(simd::sum(&by_rho));
    gradient.kappa += f64::from(simd::sum(&by_kappa));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocals_are_within_two_ulp() {
        let worst = (1..4_000)
            .map(|i| (i as f32 * 0.37).powi(3) * 1e-4)
            .map(|x| (f64::from(reciprocal(x)) * f64::from(x) - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2.5e-7, "worst relative error {worst:e}");
    }
}
