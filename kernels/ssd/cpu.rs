//! The CPU kernel: matrix products per chunk, tasks over sequences × blocks of heads.
//!
//! A task walks the chunks of one sequence for a few heads of one group side by side, so that the products with B, C and the
//! states serve all of them at once. C·Bᵀ is made once per group. `forward.rs` and `backward.rs` hold the two walks,
//! `steps.rs` the steps Δ and their running decay.

mod backward;
mod forward;
mod plain;
mod steps;

use std::ops::Range;

use super::{Ssd, SsdScan};
use crate::matmul::View;
use crate::op::Gradient;
use crate::op::{CpuOp, Held};
use steps::Steps;

/// What backward needs of forward.
#[derive(Default)]
pub struct Saved {
    steps: Steps,
    /// C_i·B_j, [B, G, chunks, Q, Q].
    products: Vec<f32>,
    /// The state that enters each chunk, [task, chunks, N, width]; of a simple scan, that behind each step, [B, T, H, P, N].
    states: Vec<f32>,
}

impl Held for Saved {
    fn held_bytes(&self) -> usize {
        self.steps.held_bytes() + self.products.held_bytes() + self.states.held_bytes()
    }
}

impl CpuOp for SsdScan {
    type Saved = Saved;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Saved {
        match Layout::new(self, inputs[1].len()) {
            Some(_) if self.constants.simple => {
                Saved { states: plain::forward(self, inputs, outputs[0], save), ..Saved::default() }
            }
            Some(layout) => forward::run(&layout, inputs, outputs[0], save),
            None => Saved::default(),
        }
    }

    fn backward(
        &self,
        saved: Saved,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        match Layout::new(self, inputs[1].len()) {
            Some(_) if self.constants.simple => {
                plain::backward(self, &saved.states, inputs, doutputs[0], dinputs);
            }
            Some(layout) => backward::run(&layout, &saved, inputs, doutputs[0], dinputs),
            None => {}
        }
    }
}

/// How the work is cut. A function of the operands alone.
#[derive(Clone, Copy)]
struct Layout {
    constants: Ssd,
    batch: usize,
    time: usize,
    /// Steps per chunk actually used, and rounded up to whole vectors.
    chunk: usize,
    stride: usize,
    chunks: usize,
    /// Heads per task; divides the heads of a group.
    block: usize,
    /// Tasks per sequence.
    blocks: usize,
}

/// Floats in a vector row; rows of chunk × chunk tiles are padded to it.
const LANES: usize = 16;

impl Layout {
    /// `None` when there is nothing to do.
    fn new(op: &SsdScan, steps: usize) -> Option<Self> {
        if steps == 0 {
            return None;
        }
        let Ssd { heads, head_dim, groups, chunk, .. } = op.constants;
        let chunk = chunk.min(BEST_CHUNK).min(op.time);
        let per_group = heads / groups;
        let fits = |block: &usize| per_group.is_multiple_of(*block) && block * head_dim <= BLOCK_WIDTH;
        let block = (1..=per_group).rev().find(fits).unwrap_or(1);
        Some(Layout {
            constants: op.constants,
            batch: steps / heads / op.time,
            time: op.time,
            chunk,
            stride: chunk.next_multiple_of(LANES),
            chunks: op.time.div_ceil(chunk),
            block,
            blocks: heads / block,
        })
    }

    fn tasks(&self) -> usize {
        self.batch * self.blocks
    }

    /// Channels of a task.
    fn width(&self) -> usize {
        self.block * self.constants.head_dim
    }

    fn inner(&self) -> usize {
        self.constants.heads * self.constants.head_dim
    }

    /// Columns of xbc.
    fn row(&self) -> usize {
        self.inner() + 2 * self.constants.groups * self.constants.state
    }

    /// Elements of a chunk × chunk tile.
    fn tile(&self) -> usize {
        self.chunk * self.stride
    }

    /// Elements of a task's state.
    fn state(&self) -> usize {
        self.constants.state * self.width()
    }

    fn span(&self, chunk: usize) -> Range<usize> {
        chunk * self.chunk..((chunk + 1) * self.chunk).min(self.time)
    }

    fn task(&self, index: usize) -> Task {
        let (sequence, block) = (index / self.blocks, index % self.blocks);
        let first_head = block * self.block;
        let group = first_head / (self.constants.heads / self.constants.groups);
        Task { sequence, first_head, group }
    }

    /// Rows `span` of a sequence's columns from `first` on.
    fn rows<'a>(&self, data: &'a [f32], row: usize, rows: Rows, first: usize, cols: usize) -> View<'a> {
        let start = (rows.sequence * self.time + rows.first) * row + first;
        View::strided(&data[start..], rows.len, cols, row)
    }

    fn b<'a>(&self, xbc: &'a [f32], rows: Rows, group: usize) -> View<'a> {
        let state = self.constants.state;
        self.rows(xbc, self.row(), rows, self.inner() + group * state, state)
    }

    fn c<'a>(&self, xbc: &'a [f32], rows: Rows, group: usize) -> View<'a> {
        self.b(xbc, rows, self.constants.groups + group)
    }

    /// The tile of C_i·B_j that a task needs.
    fn product<'a>(&self, products: &'a [f32], task: Task, chunk: usize) -> &'a [f32] {
        let index = (task.sequence * self.constants.groups + task.group) * self.chunks + chunk;
        &products[index * self.tile()..][..self.tile()]
    }
}

/// A sequence and a block of its heads.
#[derive(Clone, Copy)]
struct Task {
    sequence: usize,
    first_head: usize,
    group: usize,
}

/// A run of rows of one sequence.
#[derive(Clone, Copy)]
struct Rows {
    sequence: usize,
    first: usize,
    len: usize,
}

/// Where products are few and small enough, and the tiles of a task fit the second cache.
const BEST_CHUNK: usize = 64;
/// Most channels that a task of several heads takes.
const BLOCK_WIDTH: usize = 192;
