//! The device half of ops: CUDA kernels, and how they are started.
//!
//! An op's device half is `OP/cuda.rs`, a [`CudaOp`] that says which kernels run over which extents, and `OP/OP.cu`, the kernels. It knows a GPU
//! only as a [`Launch`]. Two things are one: `Driver` (feature `cuda`) is a real one, and the emulator (tests only) runs the very same `.cu`
//! files on the CPU, so that extents, grids and the arithmetic of every thread are held to the op's specification on a machine without a GPU.
//! What the emulator cannot tell is speed, and what a compiler for GPUs makes of the source: the gate compiles every file with NVRTC.
//!
//! Not for: how a tensor's device address is found (`device/`). Start at [`CudaOp`], then `add/cuda.rs` as a small complete one;
//! `common.cuh` and `fft.cuh` stand before every `.cu`.

pub(crate) mod fft;
mod found;
pub(crate) mod frames;
mod gemm;
mod launch;
mod lost;
mod op;
#[cfg(feature = "cuda")]
mod pending;
pub(crate) mod pointwise;
pub(crate) mod reduce;
#[cfg(feature = "cuda")]
mod run;
#[cfg(test)]
mod tests;

#[cfg(feature = "cuda")]
mod cache;
#[cfg(feature = "cuda")]
mod driver;
#[cfg(test)]
pub mod emulator;
#[cfg(feature = "cuda")]
mod staging;

pub use found::Gpu;
pub use gemm::{Gemm, Matrix};
pub use launch::{Arg, Buffer, Failure, Grid, Launch, Part, Source};
pub use lost::when_lost;
pub use op::{CudaOp, Gradient};

#[cfg(feature = "cuda")]
pub(crate) use driver::notice;
#[cfg(feature = "cuda")]
pub use driver::{Driver, Precision};
#[cfg(feature = "cuda")]
pub use found::{driver_version, gpus, look};

/// What stands before every `.cu` file.
pub(crate) const COMMON: &str =
    concat!(include_str!("common.cuh"), "\n#line 1 \"fft.cuh\"\n", include_str!("fft.cuh"));
