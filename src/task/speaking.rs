//! Text to speech: what is learned of an utterance, and how well its mel frames are told.
//!
//! With y the mel frames, μ the means of their symbols and D the symbols' durations, all as means over what is no padding:
//!
//! - mel: (ŷ − y)²; refined: (ŷ⁺ − y)² + |ŷ⁺ − y|, where there is a postnet, else |ŷ − y| beside the first
//! - prior: ½ ((y − μ)² + ln 2π), by which alone the alignment is learnt
//! - duration: (ln D̂ − ln D)², a mean over symbols
//!
//! Not for: making speech (`generate`). Start at [`Speaking`].

use std::collections::BTreeMap;

use kernels::{Array, Backend, OpError, threads};
use serde::Serialize;

use super::continuing::{self, ContinuedTerms};
use super::{Losses, MicroBatch};
use crate::audio::features::{FeatureError, MelSizes};
use crate::audio::synthesis::{MelForm, SpeechMel};
use crate::data::Batch;
use crate::model::tacomamba::{Continued, MelFrames, Taught, Texts};
use crate::plan::{MelScaling, Plan, SpeechMelPlan};
use crate::text::spoken;

/// The spectrogram of a plan.
///
/// # Errors
/// The plan's sizes do not go together.
pub fn speech_mel(plan: &SpeechMelPlan) -> Result<SpeechMel, FeatureError> {
    let form = match plan.scaling {
        MelScaling::Log => MelForm::Log,
        MelScaling::Decibels => MelForm::Decibels,
    };
    SpeechMel::new(
        form,
        &MelSizes {
            n_fft: plan.n_fft,
            window_samples: plan.window_samples,
            hop_samples: plan.hop_samples,
            n_mels: plan.bands,
            low_hz: plan.low_hz,
            high_hz: plan.high_hz,
            ..MelSizes::tacotron2(plan.rate_hz)
        },
    )
}

/// How utterances become examples.
#[derive(Debug, Clone)]
pub struct Speaking {
    mel: SpeechMel,
    mean: f32,
    scale: f32,
    /// Whether voices are told apart.
    voiced: bool,
}

/// Utterances as the network takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    pub texts: Texts,
    pub frames: MelFrames,
}

impl Speaking {
    /// The task of a plan; `None` where its model learns something else.
    pub fn of(plan: &Plan) -> Option<Self> {
        let tacomamba = plan.model.tacomamba()?;
        let mel = speech_mel(&tacomamba.mel).ok()?;
        let (mean, scale) = (tacomamba.mel.mean as f32, tacomamba.mel.scale as f32);
        Some(Speaking { mel, mean, scale, voiced: tacomamba.speakers.is_some() })
    }

    /// The spectrogram that is told.
    pub fn mel(&self) -> &SpeechMel {
        &self.mel
    }

    /// A sound's mel frames as the network sees them [frames, bands].
    pub fn frames(&self, waveform: &[f32]) -> Vec<f32> {
        self.seen(&self.mel.run(waveform))
    }

    /// Mel values as the network sees them.
    pub fn seen(&self, mel: &[f32]) -> Vec<f32> {
        mel.iter().map(|value| (value - self.mean) / self.scale).collect()
    }

    /// Mel values of what the network made.
    pub fn restored(&self, frames: &[f32]) -> Vec<f32> {
        frames.iter().map(|value| value * self.scale + self.mean).collect()
    }

    /// The examples of a batch.
    pub fn examples(&self, batch: &Batch) -> Spoken {
        let bands = self.mel.bands();
        let texts: Vec<&[u32]> = batch.labels.iter().map(|labels| &labels.symbols[..]).collect();
        let speaker = |labels: &crate::data::Labels| labels.classes.first().and_then(|class| class.class());
        let speakers = match self.voiced {
            true => batch.labels.iter().map(|labels| speaker(labels).unwrap_or(0) as u32).collect(),
            false => Vec::new(),
        };
        let lens: Vec<usize> = batch.samples.iter().map(|&samples| self.mel.frames(samples)).collect();
        let padded = lens.iter().copied().max().unwrap_or(0);
        let mut values = vec![0.0; batch.len() * padded * bands];
        let rows = values.chunks_mut((padded * bands).max(1)).zip(&batch.samples).enumerate();
        threads::for_each(rows.collect(), |(row, (values, &samples)): (usize, (&mut [f32], &usize))| {
            let frames = match &batch.features[row] {
                Some(mel) => self.seen(mel),
                None => self.frames(&batch.waveforms[row * batch.padded_samples..][..samples]),
            };
            values[..frames.len()].copy_from_slice(&frames);
        });
        Spoken { texts: Texts::new(&texts, speakers), frames: MelFrames { values, padded, lens } }
    }

    /// The loss of a pass, weighed by its frames: micro-batches of other lengths count as their frames do.
    ///
    /// # Errors
    /// The device failed.
    pub fn micro_batch<D: Backend>(
        &self,
        taught: Taught<D>,
        spoken: &Spoken,
    ) -> Result<MicroBatch<D>, OpError> {
        let terms = Terms::of(&taught, spoken, self.mel.bands())?;
        let count = spoken.frames.lens.iter().sum::<usize>() as f64;
        let sums = terms.means();
        let mut seeds = vec![
            (taught.frames, terms.frames.gradient),
            (taught.means, terms.prior.gradient),
            (taught.log_durations, terms.duration.gradient),
        ];
        seeds.extend(taught.refined.zip(terms.refined.map(|term| term.gradient)));
        Ok(MicroBatch {
            seeds,
            count,
            losses: Losses::known(
                count * sums.values().sum::<f64>(),
                sums.into_iter().map(|(name, mean)| (name, count * mean)),
            ),
            infinite: 0,
        })
    }
}

impl Speaking {
    /// The loss of a pass of the ablation.
    ///
    /// # Errors
    /// The device failed.
    pub fn continued<D: Backend>(
        &self,
        made: Continued<D>,
        spoken: &Spoken,
    ) -> Result<MicroBatch<D>, OpError> {
        continuing::micro_batch(made, spoken, self.mel.bands())
    }
}

/// A term of the loss: its mean, and the gradient of frames times the mean.
pub(super) struct Term {
    pub mean: f64,
    pub gradient: Vec<f32>,
}

/// All terms.
struct Terms {
    frames: Term,
    refined: Option<Term>,
    prior: Term,
    duration: Term,
}

impl Terms {
    fn of<D: Backend>(taught: &Taught<D>, spoken: &Spoken, bands: usize) -> Result<Self, OpError> {
        let over = |array: &Array<D>, of: fn(f64) -> [f64; 2]| {
            Ok::<_, OpError>(over_frames(&array.download()?, spoken, bands, of))
        };
        let square = |error: f64| [error * error, 2.0 * error];
        let normal = |error: f64| [0.5 * (error * error + std::f64::consts::TAU.ln()), error];
        Ok(Terms {
            frames: over(&taught.frames, if taught.refined.is_some() { square } else { with_size })?,
            refined: taught.refined.as_ref().map(|refined| over(refined, with_size)).transpose()?,
            prior: over(&taught.means, normal)?,
            duration: over_symbols(&taught.log_durations.download()?, taught, spoken),
        })
    }

    fn means(&self) -> BTreeMap<&'static str, f64> {
        let mut means = BTreeMap::from([
            ("mel", self.frames.mean),
            ("prior", self.prior.mean),
            ("duration", self.duration.mean),
        ]);
        means.extend(self.refined.as_ref().map(|refined| ("refined", refined.mean)));
        means
    }
}

/// Square and size, and the slope of both.
pub(super) fn with_size(error: f64) -> [f64; 2] {
    [error * error + error.abs(), 2.0 * error + sign(error)]
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// A term over all values of frames; `of` gives value and derivative of an error.
pub(super) fn over_frames(made: &[f32], spoken: &Spoken, bands: usize, of: fn(f64) -> [f64; 2]) -> Term {
    let MelFrames { values, padded, lens } = &spoken.frames;
    let mut gradient = vec![0.0; made.len()];
    let mut sum = 0.0;
    for (row, frames) in lens.iter().enumerate() {
        let span = row * padded * bands..(row * padded + frames) * bands;
        for at in span {
            let [value, slope] = of(f64::from(made[at]) - f64::from(values[at]));
            sum += value;
            gradient[at] = (slope / bands as f64) as f32;
        }
    }
    Term { mean: sum / (lens.iter().sum::<usize>() * bands).max(1) as f64, gradient }
}

/// The term over symbols.
fn over_symbols<D: Backend>(told: &[f32], taught: &Taught<D>, spoken: &Spoken) -> Term {
    let Texts { padded, lens, .. } = &spoken.texts;
    let symbols = lens.iter().sum::<usize>().max(1) as f64;
    let frames = spoken.frames.lens.iter().sum::<usize>() as f64;
    let mut gradient = vec![0.0; told.len()];
    let mut sum = 0.0;
    for (row, durations) in taught.durations.iter().enumerate() {
        for (at, &duration) in durations.iter().enumerate() {
            let at = row * padded + at;
            let error = f64::from(told[at]) - (duration as f64).ln();
            sum += error * error;
            gradient[at] = (2.0 * error / symbols * frames) as f32;
        }
    }
    Term { mean: sum / symbols, gradient }
}

/// How well an utterance's frames were told: a line of preds.jsonl.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Uttered {
    pub name: String,
    /// Mean squared error of the mel values, refined where they are, the decoder hearing the true frame before.
    pub mel_mse: f64,
    /// Frames that the durations add up to, and those of the recording.
    pub frames_told: usize,
    pub frames: usize,
    /// The symbols of its text, as they are written.
    pub symbols: Vec<&'static str>,
    /// Frames of each symbol, as they were found; none where nothing looks for them.
    pub durations: Vec<usize>,
}

/// Collects utterances and says how well the model told them.
#[derive(Debug, Default)]
pub struct SpeechJudge {
    utterances: Vec<Uttered>,
    /// Sums of the terms, each weighed by frames.
    sums: BTreeMap<&'static str, f64>,
    frames: f64,
}

impl SpeechJudge {
    /// Judges a batch.
    ///
    /// # Errors
    /// The device failed.
    pub fn add<D: Backend>(
        &mut self,
        task: &Speaking,
        batch: &Batch,
        spoken: &Spoken,
        taught: &Taught<D>,
    ) -> Result<(), OpError> {
        self.sum(spoken, Terms::of(taught, spoken, task.mel.bands())?.means());
        let made = taught.refined.as_ref().unwrap_or(&taught.frames).download()?;
        let told = taught.log_durations.download()?;
        for row in 0..batch.len() {
            let durations = taught.durations[row].clone();
            let told = &told[row * spoken.texts.padded..][..durations.len()];
            let frames_told = told.iter().map(|told| frames_of(*told, 1.0)).sum();
            self.utter(batch, spoken, &made, row, Uttered { frames_told, durations, ..Uttered::default() });
        }
        Ok(())
    }

    /// Judges a batch that the ablation told: an utterance lasts until a frame is told to be the last.
    ///
    /// # Errors
    /// The device failed.
    pub fn add_continued<D: Backend>(
        &mut self,
        task: &Speaking,
        batch: &Batch,
        spoken: &Spoken,
        made: &Continued<D>,
    ) -> Result<(), OpError> {
        self.sum(spoken, ContinuedTerms::of(made, spoken, task.mel.bands())?.means());
        let (frames, stops) = (made.frames.download()?, made.stops.download()?);
        for row in 0..batch.len() {
            let (padded, len) = (spoken.frames.padded, spoken.frames.lens[row]);
            let stops = &stops[row * padded..][..len];
            let frames_told = stops.iter().position(|stop| *stop > 0.0).map_or(len, |last| last + 1);
            self.utter(batch, spoken, &frames, row, Uttered { frames_told, ..Uttered::default() });
        }
        Ok(())
    }

    /// Adds the terms of a batch, each weighed by frames.
    fn sum(&mut self, spoken: &Spoken, means: BTreeMap<&'static str, f64>) {
        let frames = spoken.frames.lens.iter().sum::<usize>() as f64;
        for (name, mean) in means {
            *self.sums.entry(name).or_default() += frames * mean;
        }
        self.frames += frames;
    }

    /// Adds what was told of an utterance, of which `told` has durations.
    fn utter(&mut self, batch: &Batch, spoken: &Spoken, made: &[f32], row: usize, told: Uttered) {
        let MelFrames { values, padded, lens } = &spoken.frames;
        let bands = values.len() / (padded * lens.len()).max(1);
        let span = row * padded * bands..(row * padded + lens[row]) * bands;
        let errors = made[span.clone()].iter().zip(&values[span]);
        let squares: f64 = errors.map(|(made, value)| f64::from(made - value).powi(2)).sum();
        self.utterances.push(Uttered {
            name: batch.names[row].clone(),
            mel_mse: squares / (lens[row] * bands).max(1) as f64,
            frames: lens[row],
            symbols: batch.labels[row].symbols.iter().map(|symbol| spoken::name(*symbol)).collect(),
            ..told
        });
    }

    /// The metrics so far: `loss`, its terms, and by how much of its length an utterance is told too long or too short.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let terms = self.sums.iter().map(|(name, sum)| ((*name).to_owned(), sum / self.frames.max(1.0)));
        let mut metrics: BTreeMap<String, f64> = terms.collect();
        metrics.insert("loss".to_owned(), metrics.values().sum());
        let apart = self
            .utterances
            .iter()
            .map(|one| one.frames_told.abs_diff(one.frames) as f64 / one.frames.max(1) as f64);
        metrics.insert("length_error".to_owned(), apart.sum::<f64>() / self.utterances.len().max(1) as f64);
        metrics
    }

    /// What was judged, in that order.
    pub fn into_utterances(self) -> Vec<Uttered> {
        self.utterances
    }
}

/// Frames of a symbol by ln of its duration, at a pace: one at least.
pub fn frames_of(log_duration: f32, length_scale: f32) -> usize {
    // A model that has learnt nothing may say anything; no symbol lasts longer than this.
    const MOST: f32 = 1_000.0;
    (log_duration.exp() * length_scale).min(MOST).ceil().max(1.0) as usize
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;

    fn taught() -> (Taught<Cpu>, Spoken) {
        let device = Cpu::default();
        let frames = |values: [f32; 6]| Array::from_vec(&device, values.to_vec(), [2, 3, 1]).unwrap();
        // Two utterances of one band: three frames of two symbols, one frame of one.
        let taught = Taught {
            frames: frames([1.0, 2.0, 4.0, 0.5, 9.0, 9.0]),
            refined: Some(frames([1.0, 2.5, 3.0, 1.0, 9.0, 9.0])),
            means: frames([0.0, 2.0, 2.0, 0.0, 9.0, 9.0]),
            log_durations: Array::from_vec(&device, vec![0.5, 1.0, 0.0, 7.0], [2, 2]).unwrap(),
            durations: vec![vec![1, 2], vec![1]],
        };
        let spoken = Spoken {
            texts: Texts { symbols: vec![1, 2, 3, 0], padded: 2, lens: vec![2, 1], speakers: Vec::new() },
            frames: MelFrames { values: vec![1.0, 2.0, 3.0, 1.0, 0.0, 0.0], padded: 3, lens: vec![3, 1] },
        };
        (taught, spoken)
    }

    #[test]
    fn terms_are_means_over_what_is_no_padding() {
        let (taught, spoken) = taught();
        let terms = Terms::of(&taught, &spoken, 1).unwrap();
        let means = terms.means();
        assert!((means["mel"] - (1.0 + 0.25) / 4.0).abs() < 1e-12);
        assert!((means["refined"] - (0.25 + 0.5) / 4.0).abs() < 1e-12);
        let tau = std::f64::consts::TAU.ln();
        assert!((means["prior"] - 0.5 * ((1.0 + 0.0 + 1.0 + 1.0) / 4.0 + tau)).abs() < 1e-12);
        let apart = 1.0 - 2f64.ln();
        assert!((means["duration"] - (0.25 + apart * apart) / 3.0).abs() < 1e-7);
        assert!(terms.frames.gradient[4..].iter().chain(&terms.prior.gradient[4..]).all(|x| *x == 0.0));
        assert_eq!(terms.duration.gradient[3], 0.0);
    }

    /// Each gradient by central differences of frames times the mean.
    #[test]
    fn gradients_are_those_of_the_terms() {
        let (taught, spoken) = taught();
        let step = 1e-3;
        let nudged = |which: usize, at: usize, by: f32| {
            let device = Cpu::default();
            let (mut taught, spoken) = self::taught();
            let refined = taught.refined.take().unwrap();
            let mut arrays = [taught.frames, refined, taught.means, taught.log_durations];
            let mut values = arrays[which].to_vec();
            values[at] += by;
            arrays[which] = Array::from_vec(&device, values, arrays[which].shape()).unwrap();
            let [frames, refined, means, log_durations] = arrays;
            let taught =
                Taught { frames, refined: Some(refined), means, log_durations, durations: taught.durations };
            4.0 * Terms::of(&taught, &spoken, 1).unwrap().means().values().sum::<f64>()
        };
        let terms = Terms::of(&taught, &spoken, 1).unwrap();
        let refined = terms.refined.unwrap().gradient;
        let all = [terms.frames.gradient, refined, terms.prior.gradient, terms.duration.gradient];
        for (which, gradient) in all.iter().enumerate() {
            for (at, got) in gradient.iter().enumerate() {
                let want = (nudged(which, at, step) - nudged(which, at, -step)) / (2.0 * f64::from(step));
                // |x| has no slope at 0, where the specification says 0.
                assert!((f64::from(*got) - want).abs() < 5e-3, "term {which}, {at}: {got} for {want}");
            }
        }
    }

    #[test]
    fn a_symbol_lasts_a_frame_at_least() {
        assert_eq!([-9.0, 0.0, 1.0, f32::NAN, 99.0].map(|told| frames_of(told, 1.0)), [1, 1, 3, 1000, 1000]);
        assert_eq!(frames_of(1.0, 2.0), 6);
    }
}
