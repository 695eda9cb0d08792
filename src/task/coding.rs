//! A language model of sound: what is learned of an utterance's codes, and what codes sound like.
//!
//! The loss is the mean negative log-likelihood of a code, in nats, over all levels of all frames and each level's end. Not for: drawing codes (`generate`),
//! judging how well they are told (`code_judge`). Start at [`Coding`].

use std::sync::{Arc, OnceLock};

use kernels::{Array, Backend, OpError, Tape, threads};

use super::MicroBatch;
use crate::audio::synthesis::GriffinLim;
use crate::codec::artifact::Codes;
use crate::codec::cepstral::Cepstral;
use crate::codec::{self, CodecError, Depth, SharedCodec};
use crate::data::{Batch, Labels};
use crate::model::codec_lm::{CodedText, Sequences};
use crate::plan::{CodecLmPlan, CodecName, Plan};

/// How utterances become examples, and codes sound.
#[derive(Clone)]
pub struct Coding {
    plan: CodecLmPlan,
    griffin_lim: Option<GriffinLim>,
    /// Opened when it is needed first: whoever has codes that were kept needs none to learn them.
    codec: OnceLock<SharedCodec>,
}

impl Coding {
    /// The task of a plan; `None` where its model learns something else.
    pub fn of(plan: &Plan) -> Option<Self> {
        let plan = plan.model.codec_lm()?.clone();
        Some(Coding { plan, griffin_lim: None, codec: OnceLock::new() })
    }

    /// The same with this way to look for phases; codecs that need none pay no heed to it.
    #[must_use]
    pub fn sounding(self, griffin_lim: GriffinLim) -> Self {
        Coding { griffin_lim: Some(griffin_lim), codec: OnceLock::new(), ..self }
    }

    /// The codec.
    ///
    /// # Errors
    /// Its weights are not there, cannot be read, or are not of the codec that the plan has.
    pub fn codec(&self) -> Result<&SharedCodec, CodecError> {
        if let Some(codec) = self.codec.get() {
            return Ok(codec);
        }
        let codec = match (self.plan.codec, &self.griffin_lim) {
            (CodecName::Cepstral, Some(griffin_lim)) => Arc::new(Cepstral::new()?.sounding(*griffin_lim)),
            _ => self.shared()?,
        };
        Ok(self.codec.get_or_init(|| codec))
    }

    fn shared(&self) -> Result<SharedCodec, CodecError> {
        let CodecLmPlan { rate_hz, hop_samples, codebook_size, levels, .. } = self.plan;
        let backend = backend(self.plan.codec);
        let weights = self.plan.codec_weights.as_deref();
        let codec = codec::shared(backend, weights, Depth::Levels(levels))?;
        let has = [codec.rate_hz() as usize, codec.hop_samples(), codec.codebook_size()];
        let meant = [rate_hz as usize, hop_samples, codebook_size];
        if has != meant || codec.levels() < levels {
            return Err(CodecError::OtherSizes {
                codec: backend.kind(),
                has: described(has, codec.levels()),
                meant: described(meant, levels),
            });
        }
        Ok(codec)
    }

    /// Whose codes they are.
    pub fn backend(&self) -> codec::Backend {
        backend(self.plan.codec)
    }

    /// Samples of a frame of codes.
    pub fn hop_samples(&self) -> usize {
        self.plan.hop_samples
    }

    /// The codec's codes of a sound [frames, levels that are kept], frame by frame: what `data.feature_cache` keeps.
    ///
    /// # Errors
    /// As [`Coding::codec`], there are no samples, or an op failed.
    pub fn features(&self, waveform: &[f32]) -> Result<Vec<f32>, CodecError> {
        let codec = self.codec()?;
        let (sound, _) = codec.levelled(waveform.to_vec());
        let codes = codec.encode(&sound)?;
        Ok(codes.by_frames(self.plan.kept_levels()).map(f32::from).collect())
    }

    /// The codes that the model tells [frames, levels] of those that are kept.
    fn told(&self, features: &[f32]) -> Vec<u32> {
        let frames = features.chunks_exact(self.plan.kept_levels());
        frames.flat_map(|frame| &frame[..self.plan.levels]).map(|code| *code as u32).collect()
    }

    /// The sound of codes [frames, levels], frame by frame.
    ///
    /// # Errors
    /// As [`Coding::codec`], or an op failed.
    pub fn sound(&self, codes: &[u32]) -> Result<Vec<f32>, CodecError> {
        let levels = self.plan.levels;
        let frames = codes.len() / levels;
        let values =
            (0..levels).flat_map(|level| (0..frames).map(move |at| codes[at * levels + level] as u16));
        self.codec()?.decode(&Codes::new(levels, frames, values.collect()))
    }

    /// What is left of a recording when its codes, as the model tells them, are sound again.
    ///
    /// # Errors
    /// As [`Coding::features`].
    pub fn copy(&self, waveform: &[f32]) -> Result<Vec<f32>, CodecError> {
        self.sound(&self.told(&self.features(waveform)?))
    }

    /// The examples of a batch.
    ///
    /// # Errors
    /// As [`Coding::features`], where codes are not kept.
    pub fn examples(&self, batch: &Batch) -> Result<Sequences, CodecError> {
        let mut codes: Vec<Result<Vec<u32>, CodecError>> =
            batch.names.iter().map(|_| Ok(Vec::new())).collect();
        threads::for_each(codes.iter_mut().enumerate().collect(), |(row, codes): (usize, &mut _)| {
            *codes = match &batch.features[row] {
                Some(features) => Ok(self.told(features)),
                None => {
                    let waveform = &batch.waveforms[row * batch.padded_samples..][..batch.samples[row]];
                    self.features(waveform).map(|features| self.told(&features))
                }
            };
        });
        let text = |(labels, codes): (&Labels, Result<Vec<u32>, CodecError>)| {
            Ok(CodedText {
                symbols: labels.symbols.clone(),
                speaker: labels.classes.first().and_then(|class| class.class()).unwrap_or(0) as u32,
                codes: codes?,
            })
        };
        let texts: Vec<CodedText> =
            batch.labels.iter().zip(codes).map(text).collect::<Result<_, CodecError>>()?;
        Ok(Sequences::of(&self.plan, &texts))
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

/// The codec of this name.
fn backend(name: CodecName) -> codec::Backend {
    match name {
        CodecName::Cepstral => codec::Backend::Cepstral,
        CodecName::Encodec => codec::Backend::Encodec,
        CodecName::Dac => codec::Backend::Dac,
        CodecName::Nemo => codec::Backend::Nemo,
    }
}

/// `24000 Hz, frames of 320 samples, 8 levels of 1024 codes`
fn described([rate_hz, hop_samples, codebook_size]: [usize; 3], levels: usize) -> String {
    format!("{rate_hz} Hz, frames of {hop_samples} samples, {levels} levels of {codebook_size} codes")
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;
    use crate::codec::artifact::Kind;
    use crate::codec::cepstral::{CODEBOOK_SIZE, LEVELS};
    use crate::codec::encodec::{Encodec, Sizes};
    use crate::data::Labels;
    use crate::plan::under_ci;
    use crate::task::CodeJudge;
    use crate::task::Losses;
    use crate::task::code_judge::surprise;

    fn batch(lens: &[usize]) -> Batch {
        let one = |(at, &samples): (usize, &usize)| {
            let wave = (0..samples).map(|t| (t as f32 * (0.03 + at as f32 * 0.02)).sin() * 0.2).collect();
            let labels = Labels { symbols: vec![149, 40, 41, 148], ..Labels::default() };
            (format!("u{at}"), wave, labels)
        };
        Batch::collate(lens.iter().enumerate().map(one).collect())
    }

    fn of_codec(name: &str, rate_hz: u32, levels: usize) -> Coding {
        let sets = [
            format!("model.codec_lm.codec=\"{name}\""),
            format!("model.codec_lm.levels={levels}"),
            format!("data.sr={rate_hz}"),
        ];
        Coding::of(&under_ci("codec_lm", &sets.each_ref().map(String::as_str))).unwrap()
    }

    #[test]
    fn the_plan_has_the_sizes_of_the_codecs() {
        for kind in Kind::ALL {
            let task = of_codec(kind.name(), kind.rate_hz(), 2);
            assert_eq!(backend(task.plan.codec).kind(), kind);
            assert_eq!(task.plan.hop_samples, kind.hop_samples());
            assert_eq!(task.plan.codebook_size, usize::from(kind.largest_code()) + 1);
        }
        let task = of_codec("cepstral", 16_000, 2);
        assert!(task.plan.codebook_size == CODEBOOK_SIZE && task.plan.kept_levels() == LEVELS);
        for samples in [1, 256, 257, 16_000] {
            assert_eq!(task.plan.frames(samples), Cepstral::frames(samples));
        }
    }

    /// What is learnt of a neural codec's codes, and how they sound, is what that codec makes of both.
    #[test]
    fn codes_are_those_of_the_codec() {
        let sizes = Sizes { filters: 2, latent: 4, codebooks: 3, lstm_layers: 1, ..Sizes::default() };
        let codec: SharedCodec = Arc::new(Encodec::draw(sizes, 3).unwrap().with_levels(2).unwrap());
        let task = of_codec("encodec", 24_000, 2);
        assert!(task.codec.set(Arc::clone(&codec)).is_ok());
        let batch = batch(&[3_000, 1_600]);
        let sequences = task.examples(&batch).unwrap();
        assert_eq!(sequences.frames, [10, 5]);
        let codes = codec.encode(&batch.waveforms[..3_000]).unwrap();
        let told = task.told(&task.features(&batch.waveforms[..3_000]).unwrap());
        assert_eq!(
            told[..4],
            [codes.level(0)[0], codes.level(1)[0], codes.level(0)[1], codes.level(1)[1]].map(u32::from)
        );
        assert_eq!(told.len(), 2 * task.plan.frames(3_000));
        assert_eq!(task.copy(&batch.waveforms[..3_000]).unwrap(), codec.decode(&codes).unwrap());
    }

    #[test]
    fn weights_of_other_sizes_are_refused() {
        let mut task = of_codec("encodec", 24_000, 2);
        task.plan.codec_weights = Some(crate::checkout().join("tests/parity/encodec").display().to_string());
        let error = task.features(&[0.1; 700]).unwrap_err().to_string();
        let said = "the weights of EnCodec are for 24000 Hz, frames of 10 samples, 2 levels of 16 codes; the model tells 24000 Hz, frames of 320 samples, 2 \
                    levels of 1024 codes";
        assert_eq!(error, said);
    }

    /// Codes that were kept are those that are made anew.
    #[test]
    fn features_are_the_codes() {
        let task = Coding::of(&under_ci("codec_lm", &["model.codec_lm.levels=3"])).unwrap();
        let fresh = batch(&[3_000, 2_000]);
        let mut kept = fresh.clone();
        for (row, samples) in [3_000, 2_000].into_iter().enumerate() {
            let sound = &fresh.waveforms[row * fresh.padded_samples..][..samples];
            kept.features[row] = Some(task.features(sound).unwrap().into());
        }
        kept.waveforms.fill(0.0);
        let sequences = task.examples(&fresh).unwrap();
        assert_eq!(sequences, task.examples(&kept).unwrap());
        assert_eq!(sequences.frames, [13, 9]);
        // Of each level its codes and its end.
        assert_eq!(sequences.targets.iter().flatten().count(), 3 * (14 + 10));
    }

    #[test]
    fn losses_are_those_of_the_judge() {
        let plan = under_ci("codec_lm", &["model.codec_lm.levels=2"]);
        let (task, sizes) = (Coding::of(&plan).unwrap(), plan.model.codec_lm().unwrap());
        let batch = batch(&[3_000, 700]);
        let sequences = task.examples(&batch).unwrap();
        let shape = [2, sequences.steps, sizes.levels * sizes.scores()];
        let scores: Vec<f32> =
            (0..shape.iter().product()).map(|at| ((at * 7_919) % 2_003) as f32 / 500.0).collect();
        let array = Array::from_vec(&Cpu::default(), scores.clone(), shape).unwrap();
        let mut micro = task.micro_batch(&mut Tape::silent(), &array, &sequences).unwrap();
        Losses::read(std::slice::from_mut(&mut micro.losses)).unwrap();
        let mut judge = CodeJudge::default();
        judge.add(sizes, &batch, &sequences, &scores);
        let metrics = judge.metrics();
        assert!((micro.losses.total / micro.count - metrics["loss"]).abs() < 1e-5, "{metrics:?}");
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
        let sound = task.sound(&[500; 5 * 20]).unwrap();
        assert!(sound.len() == 19 * 256 && sound.iter().all(|sample| sample.is_finite()));
    }
}
