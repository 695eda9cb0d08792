//! Forward: C·Bᵀ per group, then each task's walk over its chunks.

use rayon::prelude::*;

use super::steps::{ChunkSteps, Steps};
use super::{LANES, Layout, Rows, Saved, Task};
use crate::matmul::{View, matmul_serial};
use crate::simd;
use crate::ssd::columns;

pub(super) fn run(layout: &Layout, inputs: &[&[f32]], y: &mut [f32], save: bool) -> Saved {
    let [xbc, dt, a_log, d, dt_bias] = inputs else { unreachable!("five inputs") };
    let steps = Steps::new(layout, dt, a_log, dt_bias);
    let products = products(layout, xbc);
    // Without a backward pass one state per task is enough.
    let kept = layout.state() * if save { layout.chunks } else { 1 };
    let mut states = vec![0.0; layout.tasks() * kept];
    let parts = columns::split(y, layout.time, &vec![layout.width(); layout.blocks]);
    parts.into_par_iter().zip(states.par_chunks_mut(kept)).enumerate().for_each(
        |(index, (mut y, states))| {
            let mut walk = Walk::new(layout, layout.task(index), &steps, &products, xbc, d);
            for chunk in 0..layout.chunks {
                walk.chunk(chunk, states, &mut y);
            }
        },
    );
    if save { Saved { steps, products, states } } else { Saved::default() }
}

/// C_i·B_j for each sequence, group and chunk.
fn products(layout: &Layout, xbc: &[f32]) -> Vec<f32> {
    let groups = layout.constants.groups;
    let mut products = vec![0.0; layout.batch * groups * layout.chunks * layout.tile()];
    products.par_chunks_mut(layout.tile()).enumerate().for_each(|(index, tile)| {
        let (owner, span) = (index / layout.chunks, layout.span(index % layout.chunks));
        let rows = Rows { sequence: owner / groups, first: span.start, len: span.len() };
        let (b, c) = (layout.b(xbc, rows, owner % groups), layout.c(xbc, rows, owner % groups));
        matmul_serial(1.0, c, b.t(), 0.0, tile, layout.stride);
    });
    products
}

/// One task's operands and scratch.
struct Walk<'a> {
    layout: &'a Layout,
    task: Task,
    steps: &'a Steps,
    products: &'a [f32],
    xbc: &'a [f32],
    d: &'a [f32],
    head_steps: Vec<ChunkSteps>,
    /// M of one head, chunk × chunk.
    mixing: Vec<f32>,
    /// y, then x scaled for the state: chunk × width.
    rows: Vec<f32>,
    /// One decay per step.
    decay: Vec<f32>,
}

impl<'a> Walk<'a> {
    fn new(
        layout: &'a Layout,
        task: Task,
        steps: &'a Steps,
        products: &'a [f32],
        xbc: &'a [f32],
        d: &'a [f32],
    ) -> Self {
        Walk {
            layout,
            task,
            steps,
            products,
            xbc,
            d,
            head_steps: (0..layout.block).map(|_| ChunkSteps::new(layout)).collect(),
            mixing: vec![0.0; layout.tile()],
            rows: vec![0.0; layout.chunk * layout.width()],
            decay: vec![0.0; layout.stride],
        }
    }

    /// Writes the outputs of `chunk` and the state that enters the next one.
    fn chunk(&mut self, chunk: usize, states: &mut [f32], y: &mut [&mut [f32]]) {
        let (layout, span) = (self.layout, self.layout.span(chunk));
        let rows = Rows { sequence: self.task.sequence, first: span.start, len: span.len() };
        for (k, steps) in self.head_steps.iter_mut().enumerate() {
            self.steps.load(layout, self.task.sequence, self.task.first_head + k, chunk, steps);
        }
        let slot = if states.len() > layout.state() { chunk } else { 0 };
        if chunk > 0 {
            self.add_incoming(&states[slot * layout.state()..][..layout.state()], rows);
        }
        for k in 0..layout.block {
            self.add_within(k, chunk, rows);
        }
        for (y, row) in y[span].iter_mut().zip(self.rows.chunks_exact(layout.width())) {
            y.copy_from_slice(row);
        }
        if chunk + 1 < layout.chunks {
            self.pass_state(chunk, slot, states, rows);
        }
    }

    /// rows ← e^{s_i} S C_i.
    fn add_incoming(&mut self, state: &[f32], rows: Rows) {
        let (layout, width) = (self.layout, self.layout.width());
        let c = layout.c(self.xbc, rows, self.task.group);
        let state = View::new(state, layout.constants.state, width);
        matmul_serial(1.0, c, state, 0.0, &mut self.rows, width);
        let head_dim = layout.constants.head_dim;
        let (steps, decay, out) = (&self.head_steps, &mut self.decay, &mut self.rows);
        simd::dispatch(
            #[inline(always)]
            || {
                for (k, steps) in steps.iter().enumerate() {
                    steps.since_start(decay);
                    for (row, decay) in out.chunks_exact_mut(width).zip(decay.iter()) {
                        row[k * head_dim..][..head_dim].iter_mut().for_each(|y| *y *= decay);
                    }
                }
            },
        );
    }

    /// rows += M x + D x for the task's head `k`; the first chunk, which nothing enters, overwrites them.
    fn add_within(&mut self, k: usize, chunk: usize, rows: Rows) {
        let (layout, head) = (self.layout, self.task.first_head + k);
        let product = layout.product(self.products, self.task, chunk);
        let (steps, mixing, d) = (&self.head_steps[k], &mut self.mixing, self.d[head]);
        simd::dispatch(
            #[inline(always)]
            || fill_mixing(layout.stride, product, steps, d, &mut mixing[..rows.len * layout.stride]),
        );
        let head_dim = layout.constants.head_dim;
        let mixing = View::strided(&self.mixing, rows.len, rows.len, layout.stride);
        let x = layout.rows(self.xbc, layout.row(), rows, head * head_dim, head_dim);
        let keep = if chunk > 0 { 1.0 } else { 0.0 };
        matmul_serial(1.0, mixing, x, keep, &mut self.rows[k * head_dim..], layout.width());
    }

    /// S ← e^{s_last} S + Σ_j e^{s_last−s_j} Δ_j B_j x_jᵀ, in place or into the next slot.
    fn pass_state(&mut self, chunk: usize, slot: usize, states: &mut [f32], rows: Rows) {
        let (layout, width, len) = (self.layout, self.layout.width(), self.layout.state());
        let saved = states.len() > len;
        let x = layout.rows(
            self.xbc,
            layout.row(),
            rows,
            self.task.first_head * layout.constants.head_dim,
            width,
        );
        scale_inputs(layout, &self.head_steps, x, &mut self.decay, &mut self.rows);
        if saved && chunk > 0 {
            states.copy_within(slot * len..(slot + 1) * len, (slot + 1) * len);
        }
        let next = &mut states[if saved { slot + 1 } else { 0 } * len..][..len];
        if chunk > 0 {
            scale_heads(layout, &self.head_steps, next);
        }
        let b = layout.b(self.xbc, rows, self.task.group);
        let keep = if chunk > 0 { 1.0 } else { 0.0 };
        matmul_serial(1.0, b.t(), View::new(&self.rows, rows.len, width), keep, next, width);
    }
}

/// M, the diagonal carrying D as well.
#[inline(always)]
fn fill_mixing(stride: usize, product: &[f32], steps: &ChunkSteps, d: f32, mixing: &mut [f32]) {
    for (i, row) in mixing.chunks_exact_mut(stride).enumerate() {
        let (lower, upper) = row.split_at_mut((i + 1).next_multiple_of(LANES));
        steps.decay_row(i, lower);
        let product = &product[i * stride..][..lower.len()];
        for ((m, product), delta) in lower.iter_mut().zip(product).zip(&steps.delta) {
            *m *= product * delta;
        }
        lower[i] += d;
        upper.fill(0.0);
    }
}

/// into ← e^{s_last−s_j} Δ_j x_j for the heads of a task.
pub(super) fn scale_inputs(
    layout: &Layout,
    steps: &[ChunkSteps],
    x: View<'_>,
    decay: &mut [f32],
    into: &mut [f32],
) {
    let head_dim = layout.constants.head_dim;
    simd::dispatch(
        #[inline(always)]
        || {
            for (k, steps) in steps.iter().enumerate() {
                steps.to_end(decay);
                for j in 0..x.rows {
                    let scale = decay[j] * steps.delta[j];
                    let x = &x.data[j * x.row_stride + k * head_dim..][..head_dim];
                    let into = &mut into[j * layout.width() + k * head_dim..][..head_dim];
                    for (into, x) in into.iter_mut().zip(x) {
                        *into = scale * x;
                    }
                }
            }
        },
    );
}

/// state ← e^{s_last} state for the heads of a task.
pub(super) fn scale_heads(layout: &Layout, steps: &[ChunkSteps], state: &mut [f32]) {
    let head_dim = layout.constants.head_dim;
    simd::dispatch(
        #[inline(always)]
        || {
            for (k, steps) in steps.iter().enumerate() {
                let decay = steps.whole();
                for row in state.chunks_exact_mut(layout.width()) {
                    row[k * head_dim..][..head_dim].iter_mut().for_each(|s| *s *= decay);
                }
            }
        },
    );
}
