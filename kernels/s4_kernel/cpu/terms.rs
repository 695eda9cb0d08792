//! Sums over poles at nodes on the imaginary axis, in real arithmetic.
//!
//! A pole a and its conjugate contribute v/(z − a) + v̄/(z − ā) = (α + i y β) / ((ρ² − y²) − i y κ) at z = i y, with α = −2 Re(v ā),
//! β = 2 Re v, ρ = |a| and κ = 2 Re a. The four sums of S4 share the denominators.

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

/// Nodes at a time on the way back: one vector, so that the ten running sums of a pole stay in registers.
const NARROW: usize = 16;

/// Running sums of one pole's derivatives, lane by lane.
struct Running {
    alpha: [[f32; NARROW]; SUMS],
    beta: [[f32; NARROW]; SUMS],
    rho_squared: [f32; NARROW],
    kappa: [f32; NARROW],
}

/// What all nodes say about `pole`: `cotangents` are ∂loss/∂Re + i ∂loss/∂Im of the four sums. Call it inside `simd::dispatch`.
#[inline(always)]
pub(super) fn pull_back(pole: &Pole, nodes: &[Lanes], cotangents: &[Block]) -> PoleGradient {
    let none = [0.0; NARROW];
    let mut running = Running { alpha: [none; SUMS], beta: [none; SUMS], rho_squared: none, kappa: none };
    for (y, block) in nodes.iter().zip(cotangents) {
        for first in [0, NARROW] {
            add_nodes(pole, y, block, first, &mut running);
        }
    }
    let total = |lanes: &[f32; NARROW]| lanes.iter().map(|&lane| f64::from(lane)).sum();
    PoleGradient {
        rho_squared: total(&running.rho_squared),
        kappa: total(&running.kappa),
        alpha: running.alpha.each_ref().map(total),
        beta: running.beta.each_ref().map(total),
    }
}

#[inline(always)]
fn add_nodes(pole: &Pole, y: &Lanes, cotangents: &Block, first: usize, running: &mut Running) {
    for l in 0..NARROW {
        let at = first + l;
        let y = y[at];
        let [re, im] = inverse(pole, y);
        let (y_re, y_im) = (y * re, y * im);
        // W = Σ conj(Γ) (α + i y β), and the loss changes by −Re(W q² d(denominator)).
        let (mut plain, mut turned) = ([0.0f32; 2], [0.0f32; 2]);
        for s in 0..SUMS {
            let (g_re, g_im) = (cotangents.re[s][at], cotangents.im[s][at]);
            running.alpha[s][l] = g_re.mul_add(re, g_im.mul_add(im, running.alpha[s][l]));
            running.beta[s][l] = g_im.mul_add(y_re, (-g_re).mul_add(y_im, running.beta[s][l]));
            plain = [pole.alpha[s].mul_add(g_re, plain[0]), pole.alpha[s].mul_add(g_im, plain[1])];
            turned = [pole.beta[s].mul_add(g_re, turned[0]), pole.beta[s].mul_add(g_im, turned[1])];
        }
        let (w_re, w_im) = (y.mul_add(turned[1], plain[0]), y.mul_add(turned[0], -plain[1]));
        let (square_re, square_im) = (re.mul_add(re, -(im * im)), 2.0 * re * im);
        running.rho_squared[l] += w_im.mul_add(square_im, -(w_re * square_re));
        running.kappa[l] = (-y).mul_add(w_re.mul_add(square_im, w_im * square_re), running.kappa[l]);
    }
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
