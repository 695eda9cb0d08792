//! The distributions parameters start from.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Normal};

use super::legs::Legs;

/// How a parameter's first values are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// The same value everywhere.
    Constant(f32),
    /// Uniform in [low, high).
    Uniform { low: f32, high: f32 },
    /// Normal around zero.
    Normal { std: f32 },
    /// ln(1), ln(2), …, ln(N) along the last axis: S4D-real's `A_log` (Mamba).
    LogCounting,
    /// ln of a uniform number in [low, high): `A_log` of Mamba-2.
    LogUniform { low: f32, high: f32 },
    /// The inverse softplus of a step size drawn log-uniformly in [low, high) and kept above `floor` (Mamba's `dt_bias`).
    StepSize { low: f32, high: f32, floor: f32 },
    /// A part of HiPPO-LegS's `pairs` oscillations, for one set of poles or many.
    Legs { pairs: usize, part: LegsPart },
    /// Imaginary parts of the poles of a diagonal state space of 2 · `pairs` states, for one set of poles or many.
    Poles { pairs: usize, spread: PoleSpread },
    /// S4's C̃ for a period of `period` samples: a complex normal C, then what the module's other parameters make of it (`settle.rs`).
    Periodic { period: usize, pairs: usize },
    /// The norms of the rows of the module's parameter `of`.
    RowNorms { of: &'static str },
}

/// How the poles of S4D lie on the imaginary axis (Gu et al. 2022, section 4.3), n from 0 to N / 2 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoleSpread {
    /// N/π (N/(2n + 1) − 1).
    Inverse,
    /// π n.
    Linear,
    /// (2n + 1)² / π.
    Quadratic,
}

/// What of HiPPO-LegS a parameter starts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegsPart {
    /// Imaginary parts of the poles, M numbers.
    Frequencies,
    /// B, M pairs of real and imaginary part.
    Input,
    /// P = B / √2, M pairs of real and imaginary part.
    LowRank,
}

impl Init {
    /// Uniform in ±1/√`fan_in`: PyTorch's default for linear and convolution weights and biases.
    pub fn fan_in(fan_in: usize) -> Self {
        let bound = 1.0 / (fan_in as f32).sqrt();
        Init::Uniform { low: -bound, high: bound }
    }

    /// Mamba's step sizes: log-uniform in [1e-3, 0.1), floor 1e-4.
    pub fn mamba_step_size() -> Self {
        Init::StepSize { low: 1e-3, high: 0.1, floor: 1e-4 }
    }

    /// `len` first values; `last` is the extent of the last axis.
    pub fn draw(self, len: usize, last: usize, rng: &mut impl Rng) -> Vec<f32> {
        match self {
            Init::Constant(value) => vec![value; len],
            Init::Uniform { low, high } => (0..len).map(|_| uniform(rng, low, high)).collect(),
            Init::Normal { std } => match Normal::new(0.0f32, std) {
                Ok(normal) => (0..len).map(|_| normal.sample(rng)).collect(),
                Err(_) => vec![0.0; len],
            },
            Init::LogCounting => (0..len).map(|i| ((i % last + 1) as f32).ln()).collect(),
            Init::LogUniform { low, high } => (0..len).map(|_| uniform(rng, low, high).ln()).collect(),
            Init::StepSize { low, high, floor } => {
                (0..len).map(|_| inverse_softplus(step_size(rng, low, high).max(floor))).collect()
            }
            Init::Legs { pairs, part } => repeated(&part.values(pairs), len),
            Init::Poles { pairs, spread } => repeated(&spread.values(pairs), len),
            Init::Periodic { .. } => {
                Init::Normal { std: std::f32::consts::FRAC_1_SQRT_2 }.draw(len, last, rng)
            }
            Init::RowNorms { .. } => vec![0.0; len],
        }
    }
}

impl PoleSpread {
    /// Those of one set of poles.
    fn values(self, pairs: usize) -> Vec<f32> {
        use std::f64::consts::PI;
        let size = 2.0 * pairs as f64;
        let pole = |n: usize| {
            let odd = 2.0 * n as f64 + 1.0;
            match self {
                PoleSpread::Inverse => size / PI * (size / odd - 1.0),
                PoleSpread::Linear => PI * n as f64,
                PoleSpread::Quadratic => odd * odd / PI,
            }
        };
        (0..pairs).map(|n| pole(n) as f32).collect()
    }
}

impl LegsPart {
    /// Those of one set of poles.
    fn values(self, pairs: usize) -> Vec<f32> {
        let legs = Legs::of(pairs);
        let paired = |scale: f64| legs.inputs.iter().flat_map(|b| [(scale * b) as f32, 0.0]).collect();
        match self {
            LegsPart::Frequencies => legs.frequencies.iter().map(|w| *w as f32).collect(),
            LegsPart::Input => paired(1.0),
            LegsPart::LowRank => paired(std::f64::consts::FRAC_1_SQRT_2),
        }
    }
}

/// `len` values of `values` again and again.
fn repeated(values: &[f32], len: usize) -> Vec<f32> {
    values.iter().copied().cycle().take(len).collect()
}

fn uniform(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

fn step_size(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    uniform(rng, low.ln(), high.ln()).exp()
}

/// x with softplus(x) = dt: dt + ln(1 − e^−dt).
fn inverse_softplus(dt: f32) -> f32 {
    dt + (-(-dt).exp_m1()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, stream};

    fn draw(init: Init, len: usize) -> Vec<f32> {
        init.draw(len, 16, &mut stream(1, Purpose::Weight("w"), 0, 0))
    }

    #[test]
    fn step_sizes_lie_in_mambas_range() {
        let steps: Vec<f32> =
            draw(Init::mamba_step_size(), 10_000).into_iter().map(|x| x.exp().ln_1p()).collect();
        assert!(steps.iter().all(|dt| (0.999e-3..0.1001).contains(dt)));
        let mean_log = steps.iter().map(|dt| dt.ln()).sum::<f32>() / 1e4;
        let want = (1e-3f32.ln() + 0.1f32.ln()) / 2.0;
        assert!((mean_log - want).abs() < 3.0 * 1.33 / 100.0, "mean of ln dt is {mean_log}, want {want}");
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let values = draw(Init::fan_in(16), 10_000);
        assert!(values.iter().all(|v| v.abs() <= 0.25));
        assert!(values.iter().any(|v| v.abs() > 0.245));
        let values = draw(Init::Normal { std: 0.02 }, 10_000);
        let std = (values.iter().map(|v| v * v).sum::<f32>() / 1e4).sqrt();
        assert!((std - 0.02).abs() < 3.0 * 0.02 / (2e4f32).sqrt());
    }

    /// The published formulas for N = 64, in f64 by hand: 64/π · 63 and 64/π · (64/63 − 1); π · 31; 63²/π.
    #[test]
    fn poles_of_s4d_are_spread_as_published() {
        let ends = |spread| {
            let poles = draw(Init::Poles { pairs: 32, spread }, 64);
            assert_eq!(poles[..32], poles[32..]);
            [poles[0], poles[31]]
        };
        let close = |spread, want: [f32; 2]| {
            assert!(ends(spread).iter().zip(want).all(|(got, want)| (got - want).abs() <= 1e-6 * want));
        };
        close(PoleSpread::Inverse, [1_283.425_4, 0.323_362_4]);
        close(PoleSpread::Linear, [0.0, 97.389_37]);
        close(PoleSpread::Quadratic, [std::f32::consts::FRAC_1_PI, 1_263.372]);
    }

    #[test]
    fn a_log_counts_states_and_draws_within_range() {
        assert_eq!(draw(Init::LogCounting, 17)[15..], [16f32.ln(), 0.0]);
        let a: Vec<f32> =
            draw(Init::LogUniform { low: 1.0, high: 16.0 }, 1000).into_iter().map(f32::exp).collect();
        assert!(a.iter().all(|a| (1.0..=16.001).contains(a)) && a.iter().any(|&a| a > 15.0));
    }
}
