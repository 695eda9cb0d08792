//! The operators of speech state-space models: what is computed.
//!
//! One folder per op, each with its maths and public function (`mod.rs`), an f64 specification in plain loops
//! (`reference.rs`), a fast CPU kernel (`cpu.rs`), a CUDA kernel (`cuda.rs` and a `.cu`), one table of cases that holds them to
//! each other (`tests.rs`), and how it is called by name (`on_files.rs`). The list at the end of this file names them all.
//! Not for: layers, parameters, training. Start at [`Array`], [`Tape`] and [`op::apply`].
//!
//! Letters, here and in the kernels: B batch, T time, C channels, H heads, P channels per head, N state, K taps, V classes.

#![warn(missing_docs)]

#[cfg(any(test, feature = "cuda"))]
pub mod cuda;
pub mod device;
mod elementwise;
pub mod matmul;
pub mod memory;
#[cfg(feature = "on-files")]
pub mod on_files;
pub mod op;
pub mod simd;
pub mod threads;
pub mod trace;

pub mod adamw;
pub mod add;
pub mod add_norm;
pub mod add_to_frames;
pub mod attention;
pub mod binary_cross_entropy;
pub mod blend;
pub mod causal_conv1d;
pub mod conv1d;
pub mod conv_stack;
pub mod conv_transpose1d;
pub mod cross_entropy;
pub mod ctc_loss;
pub mod dropout;
pub mod elu;
pub mod embedding;
pub mod feed_forward;
pub mod fft_conv;
pub mod gelu;
pub mod glu;
pub mod group_norm;
pub mod kl_divergence;
pub mod layer_distance;
pub mod layer_norm;
pub mod linear;
pub mod lstm;
pub mod monotonic_alignment;
pub mod padding;
pub mod place_tokens;
pub mod power_spectrum;
pub mod recompute;
pub mod relu;
pub mod rms_norm;
pub mod s4_kernel;
pub mod s4_step;
pub mod s4d_kernel;
pub mod scalar_norm;
pub mod selective_scan;
pub mod shift;
pub mod silu;
pub mod snake;
pub mod ssd;
pub mod stream;
pub mod swap_axes;
pub mod tanh;
pub mod time_mask;
pub mod weight_norm;

mod array;
mod backend;
mod error;
mod fft;
mod shape;
mod tape;

#[cfg(test)]
pub mod agree;

pub use array::Array;
pub use device::Device;
pub use dfdx::prelude::Cpu;
#[cfg(feature = "cuda")]
pub use dfdx::prelude::Cuda;
pub use error::OpError;
pub use op::Run;
pub use shape::Shape;
pub use tape::{Grads, Left, Tape};

// Every op, the folder's name first.
backend::ops!(
    add::Add,
    add_norm::AddNorm,
    add_to_frames::AddToFrames,
    attention::AttentionOver,
    binary_cross_entropy::BinaryCrossEntropy,
    blend::Blend,
    causal_conv1d::CausalConv1d,
    conv1d::Convolution,
    conv_stack::ConvStack,
    conv_transpose1d::ConvTranspose1d,
    cross_entropy::CrossEntropy,
    ctc_loss::CtcLossOver,
    dropout::Dropout,
    elu::Elu,
    embedding::Embedding,
    feed_forward::FeedForward,
    fft_conv::FftConv,
    gelu::Gelu,
    glu::Glu,
    group_norm::GroupNorm,
    kl_divergence::KlDivergence,
    layer_distance::LayerDistance,
    layer_norm::LayerNorm,
    linear::Linear,
    lstm::Lstm,
    padding::FirstFrame,
    padding::MeanPool,
    padding::ReversePadded,
    padding::ZeroPadding,
    place_tokens::PlaceTokens,
    relu::Relu,
    rms_norm::GatedRmsNorm,
    rms_norm::RmsNorm,
    s4_kernel::S4Kernel,
    s4d_kernel::S4dKernel,
    scalar_norm::ScalarNorm,
    selective_scan::SelectiveScan,
    shift::Shift,
    silu::Silu,
    snake::Snake,
    ssd::SsdScan,
    swap_axes::SwapAxes,
    tanh::Tanh,
    time_mask::TimeMask,
    weight_norm::WeightNorm,
    weight_norm::RowWeightNorm,
);
