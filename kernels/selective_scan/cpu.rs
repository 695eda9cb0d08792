//! The CPU kernel: a tile of channels in the vector lanes, time in short blocks, tasks over sequences × tiles.
//!
//! B_{t,n} and C_{t,n} are scalars for all lanes, so that the recurrence needs no sums across lanes. Forward keeps h at the start
//! of every block; backward recomputes a block's decays and states from there into tiles that stay in the cache.

mod backward;
mod forward;
mod plain;

use std::ops::Range;

use super::SelectiveScan;
use crate::op::Gradient;
use crate::op::{CpuOp, Held};
use crate::simd;
use crate::ssd::decay::LOG2_E;

/// Channels of a task.
const LANES: usize = 64;
/// Steps between the states that forward keeps.
const BLOCK: usize = 16;

/// One value per channel of a tile.
type Lanes = [f32; LANES];

const ZERO: Lanes = [0.0; LANES];

/// The state that enters each block: [task, blocks, N, lanes]; of a simple scan, the state behind each step: [B, T, C, N].
#[derive(Default)]
pub struct Checkpoints(Vec<f32>);

impl Held for Checkpoints {
    fn held_bytes(&self) -> usize {
        self.0.held_bytes()
    }
}

impl CpuOp for SelectiveScan {
    type Saved = Checkpoints;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Checkpoints {
        if outputs[0].is_empty() {
            return Checkpoints::default();
        }
        let operands = Operands::new(self, inputs);
        match self.simple {
            true => Checkpoints(plain::forward(&operands, outputs[0], save)),
            false => forward::run(&operands, outputs[0], save),
        }
    }

    fn backward(
        &self,
        saved: Checkpoints,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        if doutputs[0].is_empty() {
            return;
        }
        let operands = Operands::new(self, inputs);
        match self.simple {
            true => plain::backward(&operands, &saved.0, doutputs[0], dinputs),
            false => backward::run(&operands, &saved.0, doutputs[0], dinputs),
        }
    }
}

/// The inputs by name, and how the work is cut.
struct Operands<'a> {
    op: &'a SelectiveScan,
    u: &'a [f32],
    delta: &'a [f32],
    a_log: &'a [f32],
    b: &'a [f32],
    c: &'a [f32],
    d: &'a [f32],
    z: &'a [f32],
    delta_bias: &'a [f32],
}

impl<'a> Operands<'a> {
    fn new(op: &'a SelectiveScan, inputs: &[&'a [f32]]) -> Self {
        let [u, delta, a_log, b, c, d, z, delta_bias] = inputs else { unreachable!("eight inputs") };
        Operands { op, u, delta, a_log, b, c, d, z, delta_bias }
    }

    /// Tiles of channels, the last one perhaps narrower.
    fn widths(&self) -> Vec<usize> {
        let channels = self.op.channels;
        (0..channels).step_by(LANES).map(|first| LANES.min(channels - first)).collect()
    }

    fn sequences(&self) -> usize {
        self.u.len() / (self.op.time * self.op.channels)
    }

    fn blocks(&self) -> usize {
        self.op.time.div_ceil(BLOCK)
    }

    /// Floats of a tile's state.
    fn state_len(&self) -> usize {
        self.op.state * LANES
    }

    fn task(&self, index: usize) -> Task {
        let tiles = self.op.channels.div_ceil(LANES);
        let first = index % tiles * LANES;
        Task { sequence: index / tiles, first, width: LANES.min(self.op.channels - first) }
    }

    /// A_n log2 e of each channel, state-major; 0 in lanes without a channel.
    fn rates(&self, task: Task) -> Vec<Lanes> {
        let state = self.op.state;
        let mut rates = vec![ZERO; state];
        for (n, rates) in rates.iter_mut().enumerate() {
            for (lane, rate) in rates[..task.width].iter_mut().enumerate() {
                *rate = -self.a_log[(task.first + lane) * state + n].exp() * LOG2_E;
            }
        }
        rates
    }

    /// A per-channel vector's values for the task.
    fn per_channel(&self, values: &[f32], task: Task) -> Lanes {
        load(&values[task.first..][..task.width])
    }

    /// The task's channels of a [B, T, C] operand over `span`, one entry a step.
    ///
    /// A block is fetched before any of it is used, so that the waits for memory overlap.
    #[inline(always)]
    fn fetch(&self, data: &[f32], task: Task, span: Range<usize>, into: &mut [Lanes]) {
        let rows = data[task.sequence * self.op.time * self.op.channels..].chunks(self.op.channels);
        for (row, lanes) in rows.skip(span.start).take(span.len()).zip(into) {
            *lanes = load(&row[task.first..][..task.width]);
        }
    }

    /// B or C at time `t`.
    #[inline(always)]
    fn states(&self, data: &'a [f32], task: Task, t: usize) -> &'a [f32] {
        &data[(task.sequence * self.op.time + t) * self.op.state..][..self.op.state]
    }
}

/// A sequence and a tile of its channels.
#[derive(Clone, Copy)]
struct Task {
    sequence: usize,
    first: usize,
    width: usize,
}

/// Zeros in the lanes beyond `values`.
#[inline(always)]
fn load(values: &[f32]) -> Lanes {
    // A copy of known length needs no call.
    if let Ok(lanes) = values.try_into() {
        return lanes;
    }
    let mut lanes = ZERO;
    lanes[..values.len()].copy_from_slice(values);
    lanes
}

/// Δ from raw steps and bias.
#[inline(always)]
fn steps(raw: &Lanes, bias: &Lanes) -> Lanes {
    let mut delta = ZERO;
    for l in 0..LANES {
        delta[l] = simd::softplus(raw[l] + bias[l]);
    }
    delta
}
