//! A model that speaks, as `runner eval --recogniser` hears it: what it says, and what its frames or codes leave of a recording.
//!
//! Not for: writing what is said (`speak`, `speak_codes`). Start at [`Voice`].

use kernels::Backend;

use super::Talk;
use super::arguments::EvalArguments;
use super::failure::{self, Failure};
use super::generate::check_draws;
use super::sentences::watched;
use super::speak_codes::lines;
use crate::audio::features::MelSizes;
use crate::audio::synthesis::{GriffinLim, to_loudness};
use crate::data::Spoken;
use crate::generate::{CodesRequest, Line, RMS_DBFS, SpeechRequest, speak, tell};
use crate::model::Model;
use crate::model::sampler::Sampling;
use crate::plan::Plan;
use crate::task::{Coding, Speaking};
use crate::train::{Stop, TrainError};

/// How a model speaks.
pub(super) enum Voice {
    /// By mel frames, the likeliest.
    Frames(Box<Speaking>),
    /// By codes, drawn so.
    Codes(Box<Coding>, Sampling),
}

impl Voice {
    /// The voice of a plan's model.
    ///
    /// # Errors
    /// It has none, or draws nothing and is told how to.
    pub fn of(plan: &Plan, arguments: &EvalArguments) -> Result<Self, Failure> {
        let refused = |message: String, help: &str| Err(Failure::new(failure::REQUEST, message).help(help));
        if let Some(coding) = Coding::of(plan) {
            check_draws(&arguments.draws)?;
            return Ok(Voice::Codes(Box::new(coding), arguments.draws.sampling(plan.run.seed)));
        }
        match (Speaking::of(plan), arguments.draws.given()) {
            (Some(_), Some(option)) => refused(
                format!("`{option}` is for models of codes, and this one is a `{}`", plan.model.family()),
                "leave it out",
            ),
            (Some(speaking), None) => Ok(Voice::Frames(Box::new(speaking))),
            (None, _) => refused(
                format!("a `{}` model does not speak", plan.model.family()),
                "`--recogniser` judges runs of a `[model.tacomamba]` or `[model.codec_lm]`",
            ),
        }
    }

    /// What the model makes of each text and speaker.
    ///
    /// # Errors
    /// A text has nothing to be said, or somebody asked to stop.
    pub fn says<D: Backend>(
        &self,
        device: &D,
        plan: &Plan,
        model: &Model<D>,
        texts: &[(&str, u32)],
        stop: &Stop,
        talk: Talk,
    ) -> Result<Vec<Vec<f32>>, Failure> {
        match self {
            Voice::Frames(task) => {
                let spoken = Spoken::of(plan.model.tacomamba().ok_or(TrainError::Family)?);
                let line = |&(text, speaker): &(&str, u32)| Line {
                    symbols: spoken.symbols(text),
                    speaker,
                    durations: None,
                };
                let request = SpeechRequest::of(texts.iter().map(line).collect(), plan.run.seed);
                let said = watched(stop, talk, |watch| speak(device, model, task, &request, watch))?;
                Ok(said.into_iter().map(|said| said.waveform).collect())
            }
            Voice::Codes(task, sampling) => {
                let codec_lm = plan.model.codec_lm().ok_or(TrainError::Family)?;
                let lines = lines(codec_lm, texts.iter().copied())?;
                let request = CodesRequest { lines, sampling: *sampling, length_scale: 1.0 };
                let told = watched(stop, talk, |watch| tell(model, task, &request, watch))?;
                Ok(told.into_iter().map(|told| told.waveform).collect())
            }
        }
    }

    /// What its frames or codes leave of a recording: nothing that it says can be better.
    ///
    /// # Errors
    /// Its codec cannot be had.
    pub fn copy(&self, recording: &[f32]) -> Result<Vec<f32>, Failure> {
        let mut copy = match self {
            Voice::Frames(task) => task.mel().waveform(&task.mel().run(recording), &GriffinLim::default()),
            Voice::Codes(task, _) => task.copy(recording)?,
        };
        to_loudness(&mut copy, RMS_DBFS);
        Ok(copy)
    }

    /// What such copies are called.
    pub fn copies_are(&self) -> &'static str {
        match self {
            Voice::Frames(_) => "copy synthesis (Griffin–Lim of true mels)",
            Voice::Codes(..) => "copy synthesis (true codes)",
        }
    }

    /// The spectrogram that cepstra are of: the windows that the voice is made with, bands up to what the rate carries.
    pub fn windows(&self, rate_hz: u32) -> MelSizes {
        let sizes = MelSizes::tacotron2(rate_hz);
        let (n_fft, hop_samples) = match self {
            Voice::Frames(task) => (2 * (task.mel().stft().bins() - 1), task.mel().stft().samples(2)),
            Voice::Codes(task, _) => (sizes.n_fft, task.hop_samples()),
        };
        let high_hz = sizes.high_hz.min(f64::from(rate_hz) / 2.0);
        MelSizes { n_fft, window_samples: n_fft, hop_samples, high_hz, ..sizes }
    }
}
