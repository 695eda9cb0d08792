//! S4's heads, one sample at a time, many beside each other.
//!
//! With [`crate::s4_step`]'s step x ← α x + β u − γ s, s = σ(x) + h u, the output is linear in the state before it and in u:
//! y = η(x) + k u. So a sample is answered at once from η(x), which is known before u is ([`States::respond`]), and the state follows
//! later ([`States::advance`]), in one pass that leaves σ and η of the new state behind. States are kept divided by β, which saves its
//! product. All of it is derived in f64.
//!
//! Vectors run over heads: for a vector of heads, the coefficients of the first pair, of the second, …

use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use realfft::num_complex::Complex64;

use super::{Aligned, SHARDS, share};
use crate::s4_step::System;
use crate::simd;

/// Vectors of coefficients for each pair: α, −γ/β, σ, η, each in two parts.
const COEFFICIENTS: usize = 8;
/// A |β| below this share of the largest of β and γ counts as this share of it, since states are divided by β.
const FAINTEST: f64 = 1e-12;

/// The parameters of a layer's state spaces as a checkpoint has them; complex numbers as pairs in a last axis. H heads, M pairs, and G = 1
/// set of poles for all heads, or H.
#[derive(Debug, Clone, Copy)]
pub struct Spaces<'a> {
    /// M.
    pub pairs: usize,
    /// ln dt, [H].
    pub log_dt: &'a [f32],
    /// ln(−Re w), [G, M].
    pub log_w_real: &'a [f32],
    /// Im w, [G, M].
    pub w_imag: &'a [f32],
    /// P, [G, M, 2].
    pub p: &'a [f32],
    /// B, [G, M, 2].
    pub b: &'a [f32],
    /// C̃, [H, M, 2].
    pub c: &'a [f32],
    /// Direct term, [H].
    pub d: &'a [f32],
    /// Samples of the period that C̃ was made for.
    pub period: usize,
}

/// The C̃ of this head determines no recurrence: a mode does not decay at all within the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRecurrence {
    /// Which head.
    pub head: usize,
}

impl Spaces<'_> {
    /// The heads of each half, ready to step; `done` is told of every head that is derived, from any thread.
    ///
    /// A head costs the powers of a matrix of 2M rows: all threads work.
    ///
    /// # Errors
    /// A head has no recurrence.
    pub fn heads(&self, done: &(dyn Fn() + Sync)) -> Result<[Heads; SHARDS], NoRecurrence> {
        let derive = |head| {
            let derived = self.head(head);
            done();
            derived.ok_or(NoRecurrence { head })
        };
        let heads: Vec<Head> =
            (0..self.log_dt.len()).into_par_iter().map(derive).collect::<Result<_, _>>()?;
        Ok(std::array::from_fn(|shard| Heads::pack(self.pairs, &heads[share(heads.len(), shard)])))
    }

    fn head(&self, head: usize) -> Option<Head> {
        let group = if self.log_w_real.len() == self.pairs { 0 } else { head };
        let of = |values: &[f32], index: usize, len: usize| -> Vec<f64> {
            values[index * len..][..len].iter().map(|x| f64::from(*x)).collect()
        };
        let complex = |values: &[f32], index: usize| -> Vec<Complex64> {
            let parts = of(values, index, 2 * self.pairs);
            parts.chunks_exact(2).map(|part| Complex64::new(part[0], part[1])).collect()
        };
        let poles =
            of(self.log_w_real, group, self.pairs).into_iter().zip(of(self.w_imag, group, self.pairs));
        let mut system = System {
            dt: f64::from(self.log_dt[head]).exp(),
            w: poles.map(|(real, imag)| Complex64::new(-real.exp(), imag)).collect(),
            p: complex(self.p, group),
            b: complex(self.b, group),
            c: Vec::new(),
        };
        system.c = system.from_periodic(&complex(self.c, head), self.period)?;
        Some(Head::new(&system, f64::from(self.d[head])))
    }
}

/// One head's step in f64.
struct Head {
    /// α, −γ/β, σ, η for each pair.
    pairs: Vec<[Complex64; 4]>,
    h: f64,
    k: f64,
}

impl Head {
    fn new(system: &System, d: f64) -> Self {
        let step = system.step();
        let twice_real = |a: &[Complex64], b: &[Complex64]| -> f64 {
            a.iter().zip(b).map(|(a, b)| 2.0 * (a * b).re).sum()
        };
        let e = twice_real(&step.c, &step.gamma);
        let sizes = step.beta.iter().chain(&step.gamma).map(|x| x.norm());
        let faintest = FAINTEST * sizes.fold(f64::MIN_POSITIVE / FAINTEST, f64::max);
        let pairs = (0..step.alpha.len()).map(|n| {
            let beta = if step.beta[n].norm() < faintest { faintest.into() } else { step.beta[n] };
            let (alpha, g) = (step.alpha[n], step.g[n]);
            [alpha, -step.gamma[n] / beta, 2.0 * g * beta, 2.0 * (step.c[n] * alpha - e * g) * beta]
        });
        let k = twice_real(&step.c, &step.beta) - e * step.h + d;
        Head { pairs: pairs.collect(), h: step.h, k }
    }
}

/// Heads of one layer, packed for stepping.
#[derive(Debug)]
pub struct Heads {
    count: usize,
    pairs: usize,
    /// For each vector of heads and each pair: α, −γ/β, then σ and η with the imaginary part's sign turned, real before imaginary.
    coefficients: Aligned,
    h: Aligned,
    k: Aligned,
}

impl Heads {
    fn pack(pairs: usize, heads: &[Head]) -> Self {
        let width = simd::width();
        let padded = heads.len().max(1).next_multiple_of(width);
        let mut packed = Heads {
            count: heads.len(),
            pairs,
            coefficients: Aligned::zeros(padded * pairs * COEFFICIENTS),
            h: Aligned::zeros(padded),
            k: Aligned::zeros(padded),
        };
        for (index, head) in heads.iter().enumerate() {
            (packed.h[index], packed.k[index]) = (head.h as f32, head.k as f32);
            let first = index / width * width * pairs * COEFFICIENTS + index % width;
            for (n, [alpha, gamma, sigma, eta]) in head.pairs.iter().enumerate() {
                let parts = [alpha.re, alpha.im, gamma.re, gamma.im, sigma.re, -sigma.im, eta.re, -eta.im];
                for (i, part) in parts.into_iter().enumerate() {
                    packed.coefficients[first + (n * COEFFICIENTS + i) * width] = part as f32;
                }
            }
        }
        packed
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How far the outputs of two lanes lie apart: [`Heads::count`] up to a whole vector.
    pub fn stride(&self) -> usize {
        self.h.len()
    }
}

/// The states of some heads in some lanes.
#[derive(Debug)]
pub struct States {
    lanes: usize,
    /// For each vector of heads, each lane and each pair: the real part, the imaginary part.
    x: Aligned,
    /// [lanes, stride] each: the last input, and σ and η of the state.
    u: Aligned,
    sigma: Aligned,
    eta: Aligned,
}

impl States {
    /// At rest.
    pub fn new(heads: &Heads, lanes: usize) -> Self {
        let each = || Aligned::zeros(lanes * heads.stride());
        let x = Aligned::zeros(lanes * heads.stride() * heads.pairs * 2);
        States { lanes, x, u: each(), sigma: each(), eta: each() }
    }

    /// Back to rest.
    pub fn reset(&mut self) {
        [&mut self.x, &mut self.u, &mut self.sigma, &mut self.eta]
            .into_iter()
            .for_each(|part| part.fill(0.0));
    }

    /// The outputs y [lanes, [`Heads::stride`]] for the next inputs, of which each lane's start at `u[first]`, `stride` apart.
    ///
    /// The state does not move before [`States::advance`].
    pub fn respond(&mut self, heads: &Heads, u: &[f32], first: usize, stride: usize, y: &mut [f32]) {
        let padded = heads.stride();
        for (lane, to) in self.u.chunks_exact_mut(padded).enumerate() {
            to[..heads.count].copy_from_slice(&u[lane * stride + first..][..heads.count]);
        }
        let lanes =
            y.chunks_exact_mut(padded).zip(self.u.chunks_exact(padded)).zip(self.eta.chunks_exact(padded));
        simd::dispatch(
            #[inline(always)]
            || {
                for ((y, u), eta) in lanes {
                    for (((y, u), eta), k) in y.iter_mut().zip(u).zip(eta).zip(&*heads.k) {
                        *y = k.mul_add(*u, *eta);
                    }
                }
            },
        );
    }

    /// Takes the inputs of the last [`States::respond`] into the state.
    pub fn advance(&mut self, heads: &Heads) {
        simd::with(Advance { heads, states: self });
    }
}

struct Advance<'a> {
    heads: &'a Heads,
    states: &'a mut States,
}

impl WithSimd for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Advance { heads, states } = self;
        let (coefficients, _) = S::as_simd_f32s(&heads.coefficients);
        let (h, _) = S::as_simd_f32s(&heads.h);
        let (u, _) = S::as_simd_f32s(&states.u);
        let (sigma, _) = S::as_mut_simd_f32s(&mut states.sigma);
        let (eta, _) = S::as_mut_simd_f32s(&mut states.eta);
        let (x, _) = S::as_mut_simd_f32s(&mut states.x);
        let (pairs, vectors) = (heads.pairs, h.len());
        let mut x = x.chunks_exact_mut(2 * pairs);
        for (vector, coefficients) in coefficients.chunks_exact(COEFFICIENTS * pairs).enumerate() {
            for (lane, x) in x.by_ref().take(states.lanes).enumerate() {
                let at = lane * vectors + vector;
                let s = simd.mul_add_f32s(h[vector], u[at], sigma[at]);
                (sigma[at], eta[at]) = walk(simd, coefficients, x, u[at], s);
            }
        }
    }
}

/// One step of one vector of heads in one lane; σ and η of the state that it leaves.
#[inline(always)]
fn walk<S: Simd>(
    simd: S,
    coefficients: &[S::f32s],
    x: &mut [S::f32s],
    u: S::f32s,
    s: S::f32s,
) -> (S::f32s, S::f32s) {
    let mut sums = [simd.splat_f32s(0.0); 4];
    let (coefficients, _) = coefficients.as_chunks::<COEFFICIENTS>();
    let (x, _) = x.as_chunks_mut::<2>();
    for ([a_re, a_im, c_re, c_im, s_re, s_im, e_re, e_im], x) in coefficients.iter().zip(x) {
        let [re, im] = *x;
        let new_re = simd.mul_add_f32s(*c_re, s, u);
        let new_im = simd.mul_f32s(*c_im, s);
        let new_re = simd.mul_add_f32s(*a_re, re, simd.negate_mul_add_f32s(*a_im, im, new_re));
        let new_im = simd.mul_add_f32s(*a_re, im, simd.mul_add_f32s(*a_im, re, new_im));
        *x = [new_re, new_im];
        sums = [
            simd.mul_add_f32s(*s_re, new_re, sums[0]),
            simd.mul_add_f32s(*s_im, new_im, sums[1]),
            simd.mul_add_f32s(*e_re, new_re, sums[2]),
            simd.mul_add_f32s(*e_im, new_im, sums[3]),
        ];
    }
    (simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]))
}
