//! `[run]`: the machine, the seed and the arithmetic.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where it runs, and with which numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Where to compute. Only a program that was built with the feature `cuda` can use a GPU.
    ///
    /// - `auto`: The first GPU where there is one that this program can use, otherwise the CPU.
    /// - `cpu`: The CPU.
    /// - `cuda`: The first GPU; an error without one. `cuda:0` is the same.
    /// - `cuda:N`: GPU N, counted from 0, as the driver numbers those that `CUDA_VISIBLE_DEVICES` leaves.
    #[schemars(
        with = "String",
        regex(pattern = r"^(auto|cpu|cuda(:(0|[1-9][0-9]{0,2}))?)$"),
        extend("x-words" = ["auto", "cpu", "cuda", "cuda:N"], "examples" = ["auto", "cpu", "cuda", "cuda:1"])
    )]
    pub device: Device,

    /// CPU threads; 0 = all of them. Results do not depend on it.
    #[schemars(range(max = 4096))]
    pub threads: usize,

    /// Seed of every random draw: weights, dropout, masks, data order.
    #[schemars(range(max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,

    /// Arithmetic asked for; the paper trains in `bf16` (`--mixed_precision`).
    ///
    /// It is part of what a run is; what a device makes of it is told by `plan`: the CPU computes in 32 bits whatever is asked.
    pub precision: Precision,

    /// How the batches of one update share the CPU's threads, where `train.accumulation_steps` is 2 or more.
    ///
    /// It changes no result: a run may go on with another value. Side by side takes the memory of as many batches as there are threads.
    pub micro_batches: MicroBatches,

    /// Processes on this machine that share the batches of one update, at most `train.accumulation_steps`.
    ///
    /// It changes no result: a run may go on with another number. `threads` are shared out among them, and each takes the memory of a run.
    #[schemars(range(min = 1, max = 1024))]
    pub processes: usize,

    /// Memory that a run may take, in GB (10⁹ bytes), all its processes together; 0 = all that the machine has, or lets this program have.
    ///
    /// A run that is foreseen to take more does not start; one that asks for more on its way ends, with a word about the batch that fits.
    #[schemars(range(min = 0.0))]
    pub max_memory_gb: f64,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            threads: 0,
            seed: 0,
            precision: Precision::F32,
            micro_batches: MicroBatches::Auto,
            processes: 1,
            max_memory_gb: 0.0,
        }
    }
}

/// Where to compute: one word in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// The first GPU when there is one and the program was built for it, otherwise the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number; an error without it.
    Cuda(usize),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Auto => f.write_str("auto"),
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(0) => f.write_str("cuda"),
            Device::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match (text.as_str(), text.strip_prefix("cuda:").and_then(|index| index.parse().ok())) {
            ("auto", _) => Ok(Device::Auto),
            ("cpu", _) => Ok(Device::Cpu),
            ("cuda", _) => Ok(Device::Cuda(0)),
            (_, Some(index)) => Ok(Device::Cuda(index)),
            _ => Err(format!("`{text}` is no device: `auto`, `cpu`, `cuda` and `cuda:N` are")),
        }
    }
}

/// Arithmetic of the matrix products while training. What neither the GPU nor the processor has is computed in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats throughout.
    F32,
    /// On a GPU, products of numbers with 10 bits of mantissa, summed in 32 bits; everything else stays 32-bit.
    Tf32,
    /// On a GPU, and on a processor with matrix tiles (AMX): products of bfloat16 numbers, summed in 32 bits; weights and everything else stay 32-bit.
    Bf16,
}

/// How the batches of one update share the CPU's threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MicroBatches {
    /// Side by side where there are as many batches as threads, and memory for them; otherwise in turn. `plan` says which, and why.
    Auto,
    /// One after the other, each on all threads: one batch in memory at a time.
    InTurn,
    /// As many at a time as there are threads, each on one thread; those that are left at the end in turn. On a GPU: in turn.
    SideBySide,
}
