//! What is a layer? Parameters with names, and the blocks that speech models are built from.
//!
//! A layer is declared before it exists: [`Scope`] collects names, shapes and initial distributions (so a plan can count parameters
//! without allocating any), [`Params`] then holds the values on a device, and a layer is only the ids of its own. Layers run on a
//! [`Pass`]. Not for: whole models (`model`), losses (`task`), updates (`train`). Start at [`Scope`] and [`Pass`].

mod attention;
mod bidirectional;
mod causal_layer;
mod conv;
mod fbank;
mod feed_forward;
mod hermitian;
mod init;
mod legs;
mod linear;
mod log_mel;
mod mamba1;
mod mamba2;
mod mixer;
mod norm;
mod normed_linear;
mod params;
mod pass;
mod pool;
mod s4;
mod settle;
mod step_embedding;
pub mod stepping;
mod vision_mamba;

pub use attention::SelfAttention;
pub use bidirectional::Bidirectional;
pub use causal_layer::CausalLayer;
pub use conv::{Conv, PositionalConv, SameConv};
pub use fbank::Filterbank;
pub use feed_forward::FeedForward;
pub use init::{Init, LegsPart, PoleSpread};
pub use linear::Linear;
pub use log_mel::{LogMel, LogMelSizes};
pub use mamba1::{Mamba1, Mamba1Sizes};
pub use mamba2::{Mamba2, Mamba2Sizes};
pub use mixer::{Mixer, MixerSizes};
pub use norm::{LayerNorm, RmsNorm, ScalarNorm};
pub use normed_linear::NormedLinear;
pub use params::{Declaration, Param, ParamId, Params, Scope};
pub use pass::Pass;
pub use pool::{DownPool, UpPool};
pub use s4::{S4, S4Sizes, Space};
pub use step_embedding::StepEmbedding;
pub use vision_mamba::{Directions, VisionMamba};
