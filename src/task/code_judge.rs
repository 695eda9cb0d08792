//! How well a language model of sound tells codes: over all utterances, of each, and of each level.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::data::Batch;
use crate::model::codec_lm::Sequences;
use crate::plan::CodecLmPlan;

/// How well an utterance's codes were told: a line of preds.jsonl.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    pub name: String,
    /// Frames of its sound.
    pub frames: usize,
    /// Codes of these, and each level's end.
    pub codes: usize,
    /// Mean negative log-likelihood of a code after the true ones before it.
    pub nats: f64,
    /// The same in bits.
    pub bits: f64,
    /// The share of codes that were the likeliest.
    pub acc: f64,
}

/// Collects utterances and says how well the model told their codes.
#[derive(Debug, Default)]
pub struct CodeJudge {
    utterances: Vec<Told>,
    /// Nats, right ones and codes of each level.
    levels: Vec<[f64; 3]>,
}

impl CodeJudge {
    /// Judges a batch by its `scores` [B, steps, levels · (codes + 1)].
    pub fn add(&mut self, plan: &CodecLmPlan, batch: &Batch, sequences: &Sequences, scores: &[f32]) {
        self.levels.resize(plan.levels, [0.0; 3]);
        let of_one = sequences.steps * plan.levels;
        for (row, name) in batch.names.iter().enumerate() {
            let targets = &sequences.targets[row * of_one..][..of_one];
            let scores = scores[row * of_one * plan.scores()..].chunks_exact(plan.scores());
            let (mut sum, mut right, mut count) = (0.0, 0.0, 0.0);
            for (at, (target, scores)) in targets.iter().zip(scores).enumerate() {
                let Some(target) = *target else { continue };
                let (nats, is_right) = surprise(scores, target);
                let level = &mut self.levels[at % plan.levels];
                for (total, more) in level.iter_mut().zip([nats, is_right, 1.0]) {
                    *total += more;
                }
                (sum, right, count) = (sum + nats, right + is_right, count + 1.0);
            }
            let nats = sum / f64::max(count, 1.0);
            self.utterances.push(Told {
                name: name.clone(),
                frames: sequences.frames[row],
                codes: count as usize,
                nats,
                bits: nats / std::f64::consts::LN_2,
                acc: right / f64::max(count, 1.0),
            });
        }
    }

    /// The metrics so far: `loss` in nats of a code, `bits` of one, and the share `acc` that was the likeliest.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let [nats, right, count] = [0, 1, 2].map(|at| self.levels.iter().map(|level| level[at]).sum::<f64>());
        let count = count.max(1.0);
        BTreeMap::from([
            ("loss".to_owned(), nats / count),
            ("bits".to_owned(), nats / count / std::f64::consts::LN_2),
            ("acc".to_owned(), right / count),
        ])
    }

    /// The bits of each level's code: `bits/0`, `bits/1`, …
    pub fn of_levels(&self) -> BTreeMap<String, f64> {
        let bits = |[nats, _, count]: &[f64; 3]| nats / count.max(1.0) / std::f64::consts::LN_2;
        self.levels.iter().enumerate().map(|(at, level)| (format!("bits/{at}"), bits(level))).collect()
    }

    /// What was judged, in that order.
    pub fn into_utterances(self) -> Vec<Told> {
        self.utterances
    }
}

/// −ln of the probability of `target`, and 1 where nothing is likelier.
pub(super) fn surprise(scores: &[f32], target: usize) -> (f64, f64) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|score| f64::from(score - most).exp()).sum();
    let is_right = scores.iter().position(|score| *score >= most) == Some(target);
    (sum.ln() - f64::from(scores[target] - most), f64::from(u8::from(is_right)))
}
