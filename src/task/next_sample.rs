//! The next sample's level from those before it: examples, loss and judgement of a model of raw sound.
//!
//! The loss is the mean negative log-likelihood of a sample, in nats; in bits it is what the papers call NLL. Not for: drawing samples.

use std::collections::BTreeMap;

use kernels::{Array, Backend, OpError, Tape};
use serde::Serialize;

use super::MicroBatch;
use crate::audio::{Law, Levels};
use crate::data::Batch;
use crate::plan::{Behaviour, Body, Plan, Quantizer, SashimiPlan};

/// Ranks up to which a right answer is counted, besides the first.
const RANKS: [usize; 3] = [3, 5, 10];

/// The levels of a model.
pub fn levels(plan: &SashimiPlan) -> Levels {
    let law = match plan.quantizer {
        Quantizer::MuLaw => Law::Mu,
        Quantizer::MuLawMinMax => Law::MuMinMax,
        Quantizer::LinearMinMax => Law::LinearMinMax,
    };
    Levels { law, count: plan.levels as u32 }
}

/// How clips become examples.
#[derive(Debug, Clone, Copy)]
pub struct NextSample {
    levels: Levels,
    /// What sequences' lengths are a multiple of.
    hop: usize,
    /// Samples of a whole clip.
    clip: usize,
    padding: Behaviour,
    first: Behaviour,
}

/// Sequences of levels, and what comes after each sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examples {
    /// [B, L], row by row.
    pub inputs: Vec<u32>,
    /// [B, L]; `None` counts nowhere.
    pub targets: Vec<Option<usize>>,
    /// L.
    pub len: usize,
}

impl NextSample {
    /// The task of a plan; `None` where its model learns something else.
    pub fn of(plan: &Plan) -> Option<Self> {
        let Body::Sashimi(sashimi) = &plan.model.body else { return None };
        Some(NextSample {
            levels: levels(sashimi),
            hop: sashimi.tiers.hop_samples(),
            clip: plan.data.clips.map_or(sashimi.tiers.s4.period, |clips| clips.samples),
            padding: plan.train.objective.padding_loss,
            first: plan.train.objective.first_sample,
        })
    }

    /// The examples of a batch of clips.
    ///
    /// `sound`: each sequence begins with the level of silence and its first target is the first sample; what lies behind a clip's end counts
    /// nowhere. `reference` (simple-sashimi): the first sample is given, the level of silence follows the last one, and where padding
    /// counts it fills clips up to their full length.
    pub fn examples(&self, batch: &Batch) -> Examples {
        let longest = match self.padding {
            Behaviour::Sound => batch.samples.iter().copied().max().unwrap_or(0),
            Behaviour::Reference => self.clip,
        };
        let len = longest.next_multiple_of(self.hop);
        let mut examples = Examples {
            inputs: vec![self.levels.zero(); batch.len() * len],
            targets: vec![None; batch.len() * len],
            len,
        };
        for (row, &samples) in batch.samples.iter().enumerate() {
            let start = row * batch.padded_samples;
            let codes = self.levels.encode(&batch.waveforms[start..start + samples]);
            self.fill(
                &codes,
                &mut examples.inputs[row * len..][..len],
                &mut examples.targets[row * len..][..len],
            );
        }
        examples
    }

    fn fill(&self, codes: &[u32], inputs: &mut [u32], targets: &mut [Option<usize>]) {
        let after = match self.first {
            Behaviour::Sound => {
                let given = codes.len().saturating_sub(1);
                inputs[1..=given].copy_from_slice(&codes[..given]);
                codes
            }
            Behaviour::Reference => {
                inputs[..codes.len()].copy_from_slice(codes);
                codes.get(1..).unwrap_or_default()
            }
        };
        targets.iter_mut().zip(after).for_each(|(target, &code)| *target = Some(code as usize));
        if self.padding == Behaviour::Reference {
            let silence = self.levels.zero() as usize;
            targets[after.len()..].fill(Some(silence));
        }
    }

    /// The loss of `logits` [B, L, levels] on examples: a sum over samples, and how many they are.
    ///
    /// # Errors
    /// Shapes do not fit, or the device failed.
    pub fn micro_batch<D: Backend>(
        &self,
        tape: &mut Tape<D>,
        logits: &Array<D>,
        examples: &Examples,
    ) -> Result<MicroBatch<D>, OpError> {
        let rows = logits.reshaped([examples.targets.len(), self.levels.count as usize])?;
        MicroBatch::of_next(tape, &rows, &examples.targets)
    }
}

/// How likely a clip was to the model: a line of preds.jsonl.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Likelihood {
    pub name: String,
    /// Samples that counted.
    pub samples: usize,
    /// Mean negative log-likelihood of a sample.
    pub nats: f64,
    /// The same in bits.
    pub bits: f64,
}

/// Collects clips and says how well the model told their samples.
#[derive(Debug, Default)]
pub struct SoundJudge {
    nats: f64,
    samples: usize,
    /// Samples whose level was the most likely one, then among the most likely three, five, ten.
    right: [usize; 1 + RANKS.len()],
    clips: Vec<Likelihood>,
}

impl SoundJudge {
    /// Judges one clip by its `logits` [L, levels].
    pub fn add(&mut self, name: &str, targets: &[Option<usize>], logits: &[f32], levels: usize) {
        let (mut nats, mut samples) = (0.0, 0);
        for (target, scores) in targets.iter().zip(logits.chunks_exact(levels)) {
            let Some(target) = *target else { continue };
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = scores.iter().map(|score| f64::from(score - largest).exp()).sum();
            nats += sum.ln() - f64::from(scores[target] - largest);
            samples += 1;
            let rank = scores.iter().enumerate().filter(|&(index, &score)| {
                score > scores[target] || (score == scores[target] && index < target)
            });
            let rank = rank.count();
            for (right, most) in self.right.iter_mut().zip([1].into_iter().chain(RANKS)) {
                *right += usize::from(rank < most);
            }
        }
        self.nats += nats;
        self.samples += samples;
        let mean = nats / samples.max(1) as f64;
        let bits = mean / std::f64::consts::LN_2;
        self.clips.push(Likelihood { name: name.to_owned(), samples, nats: mean, bits });
    }

    /// The metrics so far: `loss` in nats a sample, `bits` the same in bits, and `acc`, the share of samples whose level was the likeliest.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let loss = self.nats / self.samples.max(1) as f64;
        BTreeMap::from([
            ("loss".to_owned(), loss),
            ("bits".to_owned(), loss / std::f64::consts::LN_2),
            ("acc".to_owned(), self.share(0)),
        ])
    }

    /// The shares of samples whose level was among the likeliest three, five and ten: `acc_top3` and so on.
    pub fn ranks(&self) -> BTreeMap<String, f64> {
        let ranks = RANKS.iter().enumerate();
        ranks.map(|(index, rank)| (format!("acc_top{rank}"), self.share(1 + index))).collect()
    }

    fn share(&self, rank: usize) -> f64 {
        self.right[rank] as f64 / self.samples.max(1) as f64
    }

    /// What was judged, in that order.
    pub fn into_clips(self) -> Vec<Likelihood> {
        self.clips
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Labels;

    fn task(padding: Behaviour, first: Behaviour) -> NextSample {
        NextSample { levels: Levels { law: Law::Mu, count: 256 }, hop: 4, clip: 8, padding, first }
    }

    fn batch(clips: &[&[f32]]) -> Batch {
        let clips = clips.iter().map(|clip| (String::new(), (*clip).into(), Labels::default()));
        Batch::collate(clips.collect())
    }

    #[test]
    fn a_sequence_begins_with_silence_and_ends_with_the_clip() {
        let examples =
            task(Behaviour::Sound, Behaviour::Sound).examples(&batch(&[&[1.0, -1.0, 0.0], &[-1.0; 5]]));
        assert_eq!(examples.len, 8);
        assert_eq!(examples.inputs[..8], [128, 255, 0, 128, 128, 128, 128, 128]);
        assert_eq!(examples.targets[..4], [Some(255), Some(0), Some(128), None]);
        assert_eq!(examples.inputs[8..], [128, 0, 0, 0, 0, 128, 128, 128]);
        assert_eq!(examples.targets.iter().flatten().count(), 8);
    }

    /// simple-sashimi: a buffer of one sample more than the sequence, codes 0 … S − 1 in and 1 … S out.
    #[test]
    fn the_reference_gives_the_first_sample_and_counts_the_silence_behind() {
        let examples =
            task(Behaviour::Reference, Behaviour::Reference).examples(&batch(&[&[1.0, -1.0, 0.5]]));
        let half = Levels { law: Law::Mu, count: 256 }.encode(&[0.5])[0];
        assert_eq!(examples.inputs, [255, 0, half, 128, 128, 128, 128, 128]);
        let targets: Vec<usize> = examples.targets.iter().map(|target| target.unwrap()).collect();
        assert_eq!(targets, [0, half as usize, 128, 128, 128, 128, 128, 128]);
    }

    #[test]
    fn a_judge_says_nats_bits_and_ranks() {
        let mut judge = SoundJudge::default();
        let even = [0.0f32; 8];
        judge.add("a", &[Some(0), Some(3), None], &[even, even, even].concat(), 8);
        let metrics = judge.metrics();
        assert!((metrics["loss"] - 8f64.ln()).abs() < 1e-6 && (metrics["bits"] - 3.0).abs() < 1e-6);
        let ranks = judge.ranks();
        assert_eq!((metrics["acc"], ranks["acc_top3"], ranks["acc_top5"]), (0.5, 0.5, 1.0));
        let clips = judge.into_clips();
        assert_eq!((clips[0].samples, clips[0].name.as_str()), (2, "a"));
    }
}
