//! What is this model? From a plan to parameters and a forward pass that yields every named activation.
//!
//! A family's network has a file or a folder here ([`Keyword`] is the smallest), and below stands the list of them all: [`Network`]. [`Model`] is one
//! with its parameters; [`weights`] reads and writes them under the reference's names; [`parts()`] tells what a network is made of, unbuilt.
//! Not for: losses and metrics (`task`), updates (`train`). Start at [`Model::build`].

mod build;
pub mod codec_lm;
mod encoder;
mod feature_encoder;
mod fixed_front;
mod heads;
pub mod hub;
mod keyword;
mod masks;
mod parts;
pub mod patches;
mod pretrained;
mod published;
mod recogniser;
pub mod sampler;
pub mod sashimi;
mod speaker;
pub mod tacomamba;
pub mod torch;
mod wav2vec2;
pub mod weights;
pub mod yaml;

use kernels::{Backend, OpError};

use crate::nn::{Pass, Scope};
use crate::plan::Body;

pub use build::{Model, ModelError, declare};
pub use codec_lm::CodecLm;
pub use feature_encoder::FeatureEncoder;
pub use fixed_front::{FixedFront, fixed_values};
pub use heads::{Classed, Pooled};
pub use keyword::Keyword;
pub use parts::{Part, Parts, Stage, Step, parts};
pub use patches::{PatchNet, Question};
pub use published::Published;
pub use recogniser::{Activations, Input};
pub use sashimi::{Diffwave, Sashimi};
pub use speaker::SpeakerNet;
pub use tacomamba::{PrefixSpeech, Tacomamba};
pub use wav2vec2::Wav2vec2;

/// A network of one family, by what it is used for: each kind has an input and an output of its own.
#[derive(Debug, Clone)]
pub enum Network {
    /// Waveforms to transcripts or classes.
    Recogniser(Recogniser),
    /// Levels of samples to scores of the next ones.
    Sashimi(Box<Sashimi>),
    /// Noisy waveforms to their noise.
    Diffwave(Box<Diffwave>),
    /// Masked patches of a spectrogram to what they are.
    Patches(Box<PatchNet>),
    /// Texts to mel frames.
    Tacomamba(Box<Tacomamba>),
    /// Texts to mel frames by one stack over both.
    Prefix(Box<PrefixSpeech>),
    /// Texts to codes by one stack over both.
    CodecLm(Box<CodecLm>),
}

/// A network that transcribes or classifies.
#[derive(Debug, Clone)]
pub enum Recogniser {
    Wav2vec2(Box<Wav2vec2>),
    Keyword(Box<Keyword>),
    Speaker(Box<SpeakerNet>),
    Patches(Box<PatchNet>),
}

impl Network {
    fn declare(scope: &mut Scope<'_>, body: &Body) -> Self {
        let recogniser = match body {
            Body::Sashimi(plan) => return Self::Sashimi(Box::new(Sashimi::declare(scope, plan))),
            Body::Diffwave(plan) => return Self::Diffwave(Box::new(Diffwave::declare(scope, plan))),
            Body::Tacomamba(plan) if plan.prefix => {
                return Self::Prefix(Box::new(PrefixSpeech::declare(scope, plan)));
            }
            Body::CodecLm(plan) => return Self::CodecLm(Box::new(CodecLm::declare(scope, plan))),
            Body::Tacomamba(plan) => return Self::Tacomamba(Box::new(Tacomamba::declare(scope, plan))),
            Body::Patches(plan) if plan.task.pretrains() => {
                return Self::Patches(Box::new(PatchNet::declare(scope, plan)));
            }
            Body::Patches(plan) => Recogniser::Patches(Box::new(PatchNet::declare(scope, plan))),
            Body::Wav2vec2(plan) => Recogniser::Wav2vec2(Box::new(Wav2vec2::declare(scope, plan))),
            Body::Keyword(plan) => Recogniser::Keyword(Box::new(Keyword::declare(scope, plan))),
            Body::Speaker(plan) => Recogniser::Speaker(Box::new(SpeakerNet::declare(scope, plan))),
        };
        Self::Recogniser(recogniser)
    }

    /// The network, where it transcribes or classifies.
    pub fn recogniser(&self) -> Option<&Recogniser> {
        match self {
            Self::Recogniser(network) => Some(network),
            Self::Sashimi(_)
            | Self::Diffwave(_)
            | Self::Patches(_)
            | Self::Tacomamba(_)
            | Self::Prefix(_)
            | Self::CodecLm(_) => None,
        }
    }

    /// The network, to be asked about its parts.
    pub fn told(&self) -> &dyn Parts {
        match self {
            Self::Recogniser(Recogniser::Wav2vec2(network)) => network.as_ref(),
            Self::Recogniser(Recogniser::Keyword(network)) => network.as_ref(),
            Self::Recogniser(Recogniser::Speaker(network)) => network.as_ref(),
            Self::Recogniser(Recogniser::Patches(network)) | Self::Patches(network) => network.as_ref(),
            Self::Sashimi(network) => network.as_ref(),
            Self::Diffwave(network) => network.as_ref(),
            Self::Tacomamba(network) => network.as_ref(),
            Self::Prefix(network) => network.as_ref(),
            Self::CodecLm(network) => network.as_ref(),
        }
    }
}

impl Recogniser {
    /// Runs the network; masks and dropout act in train mode only.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        input: &Input<D>,
    ) -> Result<Activations<D>, OpError> {
        match self {
            Self::Wav2vec2(network) => network.forward(pass, input),
            Self::Keyword(network) => network.forward(pass, input),
            Self::Speaker(network) => network.forward(pass, input),
            Self::Patches(network) => network.forward(pass, input),
        }
    }
}
