//! What is this model? From a plan to parameters and a forward pass that yields every named activation.
//!
//! [`Wav2vec2`] is the network (feature encoder, encoder with attention or Mamba mixers, CTC and classifier heads); [`Model`] is a network
//! with its parameters; [`weights`] reads and writes them under the reference's names. Not for: losses and metrics (`task`), updates
//! (`train`). Start at [`Model::build`].

mod build;
mod encoder;
mod feature_encoder;
mod heads;
pub mod hub;
mod masks;
mod pretrained;
mod published;
pub mod sashimi;
mod torch;
mod wav2vec2;
pub mod weights;

pub use build::{Model, ModelError, declare};
pub use feature_encoder::FeatureEncoder;
pub use heads::Pooled;
pub use published::Published;
pub use wav2vec2::{Activations, Input, Wav2vec2};
