//! Sums over poles at nodes on the imaginary axis, in real arithmetic.
//!
//! A pole a and its conjugate contribute v/(z − a) + v̄/(z − ā) = (α + i y β) / ((ρ² − y²) − i y κ) at z = i y, with α = −2 Re(v ā),
//! β = 2 Re v, ρ = |a| and κ = 2 Re a. The four sums of S4 share the denominators.

use pulp::{Simd, WithSimd};

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
    /// Sums of nothing.
    pub const ZERO: Block = Block { re: [[0.0; LANES]; SUMS], im: [[0.0; LANES]; SUMS] };
}

/// What a reciprocal is guessed from: minus the bits of x.
const GUESS: u32 = 0x7EF3_11C7;
/// Of Newton's, from the guess to within two units in the last place.
const STEPS: usize = 3;

/// 1 / x for positive x that is no denormal: a guess from the exponent and three steps of Newton's, which cost less than a division.
#[inline(always)]
fn reciprocal(x: f32) -> f32 {
    let mut guess = f32::from_bits(GUESS.wrapping_sub(x.to_bits()));
    for _ in 0..STEPS {
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

/// What all nodes say about one pole: `cotangents` are ∂loss/∂Re + i ∂loss/∂Im of the four sums.
///
/// With vectors by name: its ten running sums have to stay in registers.
pub(super) struct PullBack<'a> {
    pub pole: &'a Pole,
    pub nodes: &'a [Lanes],
    pub cotangents: &'a [Block],
}

/// Running sums of one pole's derivatives, lane by lane.
struct Running<S: Simd> {
    alpha: [S::f32s; SUMS],
    beta: [S::f32s; SUMS],
    rho_squared: S::f32s,
    kappa: S::f32s,
}

impl WithSimd for PullBack<'_> {
    type Output = PoleGradient;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> PoleGradient {
        let none = simd.splat_f32s(0.0);
        let mut running =
            Running::<S> { alpha: [none; SUMS], beta: [none; SUMS], rho_squared: none, kappa: none };
        for (y, block) in self.nodes.iter().zip(self.cotangents) {
            for (v, &y) in S::as_simd_f32s(y).0.iter().enumerate() {
                let at = |lanes: &Lanes| S::as_simd_f32s(lanes).0[v];
                let cotangents = [0, 1, 2, 3].map(|s| [at(&block.re[s]), at(&block.im[s])]);
                running.add(simd, self.pole, y, cotangents);
            }
        }
        let total = |&vector: &S::f32s| {
            let mut lanes = [0.0f32; LANES];
            S::as_mut_simd_f32s(&mut lanes).0[0] = vector;
            lanes.iter().map(|&lane| f64::from(lane)).sum()
        };
        PoleGradient {
            rho_squared: total(&running.rho_squared),
            kappa: total(&running.kappa),
            alpha: running.alpha.each_ref().map(total),
            beta: running.beta.each_ref().map(total),
        }
    }
}

impl<S: Simd> Running<S> {
    /// One vector of nodes.
    #[inline(always)]
    fn add(&mut self, simd: S, pole: &Pole, y: S::f32s, cotangents: [[S::f32s; 2]; SUMS]) {
        let splat = |x| simd.splat_f32s(x);
        let mul = |a, b| simd.mul_f32s(a, b);
        let neg = |a| simd.neg_f32s(a);
        let mul_add = |a, b, c| simd.mul_add_e_f32s(a, b, c);
        let [re, im] = inverse_of(simd, pole, y);
        let (y_re, y_im) = (mul(y, re), mul(y, im));
        // W = Σ conj(Γ) (α + i y β), and the loss changes by −Re(W q² d(denominator)).
        let (mut plain, mut turned) = ([splat(0.0); 2], [splat(0.0); 2]);
        for (s, [g_re, g_im]) in cotangents.into_iter().enumerate() {
            let (alpha, beta) = (splat(pole.alpha[s]), splat(pole.beta[s]));
            self.alpha[s] = mul_add(g_re, re, mul_add(g_im, im, self.alpha[s]));
            self.beta[s] = mul_add(g_im, y_re, mul_add(neg(g_re), y_im, self.beta[s]));
            plain = [mul_add(alpha, g_re, plain[0]), mul_add(alpha, g_im, plain[1])];
            turned = [mul_add(beta, g_re, turned[0]), mul_add(beta, g_im, turned[1])];
        }
        let (w_re, w_im) = (mul_add(y, turned[1], plain[0]), mul_add(y, turned[0], neg(plain[1])));
        let square_re = mul_add(re, re, neg(mul(im, im)));
        let square_im = mul(mul(splat(2.0), re), im);
        let by_square = mul_add(w_im, square_im, neg(mul(w_re, square_re)));
        self.rho_squared = simd.add_f32s(self.rho_squared, by_square);
        self.kappa = mul_add(neg(y), mul_add(w_re, square_im, mul(w_im, square_re)), self.kappa);
    }
}

/// [`inverse`] of a vector of nodes.
#[inline(always)]
fn inverse_of<S: Simd>(simd: S, pole: &Pole, y: S::f32s) -> [S::f32s; 2] {
    let rho = simd.splat_f32s(pole.rho);
    let re = simd.mul_f32s(simd.sub_f32s(rho, y), simd.add_f32s(rho, y));
    let im = simd.mul_f32s(simd.neg_f32s(y), simd.splat_f32s(pole.kappa));
    let scale = reciprocal_of(simd, simd.mul_add_e_f32s(re, re, simd.mul_f32s(im, im)));
    [simd.mul_f32s(re, scale), simd.mul_f32s(simd.neg_f32s(im), scale)]
}

/// [`reciprocal`] of a vector.
#[inline(always)]
fn reciprocal_of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let bits = simd.sub_u32s(simd.splat_u32s(GUESS), simd.transmute_u32s_f32s(x));
    let (mut guess, one) = (simd.transmute_f32s_u32s(bits), simd.splat_f32s(1.0));
    for _ in 0..STEPS {
        let off = simd.mul_add_e_f32s(simd.neg_f32s(x), guess, one);
        guess = simd.mul_add_e_f32s(guess, off, guess);
    }
    guess
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
