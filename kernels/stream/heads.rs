//! S4's heads, one sample at a time, many beside each other.
//!
//! With [`crate::s4_step`]'s step x ← α x + β u − γ s, s = σ(x) + h u, everything is linear in a state and the inputs since. So a state need
//! not move at every sample: for a turn of [`TURN`] samples, the outputs are functionals of the state before the turn, found
//! beforehand, plus the first taps of the impulse response times the inputs of the turn ([`States::respond`]). When a turn is over, its steps are
//! taken at once, each state read and written a single time, and the functionals of the next turn found from what is at hand
//! ([`States::advance`]). States are kept divided by β, which saves its product. Coefficients are derived in f64.
//!
//! Vectors run over heads: for a vector of heads, the coefficients of the first pair, of the second, …

use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use realfft::num_complex::Complex64;

use super::{Aligned, SHARDS, share};
use crate::s4_step::{Step, System};
use crate::s4d_kernel::Rule;
use crate::s4d_kernel::rule::Diagonal;
use crate::simd;

/// Samples between two moves of a state.
const TURN: usize = 4;
/// Vectors of coefficients for each pair: α, −γ/β, and σ and η of each sample of a turn, in two parts each.
const COEFFICIENTS: usize = 4 * (1 + TURN);
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
    /// C̃ [H, M, 2] where there is a correction, else C.
    pub c: &'a [f32],
    /// Direct term, [H].
    pub d: &'a [f32],
    /// What beside poles there is.
    pub kind: Kind<'a>,
}

/// What beside poles a state space has.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'a> {
    /// S4's correction of rank one.
    LowRank {
        /// P, [G, M, 2].
        p: &'a [f32],
        /// B, [G, M, 2].
        b: &'a [f32],
        /// Samples of the period that C̃ was made for.
        period: usize,
    },
    /// S4D's: nothing, but a rule of discretisation.
    Diagonal(Rule),
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
        let dt = f64::from(self.log_dt[head]).exp();
        let w = poles.map(|(real, imag)| Complex64::new(-real.exp(), imag)).collect();
        let (c, d) = (complex(self.c, head), f64::from(self.d[head]));
        match self.kind {
            Kind::Diagonal(rule) => {
                let (step, direct) = Diagonal { dt, w, c }.step(rule);
                Some(Head::new(&step, d + direct))
            }
            Kind::LowRank { p, b, period } => {
                let (p, b) = (complex(p, group), complex(b, group));
                let mut system = System { dt, w, p, b, c: Vec::new() };
                system.c = system.from_periodic(&c, period)?;
                Some(Head::new(&system.step(), d))
            }
        }
    }
}

/// One head's turn in f64.
struct Head {
    /// α and −γ/β of each pair.
    moves: Vec<[Complex64; 2]>,
    /// For each sample of a turn, σ and η of each pair: what the state before the turn contributes to s and to the output.
    functionals: [Vec<[Complex64; 2]>; TURN],
    /// What an input contributes to s and to the output, from its own sample on.
    taps: [[f64; 2]; TURN],
}

impl Head {
    fn new(step: &Step, d: f64) -> Self {
        let beta = reached(step);
        let moves = step
            .alpha
            .iter()
            .zip(&step.gamma)
            .zip(&beta)
            .map(|((alpha, gamma), beta)| [*alpha, -gamma / beta]);
        // Both functionals of the state that the step before left; each goes one step back at a time.
        let (e, mut sigma) = (twice_real(&step.c, &step.gamma), step.g.clone());
        let mut eta = back(step, &step.c);
        let mut taps = [[step.h, twice_real(&step.c, &step.beta) - e * step.h + d]; TURN];
        // What the first input leaves in the state.
        let left: Vec<Complex64> =
            step.beta.iter().zip(&step.gamma).map(|(beta, gamma)| beta - gamma * step.h).collect();
        let functionals = std::array::from_fn(|sample| {
            if let Some(tap) = taps.get_mut(sample + 1) {
                *tap = [twice_real(&sigma, &left), twice_real(&eta, &left)];
            }
            let scaled = sigma
                .iter()
                .zip(&eta)
                .zip(&beta)
                .map(|((sigma, eta), beta)| [2.0 * sigma * beta, 2.0 * eta * beta]);
            let scaled = scaled.collect();
            (sigma, eta) = (back(step, &sigma), back(step, &eta));
            scaled
        });
        Head { moves: moves.collect(), functionals, taps }
    }
}

/// 2 Re Σ a b.
fn twice_real(a: &[Complex64], b: &[Complex64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| 2.0 * (a * b).re).sum()
}

/// The functional of the state before a step that is `functional` of the state behind it, without input.
fn back(step: &Step, functional: &[Complex64]) -> Vec<Complex64> {
    let e = twice_real(functional, &step.gamma);
    functional.iter().zip(&step.alpha).zip(&step.g).map(|((f, alpha), g)| f * alpha - e * g).collect()
}

/// β, kept away from zero.
fn reached(step: &Step) -> Vec<Complex64> {
    let sizes = step.beta.iter().chain(&step.gamma).map(|x| x.norm());
    let faintest = FAINTEST * sizes.fold(f64::MIN_POSITIVE / FAINTEST, f64::max);
    step.beta.iter().map(|beta| if beta.norm() < faintest { faintest.into() } else { *beta }).collect()
}

/// Heads of one layer, packed for stepping.
#[derive(Debug)]
pub struct Heads {
    count: usize,
    pairs: usize,
    /// For each vector of heads and each pair: α, −γ/β, then for each sample of a turn σ and η with the imaginary part's sign turned; real before
    /// imaginary.
    coefficients: Aligned,
    /// [TURN, stride] each: what an input adds to s and to the output, from its own sample on.
    s_taps: Aligned,
    y_taps: Aligned,
}

impl Heads {
    fn pack(pairs: usize, heads: &[Head]) -> Self {
        let width = simd::width();
        let padded = heads.len().max(1).next_multiple_of(width);
        let mut packed = Heads {
            count: heads.len(),
            pairs,
            coefficients: Aligned::zeros(padded * pairs * COEFFICIENTS),
            s_taps: Aligned::zeros(TURN * padded),
            y_taps: Aligned::zeros(TURN * padded),
        };
        for (index, head) in heads.iter().enumerate() {
            for (sample, tap) in head.taps.iter().enumerate() {
                packed.s_taps[sample * padded + index] = tap[0] as f32;
                packed.y_taps[sample * padded + index] = tap[1] as f32;
            }
            let first = index / width * width * pairs * COEFFICIENTS + index % width;
            for (n, [alpha, gamma]) in head.moves.iter().enumerate() {
                let functionals = head.functionals.iter().flat_map(|sample| sample[n]);
                let parts = [alpha.re, alpha.im, gamma.re, gamma.im];
                let parts = parts.into_iter().chain(functionals.flat_map(|f| [f.re, -f.im]));
                for (i, part) in parts.enumerate() {
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
        self.s_taps.len() / TURN
    }
}

/// The states of some heads in some lanes.
#[derive(Debug)]
pub struct States {
    lanes: usize,
    /// Samples of the turn that have come.
    sample: usize,
    /// For each vector of heads, each lane and each pair: the real part, the imaginary part.
    x: Aligned,
    /// [TURN, lanes, stride] each: the inputs of the turn, and what the state before it adds to s and to the output.
    u: Aligned,
    sigma: Aligned,
    eta: Aligned,
}

impl States {
    /// At rest.
    pub fn new(heads: &Heads, lanes: usize) -> Self {
        let each = || Aligned::zeros(TURN * lanes * heads.stride());
        let x = Aligned::zeros(lanes * heads.stride() * heads.pairs * 2);
        States { lanes, sample: 0, x, u: each(), sigma: each(), eta: each() }
    }

    /// Back to rest.
    pub fn reset(&mut self) {
        self.sample = 0;
        [&mut self.x, &mut self.u, &mut self.sigma, &mut self.eta]
            .into_iter()
            .for_each(|part| part.fill(0.0));
    }

    /// The outputs y [lanes, [`Heads::stride`]] for the next inputs, of which each lane's start at `u[first]`, `stride` apart.
    ///
    /// [`States::advance`] has to follow.
    pub fn respond(&mut self, heads: &Heads, u: &[f32], first: usize, stride: usize, y: &mut [f32]) {
        let (padded, len) = (heads.stride(), self.lanes * heads.stride());
        let now = &mut self.u[self.sample * len..][..len];
        for (lane, to) in now.chunks_exact_mut(padded).enumerate() {
            to[..heads.count].copy_from_slice(&u[lane * stride + first..][..heads.count]);
        }
        let (sample, u) = (self.sample, &self.u);
        y.copy_from_slice(&self.eta[sample * len..][..len]);
        simd::dispatch(
            #[inline(always)]
            || {
                for (before, u) in u.chunks_exact(len).take(sample + 1).enumerate() {
                    let taps = &heads.y_taps[(sample - before) * padded..][..padded];
                    for (y, u) in y.chunks_exact_mut(padded).zip(u.chunks_exact(padded)) {
                        for ((y, u), tap) in y.iter_mut().zip(u).zip(taps) {
                            *y = tap.mul_add(*u, *y);
                        }
                    }
                }
            },
        );
    }

    /// Goes on to the next sample; at the end of a turn, all of its inputs go into the state.
    pub fn advance(&mut self, heads: &Heads) {
        self.sample += 1;
        if self.sample == TURN {
            self.sample = 0;
            simd::with(Advance { heads, states: self });
        }
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
        let (taps, _) = S::as_simd_f32s(&heads.s_taps);
        let (u, _) = S::as_simd_f32s(&states.u);
        let (sigma, _) = S::as_mut_simd_f32s(&mut states.sigma);
        let (eta, _) = S::as_mut_simd_f32s(&mut states.eta);
        let (x, _) = S::as_mut_simd_f32s(&mut states.x);
        let (pairs, vectors) = (heads.pairs, taps.len() / TURN);
        let mut x = x.chunks_exact_mut(2 * pairs);
        for (vector, coefficients) in coefficients.chunks_exact(COEFFICIENTS * pairs).enumerate() {
            for (lane, x) in x.by_ref().take(states.lanes).enumerate() {
                let at = |sample: usize| (sample * states.lanes + lane) * vectors + vector;
                let u: [S::f32s; TURN] = std::array::from_fn(|sample| u[at(sample)]);
                let s: [S::f32s; TURN] = std::array::from_fn(|sample| {
                    let each = u[..=sample].iter().rev().enumerate();
                    each.fold(sigma[at(sample)], |s, (tap, u)| {
                        simd.mul_add_f32s(taps[tap * vectors + vector], *u, s)
                    })
                });
                let [next_sigma, next_eta] = turn(simd, coefficients, x, u, s);
                for sample in 0..TURN {
                    (sigma[at(sample)], eta[at(sample)]) = (next_sigma[sample], next_eta[sample]);
                }
            }
        }
    }
}

/// The steps of a turn for one vector of heads in one lane; σ and η of the next turn.
#[inline(always)]
fn turn<S: Simd>(
    simd: S,
    coefficients: &[S::f32s],
    x: &mut [S::f32s],
    u: [S::f32s; TURN],
    s: [S::f32s; TURN],
) -> [[S::f32s; TURN]; 2] {
    let [mut sigma, mut eta] = [[simd.splat_f32s(0.0); TURN]; 2];
    let (coefficients, _) = coefficients.as_chunks::<COEFFICIENTS>();
    let (x, _) = x.as_chunks_mut::<2>();
    for (coefficients, x) in coefficients.iter().zip(x) {
        let [a_re, a_im, c_re, c_im, functionals @ ..] = coefficients;
        let [mut re, mut im] = *x;
        for (u, s) in u.iter().zip(&s) {
            let added_re = simd.mul_add_f32s(*c_re, *s, *u);
            let added_im = simd.mul_f32s(*c_im, *s);
            (re, im) = (
                simd.mul_add_f32s(*a_re, re, simd.negate_mul_add_f32s(*a_im, im, added_re)),
                simd.mul_add_f32s(*a_re, im, simd.mul_add_f32s(*a_im, re, added_im)),
            );
        }
        *x = [re, im];
        let (functionals, _) = functionals.as_chunks::<4>();
        for (sample, [s_re, s_im, e_re, e_im]) in functionals.iter().enumerate() {
            sigma[sample] = simd.mul_add_f32s(*s_im, im, simd.mul_add_f32s(*s_re, re, sigma[sample]));
            eta[sample] = simd.mul_add_f32s(*e_im, im, simd.mul_add_f32s(*e_re, re, eta[sample]));
        }
    }
    [sigma, eta]
}
