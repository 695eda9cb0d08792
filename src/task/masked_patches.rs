//! Which patch is this, and what does it look like? Masks, losses and scores of masked spectrogram patches (SSAST, Gong et al. 2022,
//! arXiv 2110.09784).
//!
//! Of a clip's M masked patches with elements X [M, E], and the answers C and G [M, E] to both questions:
//!
//! - S = X Cᵀ; L_which = −(1/M) Σ_i ln softmax(S)_ii. The paper's softmax is over targets for each prediction (`sound`), the published code's over
//!   predictions for each target (`reference`);
//! - L_what = mean of (G − X)².
//!
//! Not for: what the answers are (`model`).

use std::collections::{BTreeMap, BTreeSet};

use kernels::matmul::{View, matmul};
use kernels::{Array, Backend, OpError};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::{Losses, MicroBatch};
use crate::data::Batch;
use crate::plan::{Behaviour, Body, PatchTask, PatchesPlan, Plan};

/// Sides of the clusters that are masked.
const CLUSTERS: std::ops::Range<usize> = 3..6;

/// What is asked of masked patches.
#[derive(Debug, Clone)]
pub struct MaskedPatches {
    masked: usize,
    masks: Behaviour,
    contrast: Behaviour,
    /// Weights of both losses; 0: not asked.
    weights: [f64; 2],
    grid: [usize; 2],
    patch_len: usize,
    /// Patches are whole columns of the spectrogram: there are no clusters.
    columns: bool,
}

/// What telling patches apart and drawing them came to for a clip: a line of preds.jsonl.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unmasked {
    pub name: String,
    /// Share of the masked patches that were told from the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Contrastive loss, in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nce: Option<f64>,
    /// Mean squared error of the elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mse: Option<f64>,
}

/// The loss of one clip's answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// L_which, in nats.
    pub loss: f64,
    /// Share of the patches that were told from the others.
    pub accuracy: f64,
    /// dL_which / dC [M, E].
    pub gradient: Vec<f32>,
}

impl MaskedPatches {
    /// The task of a plan; `None` where its model learns something else.
    pub fn of(plan: &Plan) -> Option<Self> {
        let Body::Patches(patches) = &plan.model.body else { return None };
        let PatchesPlan { task, pretext, features, .. } = &**patches;
        let weights = match task {
            PatchTask::PretrainJoint => [1.0, pretext.mse_weight],
            PatchTask::PretrainMpc => [1.0, 0.0],
            PatchTask::PretrainMpg => [0.0, 1.0],
            PatchTask::FtAvgtok | PatchTask::FtCls | PatchTask::FtAvgtok1sec | PatchTask::FtSuperb => {
                return None;
            }
        };
        Some(MaskedPatches {
            masked: pretext.masked,
            masks: pretext.masks,
            contrast: pretext.contrast,
            weights,
            grid: patches.grid(),
            patch_len: patches.patch_len(),
            columns: patches.shape[0] == features.bands,
        })
    }

    /// Whether it is asked which patch each is, and what it looks like.
    pub fn asks(&self) -> [bool; 2] {
        self.weights.map(|weight| weight > 0.0)
    }

    /// The masked patches of `clips` clips, in rising order.
    pub fn masks(&self, clips: usize, rng: &mut Pcg64Mcg) -> Vec<Vec<usize>> {
        let draw = |_| match (self.columns, self.masks) {
            (true, _) => scattered(self.grid, self.masked, rng),
            (false, Behaviour::Sound) => clusters(self.grid, self.masked, rng),
            (false, Behaviour::Reference) => published_clusters(self.grid, self.masked, rng),
        };
        (0..clips).map(draw).collect()
    }

    /// The elements of the masked patches [B, M, E], of all `patches` [B, P, E].
    pub fn targets(&self, patches: &[f32], masked: &[Vec<usize>]) -> Vec<f32> {
        let clip = self.grid[0] * self.grid[1] * self.patch_len;
        let rows = patches.chunks_exact(clip).zip(masked);
        let chosen = rows.flat_map(|(clip, masked)| {
            masked.iter().flat_map(|patch| &clip[patch * self.patch_len..][..self.patch_len])
        });
        chosen.copied().collect()
    }

    /// How well each clip's patches were told apart, by `answers` [B, M, E] about `targets`.
    pub fn which(&self, answers: &[f32], targets: &[f32]) -> Vec<Contrast> {
        let clip = self.masked * self.patch_len;
        let clips = answers.chunks_exact(clip).zip(targets.chunks_exact(clip));
        clips.map(|(answers, targets)| contrast(answers, targets, self.patch_len, self.contrast)).collect()
    }

    /// The mean squared error of each clip's patches, and its gradient.
    pub fn what(&self, answers: &[f32], targets: &[f32]) -> Vec<(f64, Vec<f32>)> {
        let clip = self.masked * self.patch_len;
        let clips = answers.chunks_exact(clip).zip(targets.chunks_exact(clip));
        let of_clip = |(answers, targets): (&[f32], &[f32])| {
            let errors: Vec<f32> = answers.iter().zip(targets).map(|(a, t)| a - t).collect();
            let mse = errors.iter().map(|&error| f64::from(error).powi(2)).sum::<f64>() / clip as f64;
            (mse, errors.into_iter().map(|error| 2.0 * error / clip as f32).collect())
        };
        clips.map(of_clip).collect()
    }

    /// The losses of the answers [B, M, E] to either question, each about targets of its own; summed over clips.
    ///
    /// # Errors
    /// The device failed.
    pub fn micro_batch<D: Backend>(
        &self,
        which: Option<(Array<D>, Vec<f32>)>,
        what: Option<(Array<D>, Vec<f32>)>,
        clips: usize,
    ) -> Result<MicroBatch<D>, OpError> {
        let mut micro = MicroBatch {
            seeds: Vec::new(),
            count: clips as f64,
            losses: Losses::known(0.0, []),
            infinite: 0,
        };
        if let Some((answers, targets)) = which {
            let told = self.which(&answers.download()?, &targets);
            let sum: f64 = told.iter().map(|clip| clip.loss).sum();
            let seed = told.into_iter().flat_map(|clip| clip.gradient);
            micro.add(answers, seed.collect(), ("nce", sum), self.weights[0]);
        }
        if let Some((answers, targets)) = what {
            let drawn = self.what(&answers.download()?, &targets);
            let sum: f64 = drawn.iter().map(|(mse, _)| mse).sum();
            let seed = drawn.into_iter().flat_map(|(_, gradient)| gradient);
            micro.add(answers, seed.collect(), ("mse", sum), self.weights[1]);
        }
        Ok(micro)
    }
}

impl<D: Backend> MicroBatch<D> {
    /// Adds a loss of `answers`, its name and its sum, with the gradient of that.
    fn add(&mut self, answers: Array<D>, seed: Vec<f32>, (name, sum): (&str, f64), weight: f64) {
        self.losses.by_name.insert(name.to_owned(), sum);
        self.losses.total += weight * sum;
        let seed = seed.into_iter().map(|gradient| gradient * weight as f32).collect();
        self.seeds.push((answers, seed));
    }
}

/// The contrastive loss of one clip, its accuracy and its gradient.
pub fn contrast(answers: &[f32], targets: &[f32], patch_len: usize, axis: Behaviour) -> Contrast {
    let count = targets.len() / patch_len.max(1);
    // Rows are what the softmax runs along: predictions' scores of all targets, or targets' of all predictions.
    let (rows, others) = match axis {
        Behaviour::Sound => (answers, targets),
        Behaviour::Reference => (targets, answers),
    };
    let wide = |values| View::new(values, count, patch_len);
    let mut shares = vec![0.0f32; count * count];
    matmul(1.0, wide(rows), wide(others).t(), 0.0, &mut shares);
    let mut loss = 0.0;
    for (index, row) in shares.chunks_exact_mut(count).enumerate() {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let own = f64::from(row[index] - most);
        let total: f64 = row.iter().map(|score| f64::from(score - most).exp()).sum();
        loss += total.ln() - own;
        row.iter_mut().for_each(|score| *score = (f64::from(*score - most).exp() / total) as f32);
    }
    // A prediction is right where no other target has a larger share of it.
    let right = |index: usize| match axis {
        Behaviour::Sound => largest(shares[index * count..][..count].iter()) == index,
        Behaviour::Reference => largest(shares.iter().skip(index).step_by(count)) == index,
    };
    let accuracy = (0..count).filter(|index| right(*index)).count() as f64 / count.max(1) as f64;
    for index in 0..count {
        shares[index * count + index] -= 1.0;
    }
    let mut gradient = vec![0.0; answers.len()];
    let (square, scale) = (View::new(&shares, count, count), 1.0 / count.max(1) as f32);
    match axis {
        Behaviour::Sound => matmul(scale, square, wide(targets), 0.0, &mut gradient),
        Behaviour::Reference => matmul(scale, square.t(), wide(targets), 0.0, &mut gradient),
    }
    Contrast { loss: loss / count.max(1) as f64, accuracy, gradient }
}

/// Where the first of the largest is.
fn largest<'a>(values: impl Iterator<Item = &'a f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, &value) in values.enumerate() {
        if value > best.1 {
            best = (index, value);
        }
    }
    best.0
}

/// `masked` patches, each as likely as any other.
fn scattered([rows, columns]: [usize; 2], masked: usize, rng: &mut Pcg64Mcg) -> Vec<usize> {
    let mut all: Vec<usize> = (0..rows * columns).collect();
    let (chosen, _) = all.partial_shuffle(rng, masked);
    let mut chosen = chosen.to_vec();
    chosen.sort_unstable();
    chosen
}

/// Squares of patches that fall everywhere alike, over the grid's edges and in again at the other side; of a few too many, some are left out by chance.
fn clusters([rows, columns]: [usize; 2], masked: usize, rng: &mut Pcg64Mcg) -> Vec<usize> {
    let side = rng.random_range(CLUSTERS);
    let mut chosen = BTreeSet::new();
    while chosen.len() < masked {
        let (row, column) = (rng.random_range(0..rows), rng.random_range(0..columns));
        for i in 0..side {
            chosen.extend((0..side).map(|j| (row + i) % rows * columns + (column + j) % columns));
        }
    }
    let mut chosen: Vec<usize> = chosen.into_iter().collect();
    let (kept, _) = chosen.partial_shuffle(rng, masked);
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    kept
}

/// Squares from a patch on, running over into the next row of bands, of which the lowest indices stay: as the published code draws them.
fn published_clusters([rows, columns]: [usize; 2], masked: usize, rng: &mut Pcg64Mcg) -> Vec<usize> {
    let (side, all) = (rng.random_range(CLUSTERS), rows * columns);
    let mut chosen = BTreeSet::new();
    // Ends: a plan asks for three patches less than there are, and all but the first are reached.
    while chosen.len() <= masked {
        let start = rng.random_range(0..all);
        let cluster = (0..side).flat_map(|i| (0..side).map(move |j| start + columns * i + j));
        chosen.extend(cluster.filter(|patch| (1..all).contains(patch)));
    }
    chosen.into_iter().take(masked).collect()
}

/// Answers [B, M, E] to a question, and the elements of the patches that they are about.
#[derive(Debug, Clone)]
pub struct Answered {
    pub answers: Vec<f32>,
    pub targets: Vec<f32>,
}

/// Collects clips and says how well their patches were unmasked.
#[derive(Debug, Default)]
pub struct PatchJudge {
    clips: Vec<Unmasked>,
    total: f64,
}

impl PatchJudge {
    /// Judges a batch by the answers to either question and what they were about.
    pub fn add(&mut self, task: &MaskedPatches, batch: &Batch, [which, what]: [Option<Answered>; 2]) {
        let told = which.map(|asked| task.which(&asked.answers, &asked.targets));
        let drawn = what.map(|asked| task.what(&asked.answers, &asked.targets));
        for (row, name) in batch.names.iter().enumerate() {
            let told = told.as_ref().map(|told| &told[row]);
            let mse = drawn.as_ref().map(|drawn| drawn[row].0);
            self.total += told.map_or(0.0, |told| task.weights[0] * told.loss);
            self.total += mse.map_or(0.0, |mse| task.weights[1] * mse);
            self.clips.push(Unmasked {
                name: name.clone(),
                accuracy: told.map(|told| told.accuracy),
                nce: told.map(|told| told.loss),
                mse,
            });
        }
    }

    /// The metrics so far: `loss`, and what was asked of `acc`, `nce` and `mse`, each the mean over clips.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let count = self.clips.len().max(1) as f64;
        let mut metrics = BTreeMap::from([("loss".to_owned(), self.total / count)]);
        let mut add = |name: &str, of: fn(&Unmasked) -> Option<f64>| {
            let values: Vec<f64> = self.clips.iter().filter_map(of).collect();
            if !values.is_empty() {
                metrics.insert(name.to_owned(), values.iter().sum::<f64>() / count);
            }
        };
        add("acc", |clip| clip.accuracy);
        add("nce", |clip| clip.nce);
        add("mse", |clip| clip.mse);
        metrics
    }

    /// What was judged, in that order.
    pub fn into_clips(self) -> Vec<Unmasked> {
        self.clips
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, stream};

    fn waves(phase: f64, f: fn(f64) -> f64) -> Vec<f32> {
        (0..12).map(|at| f(phase * f64::from(at)) as f32).collect()
    }

    /// Computed from the formulas in f64.
    #[test]
    fn the_contrast_is_the_published_and_the_papers() {
        let (targets, answers) = (waves(0.5, f64::sin), waves(0.3, f64::cos));
        let published = contrast(&answers, &targets, 3, Behaviour::Reference);
        assert!((published.loss - 0.865_999_930_8).abs() < 1e-6, "{}", published.loss);
        assert_eq!(published.accuracy, 0.5);
        let papers = contrast(&answers, &targets, 3, Behaviour::Sound);
        assert!((papers.loss - 0.875_407_398_7).abs() < 1e-6, "{}", papers.loss);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let (targets, answers) = (waves(0.5, f64::sin), waves(0.3, f64::cos));
        for axis in [Behaviour::Sound, Behaviour::Reference] {
            let gradient = contrast(&answers, &targets, 3, axis).gradient;
            for index in 0..answers.len() {
                let moved = |by: f32| {
                    let mut answers = answers.clone();
                    answers[index] += by;
                    contrast(&answers, &targets, 3, axis).loss
                };
                let want = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((f64::from(gradient[index]) - want).abs() < 1e-4, "{axis:?} {index}");
            }
        }
    }

    /// Share of draws in which each row of bands is masked, and whether every draw is sound.
    fn profile(draw: fn([usize; 2], usize, &mut Pcg64Mcg) -> Vec<usize>, masked: usize) -> Vec<f64> {
        let mut rng = stream(1, Purpose::Noise, 0, 0);
        let mut rows = vec![0.0; 8];
        for _ in 0..2_000 {
            let chosen = draw([8, 64], masked, &mut rng);
            assert_eq!(chosen.len(), masked);
            assert!(chosen.is_sorted_by(|a, b| a < b) && chosen[masked - 1] < 512);
            chosen.iter().for_each(|patch| rows[patch / 64] += 1.0 / (2_000.0 * 64.0));
        }
        rows
    }

    #[test]
    fn published_masks_have_the_published_bias() {
        for (masked, want) in [
            (250, [0.20, 0.37, 0.50, 0.57, 0.59, 0.59, 0.59, 0.50]),
            (300, [0.26, 0.45, 0.60, 0.68, 0.70, 0.70, 0.69, 0.61]),
            (400, [0.42, 0.67, 0.81, 0.87, 0.89, 0.89, 0.88, 0.82]),
        ] {
            let got = profile(published_clusters, masked);
            let near = got.iter().zip(want).all(|(got, want)| (got - want).abs() < 0.02);
            assert!(near, "{masked}: {got:?}");
        }
        let mut rng = stream(2, Purpose::Noise, 0, 0);
        for _ in 0..500 {
            let chosen = published_clusters([8, 64], 400, &mut rng);
            assert!(chosen[0] >= 1 && chosen[399] <= 510);
        }
    }

    #[test]
    fn sound_masks_fall_everywhere_alike() {
        for draw in [clusters, scattered] {
            let rows = profile(draw, 300);
            assert!(rows.iter().all(|share| (share - 300.0 / 512.0).abs() < 0.02), "{rows:?}");
        }
    }
}
