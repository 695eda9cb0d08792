//! Sound out of noise: the reverse process of Ho et al. 2020 (arXiv 2006.11239), with all steps or few (DiffWave, appendix B).
//!
//! x ← (x − (1 − α_t) / √(1 − ᾱ_t) ε̂(x, t)) / √α_t, then σ_t of fresh noise on top, but for the last step. A shorter schedule has steps of its
//! own; each asks the network at the step of training whose noise level it has, between two of them in proportion.

use std::ops::ControlFlow;

use kernels::{Array, Backend, Tape};
use rand_distr::{Distribution, StandardNormal};

use super::{GenerateError, Made, Progress, Request};
use crate::model::{Diffwave, Model};
use crate::nn::Pass;
use crate::plan::DiffwavePlan;
use crate::seed::{Purpose, stream};
use crate::task::NoiseSchedule;

/// The way from noise to sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Reverse {
    schedule: NoiseSchedule,
    /// The step of training that each step asks the network about.
    asked: Vec<f32>,
}

impl Reverse {
    /// All steps of training.
    pub fn whole(betas: &[f64]) -> Self {
        let asked = (0..betas.len()).map(|step| step as f32).collect();
        Reverse { schedule: NoiseSchedule::new(betas.to_vec()), asked }
    }

    /// The steps of another schedule, by a network that was trained with `trained`.
    pub fn with(betas: &[f64], trained: &[f64]) -> Self {
        let (schedule, trained) = (NoiseSchedule::new(betas.to_vec()), NoiseSchedule::new(trained.to_vec()));
        let asked = schedule.alpha_bars.iter().map(|&bar| place(bar, &trained.alpha_bars)).collect();
        Reverse { schedule, asked }
    }

    /// `count` steps spread evenly over those of training: each takes as much noise away as those that it stands for.
    pub fn thinned(count: usize, trained: &[f64]) -> Self {
        let bars = NoiseSchedule::new(trained.to_vec()).alpha_bars;
        let last = trained.len() - 1;
        let chosen = (1..=count).map(|step| bars[step * last / count]);
        let betas = chosen.scan(1.0, |before, bar| {
            let beta = 1.0 - bar / *before;
            *before = bar;
            Some(beta)
        });
        Self::with(&betas.collect::<Vec<_>>(), trained)
    }

    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.asked.len()
    }

    /// Takes step `t` back: `x` with less of the noise that the network found in it, and `fresh` noise.
    fn step(&self, t: usize, x: &mut [f32], found: &[f32], mut fresh: impl FnMut() -> f32) {
        let (beta, bar) = (self.schedule.betas[t], self.schedule.alpha_bars[t]);
        let (share, scale) = ((beta / (1.0 - bar).sqrt()) as f32, (1.0 / (1.0 - beta).sqrt()) as f32);
        let sigma = if t == 0 { 0.0 } else { self.schedule.sigma(t) as f32 };
        for (x, found) in x.iter_mut().zip(found) {
            *x = (*x - share * found) * scale;
            if t > 0 {
                *x += sigma * fresh();
            }
        }
    }
}

/// Where between the steps of training √ᾱ is that of `bar`; the nearest end outside of them.
fn place(bar: f64, trained: &[f64]) -> f32 {
    let level = bar.sqrt();
    let between = |t: &usize| trained[*t + 1].sqrt() <= level && level <= trained[*t].sqrt();
    match (0..trained.len() - 1).find(between) {
        Some(t) => {
            let (upper, lower) = (trained[t].sqrt(), trained[t + 1].sqrt());
            (t as f64 + (upper - level) / (upper - lower)) as f32
        }
        None if level > trained[0].sqrt() => 0.0,
        None => (trained.len() - 1) as f32,
    }
}

/// Takes the noise out of noise, clip by clip.
pub(super) fn generate<D: Backend>(
    device: &D,
    model: &Model<D>,
    plan: &DiffwavePlan,
    network: &Diffwave,
    request: &Request,
    watch: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Vec<Made>, GenerateError> {
    if !request.prompt.is_empty() {
        return Err(GenerateError::Prompt);
    }
    let most = plan.tiers.s4.period;
    if request.samples > most {
        return Err(GenerateError::TooLong { asked: request.samples, most });
    }
    let reverse = match (request.fast, request.steps) {
        (true, _) => Reverse::with(&plan.fast_betas, &plan.betas),
        (false, 0) => Reverse::whole(&plan.betas),
        (false, count) => Reverse::thinned(count.min(plan.betas.len()), &plan.betas),
    };
    let len = request.samples.next_multiple_of(plan.tiers.hop_samples());
    let steps = reverse.steps();
    let of = request.clips * steps * len;
    let mut made = Vec::with_capacity(request.clips);
    for clip in 0..request.clips {
        let mut draws = stream(request.sampling.seed, Purpose::Generation, clip as u64, 0);
        let mut noise = || -> f32 { StandardNormal.sample(&mut draws) };
        let mut x: Vec<f32> = (0..len).map(|_| noise()).collect();
        for t in (0..steps).rev() {
            let input = Array::from_vec(device, x.clone(), [1, len])?;
            let mut tape = Tape::silent();
            let mut pass = Pass::at_rest(&model.params, &mut tape);
            let found = network.forward(&mut pass, &input, &[reverse.asked[t]])?;
            reverse.step(t, &mut x, &found.download()?, &mut noise);
            let done = (clip * steps + steps - t) * len;
            if watch(Progress::Making { done, of }).is_break() {
                return Err(GenerateError::Stopped);
            }
        }
        x.truncate(request.samples);
        made.push(Made { waveform: x, mean_log_likelihood: None });
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn betas() -> Vec<f64> {
        (0..200).map(|step| 1e-4 + (0.02 - 1e-4) * step as f64 / 199.0).collect()
    }

    #[test]
    fn noise_levels_find_their_place_among_those_of_training() {
        let trained = NoiseSchedule::new(betas());
        assert_eq!(place(trained.alpha_bars[7], &trained.alpha_bars), 7.0);
        let between = ((trained.alpha_bars[7].sqrt() + trained.alpha_bars[8].sqrt()) / 2.0).powi(2);
        assert!((place(between, &trained.alpha_bars) - 7.5).abs() < 1e-5);
        assert_eq!((place(1.0, &trained.alpha_bars), place(0.0, &trained.alpha_bars)), (0.0, 199.0));
        let fast = Reverse::with(&[1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5], &betas());
        assert!(fast.asked.is_sorted() && fast.asked[0] == 0.0, "{:?}", fast.asked);
    }

    #[test]
    fn fewer_steps_end_at_the_same_noise() {
        let thinned = Reverse::thinned(10, &betas());
        let last = |reverse: &Reverse| *reverse.schedule.alpha_bars.last().unwrap();
        assert_eq!(thinned.steps(), 10);
        assert!((last(&thinned) - last(&Reverse::whole(&betas()))).abs() < 1e-12);
        assert!((thinned.asked[9] - 199.0).abs() < 1e-3);
    }

    /// Where the network finds exactly the noise that was added, the way back ends at the sound.
    #[test]
    fn a_perfect_network_brings_the_sound_back() {
        for reverse in [Reverse::whole(&betas()), Reverse::thinned(20, &betas())] {
            let sound = [0.5f32, -0.25, 0.0];
            let mut x = [1.0f32, -0.4, 0.3];
            for t in (0..reverse.steps()).rev() {
                let bar = reverse.schedule.alpha_bars[t];
                let found: Vec<f32> = x
                    .iter()
                    .zip(sound)
                    .map(|(&x, sound)| {
                        ((f64::from(x) - bar.sqrt() * f64::from(sound)) / (1.0 - bar).sqrt()) as f32
                    })
                    .collect();
                let mut sign = 1.0;
                reverse.step(t, &mut x, &found, || {
                    sign = -sign;
                    sign
                });
            }
            assert!(x.iter().zip(sound).all(|(x, sound)| (x - sound).abs() < 1e-4), "{x:?}");
        }
    }
}
