//! A language model of sound: what is learned of an utterance's codes, and how well they are told.
//!
//! The loss is the mean negative log-likelihood of a code, in nats, over all levels of all frames and each level's end. Not for: drawing codes (`generate`).
//! Start at [`Coding`].

use std::collections::BTreeMap;

use kernels::{Array, Backend, OpError, Tape, threads};
use serde::Serialize;

use super::MicroBatch;
use crate::audio::synthesis::GriffinLim;
use crate::codec::artifact::Codes;
use crate::codec::cepstral::Cepstral;
use crate::data::Batch;
use crate::model::codec_lm::{CodedText, Sequences};
use crate::plan::{CodecLmPlan, Plan};

/// How utterances become examples, and codes sound.
#[derive(Debug, Clone)]
pub struct Coding {
    codec: Cepstral,
    plan: CodecLmPlan,
}

impl Coding {
    /// The task of a plan; `None` where its model learns something else.
    pub fn of(plan: &Plan) -> Option<Self> {
        let plan = plan.model.codec_lm()?.clone();
        Some(Coding { codec: Cepstral::new().ok()?, plan })
    }

    /// The same with this way to look for phases.
    #[must_use]
    pub fn sounding(self, griffin_lim: GriffinLim) -> Self {
        Coding { codec: self.codec.sounding(griffin_lim), ..self }
    }

    /// The codec's codes of a sound [frames, levels of the codec], frame by frame: what `data.feature_cache` keeps.
    pub fn features(&self, waveform: &[f32]) -> Vec<f32> {
        let codes = self.codec.codes(waveform);
        let frame = |at: usize| (0..codes.levels()).map(move |level| (level, at));
        let places = (0..codes.frames()).flat_map(frame);
        places.map(|(level, at)| f32::from(codes.level(level)[at])).collect()
    }

    /// The codes that the model tells [frames, levels] of all that the codec has.
    fn told(&self, features: &[f32]) -> Vec<u32> {
        let frames = features.chunks_exact(crate::codec::cepstral::LEVELS);
        frames.flat_map(|frame| &frame[..self.plan.levels]).map(|code| *code as u32).collect()
    }

    /// The sound of codes [frames, levels], frame by frame.
    pub fn sound(&self, codes: &[u32]) -> Vec<f32> {
        let levels = self.plan.levels;
        let frames = codes.len() / levels;
        let values =
            (0..levels).flat_map(|level| (0..frames).map(move |at| codes[at * levels + level] as u16));
        self.codec.sound(&Codes::new(levels, frames, values.collect()))
    }

    /// The examples of a batch.
    pub fn examples(&self, batch: &Batch) -> Sequences {
        let mut codes: Vec<Vec<u32>> = vec![Vec::new(); batch.len()];
        threads::for_each(codes.iter_mut().enumerate().collect(), |(row, codes): (usize, &mut Vec<u32>)| {
            *codes = match &batch.features[row] {
                Some(features) => self.told(features),
                None => {
                    let waveform = &batch.waveforms[row * batch.padded_samples..][..batch.samples[row]];
                    self.told(&self.features(waveform))
                }
            };
        });
        let texts: Vec<CodedText> = batch
            .labels
            .iter()
            .zip(codes)
            .map(|(labels, codes)| CodedText {
                symbols: labels.symbols.clone(),
                speaker: labels.classes.first().and_then(|class| class.class()).unwrap_or(0) as u32,
                codes,
            })
            .collect();
        Sequences::of(&self.plan, &texts)
    }

    /// The loss of `scores` [B, steps, levels · (codes + 1)]: a sum over codes, and how many they are.
    ///
    /// # Errors
    /// Shapes do not fit, or the device failed.
    pub fn micro_batch<D: Backend>(
        &self,
        tape: &mut Tape<D>,
        scores: &Array<D>,
        sequences: &Sequences,
    ) -> Result<MicroBatch<D>, OpError> {
        let rows = scores.reshaped([sequences.targets.len(), self.plan.scores()])?;
        MicroBatch::of_next(tape, &rows, &sequences.targets)
    }
}

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
fn surprise(scores: &[f32], target: usize) -> (f64, f64) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|score| f64::from(score - most).exp()).sum();
    let is_right = scores.iter().position(|score| *score >= most) == Some(target);
    (sum.ln() - f64::from(scores[target] - most), f64::from(u8::from(is_right)))
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;
    use crate::codec::artifact::Kind;
    use crate::codec::cepstral::{CODEBOOK_SIZE, LEVELS};
    use crate::data::Labels;
    use crate::plan::under_ci;

    fn batch(lens: &[usize]) -> Batch {
        let one = |(at, &samples): (usize, &usize)| {
            let wave = (0..samples).map(|t| (t as f32 * (0.03 + at as f32 * 0.02)).sin() * 0.2).collect();
            let labels = Labels { symbols: vec![149, 40, 41, 148], ..Labels::default() };
            (format!("u{at}"), wave, labels)
        };
        Batch::collate(lens.iter().enumerate().map(one).collect())
    }

    #[test]
    fn the_plan_has_the_sizes_of_the_codec() {
        let plan = under_ci("codec_lm", &[]);
        let sizes = plan.model.codec_lm().unwrap();
        let kind = Kind::Cepstral;
        assert_eq!((sizes.rate_hz, sizes.hop_samples), (kind.rate_hz(), kind.hop_samples()));
        assert!(sizes.codebook_size == CODEBOOK_SIZE && sizes.levels <= LEVELS);
        for samples in [1, 256, 257, 16_000] {
            assert_eq!(sizes.frames(samples), Cepstral::frames(samples));
        }
    }

    /// Codes that were kept are those that are made anew.
    #[test]
    fn features_are_the_codes() {
        let task = Coding::of(&under_ci("codec_lm", &["model.codec_lm.levels=3"])).unwrap();
        let fresh = batch(&[3_000, 2_000]);
        let mut kept = fresh.clone();
        for (row, samples) in [3_000, 2_000].into_iter().enumerate() {
            let sound = &fresh.waveforms[row * fresh.padded_samples..][..samples];
            kept.features[row] = Some(task.features(sound).into());
        }
        kept.waveforms.fill(0.0);
        let sequences = task.examples(&fresh);
        assert_eq!(sequences, task.examples(&kept));
        assert_eq!(sequences.frames, [13, 9]);
        // Of each level its codes and its end.
        assert_eq!(sequences.targets.iter().flatten().count(), 3 * (14 + 10));
    }

    #[test]
    fn losses_are_those_of_the_judge() {
        let plan = under_ci("codec_lm", &["model.codec_lm.levels=2"]);
        let (task, sizes) = (Coding::of(&plan).unwrap(), plan.model.codec_lm().unwrap());
        let batch = batch(&[3_000, 700]);
        let sequences = task.examples(&batch);
        let shape = [2, sequences.steps, sizes.levels * sizes.scores()];
        let scores: Vec<f32> =
            (0..shape.iter().product()).map(|at| ((at * 7_919) % 2_003) as f32 / 500.0).collect();
        let array = Array::from_vec(&Cpu::default(), scores.clone(), shape).unwrap();
        let micro = task.micro_batch(&mut Tape::silent(), &array, &sequences).unwrap();
        let mut judge = CodeJudge::default();
        judge.add(sizes, &batch, &sequences, &scores);
        let metrics = judge.metrics();
        assert!((micro.total / micro.count - metrics["loss"]).abs() < 1e-5, "{metrics:?}");
        let told = judge.into_utterances();
        let codes: usize = told.iter().map(|told| told.codes).sum();
        let mean = told.iter().map(|told| told.bits * told.codes as f64).sum::<f64>() / codes as f64;
        assert!(codes as f64 == micro.count && (mean - metrics["bits"]).abs() < 1e-9);
        // Scores that are all the same tell nothing.
        let (nats, _) = surprise(&[0.5; 1_001], 7);
        assert!((nats - 1_001f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn codes_that_are_told_sound() {
        let task = Coding::of(&under_ci("codec_lm", &["model.codec_lm.levels=5"])).unwrap();
        let sound = task.sound(&[500; 5 * 20]);
        assert!(sound.len() == 19 * 256 && sound.iter().all(|sample| sample.is_finite()));
    }
}
