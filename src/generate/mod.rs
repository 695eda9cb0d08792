//! What does it make? Sound out of a trained model: sample by sample, out of noise, or out of text.
//!
//! Every clip has a stream of draws of its own, named by the seed and its number; so it is the same however many are made beside it, and on
//! however many threads. Not for: the step of a model (`model`), writing files (`cli`). Start at [`generate`], for
//! speech at [`speak`], for codes of sound at [`tell`].

mod autoregressive;
mod codes;
mod diffusion;
mod prefix;
mod speech;
mod speech_stream;

use std::ops::ControlFlow;

use kernels::{Backend, OpError};

use crate::codec::CodecError;
use crate::model::sampler::Sampling;
use crate::model::sashimi::stream::StreamError;
use crate::model::{Model, Network};
use crate::plan::Body;

pub use codes::{CodesRequest, TextLine, ToldCodes, tell};
pub use diffusion::Reverse;
pub use speech::{Line, RMS_DBFS, Said, SpeechRequest, speak};
pub use speech_stream::SpeechStream;

/// How much is made, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// How many clips, numbered from 0.
    pub clips: usize,
    /// Samples of each, those of the prompt not counted.
    pub samples: usize,
    /// How levels are drawn; out of noise only its seed counts.
    pub sampling: Sampling,
    /// A recording that every clip continues.
    pub prompt: Vec<f32>,
    /// Out of noise: by the few steps of the fast schedule.
    pub fast: bool,
    /// Out of noise: by so many steps, spread over the schedule; 0 = all.
    pub steps: usize,
    pub threads: usize,
}

/// A clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// In [−1, 1] where the model has levels; out of noise it may leave them. The prompt is its beginning.
    pub waveform: Vec<f32>,
    /// Mean ln of the probability of a sample, in nats; out of noise there is none.
    pub mean_log_likelihood: Option<f64>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// S4 heads whose recurrence has been derived, of all.
    Deriving { done: usize, of: usize },
    /// Samples that were stepped, of all clips together, prompts included; or samples of clips times diffusion steps.
    Making { done: usize, of: usize },
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Op(#[from] OpError),
    /// Codes cannot be made sound.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The model makes no sound.
    #[error("a `{0}` model makes no sound")]
    Mute(&'static str),
    /// More samples than the model has at once.
    #[error("a clip has {asked} samples, but the model makes at most {most} at once")]
    TooLong { asked: usize, most: usize },
    /// A recording cannot be continued out of noise.
    #[error("a model that makes sound out of noise continues no recording")]
    Prompt,
    /// The frames of a sentence are made together.
    #[error("a model that makes all frames of a sentence at once has none to be heard before the others")]
    AtOnce,
    /// Frames are told one by one, but nobody has built what streams them.
    #[error("a model that says itself when a sentence ends is not streamed")]
    Unstreamed,
    /// Somebody asked to stop.
    #[error("stopped on request")]
    Stopped,
}

/// Makes clips. `watch` hears how far it is, from any thread, and may break off.
///
/// # Errors
/// The model makes no sound, the request does not fit it, the device failed, or the watcher broke off.
pub fn generate<D: Backend>(
    device: &D,
    model: &Model<D>,
    request: &Request,
    watch: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Vec<Made>, GenerateError> {
    match (&model.plan.body, &model.network) {
        (Body::Sashimi(plan), _) => autoregressive::generate(model, plan, request, watch),
        (Body::Diffwave(plan), Network::Diffwave(network)) => {
            diffusion::generate(device, model, plan, network, request, watch)
        }
        _ => Err(GenerateError::Mute(model.plan.family())),
    }
}
