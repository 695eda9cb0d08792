//! What is this model? From a plan to parameters and a forward pass that yields every named activation.
//!
//! [`Wav2vec2`] is a network (feature encoder, encoder with attention or Mamba mixers, CTC and classifier heads), [`sashimi`] has two more;
//! [`Model`] is one of them with its parameters; [`weights`] reads and writes them under the reference's names. Not for: losses and metrics (`task`), updates
//! (`train`). Start at [`Model::build`].

mod build;
mod encoder;
mod feature_encoder;
mod heads;
pub mod hub;
mod keyword;
mod masks;
mod pretrained;
mod published;
mod recogniser;
pub mod sashimi;
mod torch;
mod wav2vec2;
pub mod weights;

pub use build::{Model, ModelError, Network, declare};
pub use feature_encoder::FeatureEncoder;
pub use heads::{Classed, Pooled};
pub use keyword::Keyword;
pub use published::Published;
pub use recogniser::{Activations, Input, Recogniser};
pub use sashimi::{Diffwave, Sashimi};
pub use wav2vec2::Wav2vec2;
