//! `[run]`: the machine, the seed and the arithmetic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where it runs, and with which numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Where to compute.
    pub device: Device,

    /// CPU threads; 0 = all of them. Results do not depend on it.
    #[schemars(range(max = 4096))]
    pub threads: usize,

    /// Seed of every random draw: weights, dropout, masks, data order.
    #[schemars(range(max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,

    /// Arithmetic asked for; the paper trains in `bf16` (`--mixed_precision`).
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

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The GPU when there is one and the program was built for it, otherwise the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU; an error without one.
    Cuda,
}

/// Arithmetic of the matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats throughout.
    F32,
    /// Products of bfloat16 numbers, summed in 32 bits; weights and everything else stay 32-bit.
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
