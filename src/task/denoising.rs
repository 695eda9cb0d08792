//! Which noise was added? Examples and loss of a diffusion model (DiffWave, Kong et al. 2021, arXiv 2009.09761; Ho et al. 2020).
//!
//! Of a clip x at diffusion step t, x_t = √ᾱ_t x + √(1 − ᾱ_t) z with z normal; the loss is the mean of (ε̂(x_t, t) − z)². Not for: making
//! sound of noise.

use std::collections::BTreeMap;

use kernels::{Array, Backend, OpError};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::{Losses, MicroBatch};
use crate::data::Batch;
use crate::plan::{Body, DiffwavePlan, Plan};

/// How much of a clip is left after each diffusion step.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSchedule {
    /// β of each step.
    pub betas: Vec<f64>,
    /// ᾱ: the product of 1 − β up to each step.
    pub alpha_bars: Vec<f64>,
}

impl NoiseSchedule {
    /// The schedule with these variances.
    pub fn new(betas: Vec<f64>) -> Self {
        let product = |bar: &mut f64, beta: &f64| {
            *bar *= 1.0 - beta;
            Some(*bar)
        };
        let alpha_bars = betas.iter().scan(1.0, product).collect();
        NoiseSchedule { betas, alpha_bars }
    }

    /// Standard deviation of the noise that is put back after step `t` on the way from noise to sound.
    pub fn sigma(&self, t: usize) -> f64 {
        match t {
            0 => self.betas[0].sqrt(),
            t => (self.betas[t] * (1.0 - self.alpha_bars[t - 1]) / (1.0 - self.alpha_bars[t])).sqrt(),
        }
    }
}

/// How clips become examples.
#[derive(Debug, Clone)]
pub struct Denoising {
    schedule: NoiseSchedule,
    /// Samples of every example: shorter clips are followed by silence.
    clip: usize,
}

/// Noisy clips, and their noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Noised {
    /// x_t [B, L], row by row.
    pub inputs: Vec<f32>,
    /// z [B, L].
    pub noise: Vec<f32>,
    /// t [B], whole numbers.
    pub steps: Vec<f32>,
    /// L.
    pub len: usize,
}

impl Denoising {
    /// The task of a plan; `None` where its model learns something else.
    pub fn of(plan: &Plan) -> Option<Self> {
        let Body::Diffwave(diffwave) = &plan.model.body else { return None };
        let DiffwavePlan { tiers, betas, .. } = &**diffwave;
        let clip = plan.data.clips.map_or(tiers.s4.period, |clips| clips.samples);
        Some(Denoising {
            schedule: NoiseSchedule::new(betas.clone()),
            clip: clip.next_multiple_of(tiers.hop_samples()),
        })
    }

    /// The examples of a batch: a step for each clip, then its noise, drawn from `rng`.
    pub fn examples(&self, batch: &Batch, rng: &mut Pcg64Mcg) -> Noised {
        let len = self.clip;
        let mut noised =
            Noised { inputs: Vec::new(), noise: Vec::new(), steps: Vec::with_capacity(batch.len()), len };
        for (row, &samples) in batch.samples.iter().enumerate() {
            let step = rng.random_range(0..self.schedule.betas.len());
            let bar = self.schedule.alpha_bars[step];
            let (sound, noise) = (bar.sqrt() as f32, (1.0 - bar).sqrt() as f32);
            let clip = &batch.waveforms[row * batch.padded_samples..][..samples];
            for index in 0..len {
                let z: f32 = StandardNormal.sample(rng);
                noised.noise.push(z);
                noised.inputs.push(sound * clip.get(index).copied().unwrap_or(0.0) + noise * z);
            }
            noised.steps.push(step as f32);
        }
        noised
    }

    /// The loss of what a network takes for the noise, [B, L]: a sum over samples, how many they are, and the gradient of the sum.
    ///
    /// # Errors
    /// The device failed.
    pub fn micro_batch<D: Backend>(
        &self,
        taken: Array<D>,
        noised: &Noised,
    ) -> Result<MicroBatch<D>, OpError> {
        let values = taken.download()?;
        let errors: Vec<f32> = values.iter().zip(&noised.noise).map(|(taken, z)| taken - z).collect();
        let total = squares(&errors);
        let seed = errors.into_iter().map(|error| 2.0 * error).collect();
        Ok(MicroBatch {
            seeds: vec![(taken, seed)],
            count: noised.noise.len() as f64,
            losses: Losses::known(total, []),
            infinite: 0,
        })
    }
}

fn squares(errors: &[f32]) -> f64 {
    errors.iter().map(|&error| f64::from(error).powi(2)).sum()
}

/// How well the noise on a clip was told: a line of preds.jsonl.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Denoised {
    pub name: String,
    /// The diffusion step that was drawn for it.
    pub step: usize,
    /// Mean squared error.
    pub mse: f64,
}

/// Collects clips and says how well the model told their noise.
#[derive(Debug, Default)]
pub struct NoiseJudge {
    clips: Vec<Denoised>,
}

impl NoiseJudge {
    /// Judges a batch by what the network took for the noise, [B, L].
    pub fn add(&mut self, batch: &Batch, noised: &Noised, taken: &[f32]) {
        let rows = taken.chunks_exact(noised.len).zip(noised.noise.chunks_exact(noised.len));
        for (row, (taken, noise)) in rows.enumerate() {
            let errors: Vec<f32> = taken.iter().zip(noise).map(|(taken, z)| taken - z).collect();
            let mse = squares(&errors) / noised.len.max(1) as f64;
            self.clips.push(Denoised {
                name: batch.names[row].clone(),
                step: noised.steps[row] as usize,
                mse,
            });
        }
    }

    /// The metrics so far: `loss`, the mean squared error.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let sum: f64 = self.clips.iter().map(|clip| clip.mse).sum();
        BTreeMap::from([("loss".to_owned(), sum / self.clips.len().max(1) as f64)])
    }

    /// What was judged, in that order.
    pub fn into_clips(self) -> Vec<Denoised> {
        self.clips
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DiffWave-unconditional's tables, measured.
    #[test]
    fn the_schedule_is_diffwaves() {
        let beta = |step: usize| 1e-4 + (0.02 - 1e-4) * step as f64 / 199.0;
        let schedule = NoiseSchedule::new((0..200).map(beta).collect());
        for (step, bar) in [(0, 0.9999), (49, 0.880104), (99, 0.602480), (199, 0.132183)] {
            assert!((schedule.alpha_bars[step] - bar).abs() < 1e-6, "{step}: {}", schedule.alpha_bars[step]);
        }
        for (step, sigma) in [(0, 0.01), (1, 0.00816578), (50, 0.0701139), (199, 0.141201)] {
            assert!((schedule.sigma(step) - sigma).abs() < 1e-6, "{step}: {}", schedule.sigma(step));
        }
    }
}
