//! The operators of speech state-space models: what is computed.
//!
//! One folder per op, each with its maths and public function (`mod.rs`), an f64 specification in plain loops
//! (`reference.rs`), a fast CPU kernel (`cpu.rs`), a CUDA kernel (`cuda.rs` and a `.cu`), one table of cases that holds them to
//! each other (`tests.rs`), and how it is called by name (`on_files.rs`). The list at the end of this file names them all.
//! Not for: layers, parameters, training. Start at [`Array`], [`Tape`] and [`op::apply`].
//!
//! Letters, here and in the kernels: B batch, T time, C channels, H heads, P channels per head, N state, K taps, V classes.

#![warn(missing_docs)]

pub mod device;
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
pub mod attention;
pub mod causal_conv1d;
pub mod conv1d;
pub mod cross_entropy;
pub mod ctc_loss;
pub mod dropout;
pub mod feed_forward;
pub mod fft_conv;
pub mod gelu;
pub mod group_norm;
pub mod kl_divergence;
pub mod layer_distance;
pub mod layer_norm;
pub mod linear;
pub mod padding;
pub mod recompute;
pub mod rms_norm;
pub mod s4_kernel;
pub mod s4_step;
pub mod selective_scan;
pub mod silu;
pub mod ssd;
pub mod stream;
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
pub use error::OpError;
pub use op::Run;
pub use shape::Shape;
pub use tape::{Grads, Tape};

// Every op, the folder's name first.
backend::ops!(
    add::Add,
    attention::Attention,
    causal_conv1d::CausalConv1d,
    conv1d::Convolution,
    cross_entropy::CrossEntropy,
    ctc_loss::CtcLoss,
    dropout::Dropout,
    feed_forward::FeedForward,
    fft_conv::FftConv,
    gelu::Gelu,
    group_norm::GroupNorm,
    kl_divergence::KlDivergence,
    layer_distance::LayerDistance,
    layer_norm::LayerNorm,
    linear::Linear,
    padding::FirstFrame,
    padding::MeanPool,
    padding::ReversePadded,
    padding::ZeroPadding,
    rms_norm::GatedRmsNorm,
    rms_norm::RmsNorm,
    s4_kernel::S4Kernel,
    selective_scan::SelectiveScan,
    silu::Silu,
    ssd::SsdScan,
    time_mask::TimeMask,
    weight_norm::WeightNorm,
);
