//! What a measurement comes to: shares, layers, ops, throughput. Times are means over the measured updates unless a name says otherwise.

use serde::Serialize;

use super::Measured;
use super::sums::{Per, layers, ops, part_of, phases, starred};

/// A profile in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Updates measured.
    pub steps: u64,
    /// Time of them all.
    pub wall_secs: f64,
    /// Parts of an update in their order; the last is what no other holds.
    pub phases: Vec<PhaseCost>,
    /// The parts of the model in the order data meets them, then what lies in none of them: the objective, the teacher.
    pub layers: Vec<LayerCost>,
    /// Modules, those of the same name in all layers together, the costliest first.
    pub modules: Vec<LayerCost>,
    /// Ops by name, the costliest first.
    pub ops: Vec<OpCost>,
    pub throughput: Throughput,
}

/// A part of an update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseCost {
    pub name: String,
    /// Median over updates.
    pub median_ms: f64,
    /// Of the wall time; all shares add up to 1.
    pub share: f64,
}

/// The ops of a layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LayerCost {
    /// What the names of its parameters begin with.
    pub name: String,
    /// Per update.
    pub forward_ms: f64,
    /// Per update.
    pub backward_ms: f64,
    /// Of the wall time.
    pub share: f64,
    /// What its ops return, for the largest micro-batch.
    pub output_bytes: u64,
    /// What is held of it from forward to backward, for the largest micro-batch.
    pub saved_bytes: u64,
}

/// The ops of a name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OpCost {
    pub name: String,
    /// Forward calls per update.
    pub calls: f64,
    /// Per update.
    pub forward_ms: f64,
    /// Per update.
    pub backward_ms: f64,
    /// Of the wall time.
    pub share: f64,
    /// Of its matrix products forward, per update, in 10⁹ floating-point operations.
    pub forward_gflop: f64,
    /// Of its matrix products backward, per update.
    pub backward_gflop: f64,
    /// Floating-point operations of its matrix products per second of its time; absent where it has none.
    pub gflop_per_sec: Option<f64>,
}

/// How fast it is, and how close to what the machine can do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Throughput {
    pub steps_per_sec: f64,
    /// Hours of sound trained on in an hour, padding not counted.
    pub audio_hours_per_hour: f64,
    /// Of all matrix products, the teacher's too, in 10⁹ floating-point operations.
    pub gflop_per_step: f64,
    pub gflop_per_sec: f64,
    /// What a large matrix product alone reached, right before.
    pub product_gflop_per_sec: f64,
    /// The former by the latter.
    pub flop_utilisation: f64,
    /// Peak resident memory of the process, where the system tells; on a GPU, of its memory.
    pub peak_bytes: Option<u64>,
}

impl Summary {
    /// The numbers of a measurement. `parts` are the names of the model's parts, in the order they are to be listed.
    pub fn new(measured: &Measured, parts: &[String]) -> Self {
        let trace = &measured.trace;
        let per = Per::of(trace, measured.steps);
        let mut modules = layers(trace, per, &[], starred);
        modules.sort_by(|a, b| b.share.total_cmp(&a.share));
        Summary {
            steps: measured.steps,
            wall_secs: per.wall_ns as f64 / 1e9,
            phases: phases(trace, per),
            layers: layers(trace, per, parts, |path| part_of(path, parts)),
            modules,
            ops: ops(trace, per),
            throughput: throughput(measured, per),
        }
    }
}

fn throughput(measured: &Measured, per: Per) -> Throughput {
    let wall_secs = per.wall_ns.max(1) as f64 / 1e9;
    let flops: u64 = measured.trace.spans.iter().map(|span| span.flops).sum();
    let gflop_per_sec = flops as f64 / 1e9 / wall_secs;
    let product_gflop_per_sec = measured.product_flops_per_sec / 1e9;
    Throughput {
        steps_per_sec: measured.steps as f64 / wall_secs,
        audio_hours_per_hour: measured.audio_secs / wall_secs,
        gflop_per_step: per.step_gflop(flops),
        gflop_per_sec,
        product_gflop_per_sec,
        flop_utilisation: gflop_per_sec / product_gflop_per_sec,
        peak_bytes: measured.peak_bytes,
    }
}
