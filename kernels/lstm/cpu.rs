//! The CPU kernel: one product for all inputs, then a product of a row with the hidden weight for each step.
//!
//! Each gate of a step is a scalar product of its own, so that threads may share them out without changing a sum.

use rayon::prelude::*;

use super::Lstm;
use crate::device::scratch;
use crate::linear::cpu::add_column_sums;
use crate::matmul::{Product, View, matmul, matmul_serial, matmul_then};
use crate::op::{CpuOp, Gradient, Held};
use crate::simd;

/// Gates of a task.
const GATES: usize = 256;

/// What backward needs: gates behind their functions [B, T, 4H] and cells [B, T, H].
#[derive(Default)]
pub struct Saved {
    gates: Vec<f32>,
    cells: Vec<f32>,
}

impl Held for Saved {
    fn held_bytes(&self) -> usize {
        self.gates.held_bytes() + self.cells.held_bytes()
    }
}

impl CpuOp for Lstm {
    type Saved = Saved;

    fn keeps_input(&self, index: usize) -> bool {
        !matches!(index, 3 | 4)
    }

    fn keeps_output(&self, index: usize) -> bool {
        index == 0
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Saved {
        let [x, input, hidden, input_bias, hidden_bias, h, c] = inputs else { unreachable!("seven inputs") };
        let width = 4 * self.hidden;
        let bias: Vec<f32> = input_bias.iter().zip(*hidden_bias).map(|(a, b)| a + b).collect();
        let mut gates = scratch(self.batch * self.time * width);
        let rows = View::new(x, self.batch * self.time, self.inputs);
        let product = Product { alpha: 1.0, a: rows, b: View::new(input, width, self.inputs).t(), beta: 0.0 };
        matmul_then(&product, &mut gates, &|_, col, piece| simd::add(piece, &bias[col..]));
        let mut cells = if save { scratch(self.batch * self.time * self.hidden) } else { Vec::new() };
        let (y, last) = outputs.split_at_mut(1);
        last[0].copy_from_slice(c);
        for b in 0..self.batch {
            let mut before = h[b * self.hidden..][..self.hidden].to_vec();
            let cell = &mut last[0][b * self.hidden..][..self.hidden];
            for t in 0..self.time {
                let row = b * self.time + t;
                let gates = &mut gates[row * width..][..width];
                add_products(gates, hidden, &before);
                step(gates, cell, &mut before);
                y[0][row * self.hidden..][..self.hidden].copy_from_slice(&before);
                if save {
                    cells[row * self.hidden..][..self.hidden].copy_from_slice(cell);
                }
            }
        }
        if save { Saved { gates, cells } } else { Saved::default() }
    }

    fn backward(
        &self,
        saved: Saved,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let [x, input, hidden, _, _, h, c, y] = inputs else { unreachable!("seven inputs and an output") };
        let (width, rows) = (4 * self.hidden, self.batch * self.time);
        let Saved { mut gates, cells } = saved;
        for b in 0..self.batch {
            let (dh, dc) = self.back_through_time(b, &mut gates, &cells, hidden, c, doutputs);
            for (index, owed) in [(5, dh), (6, dc)] {
                if let Some(gradient) = &mut dinputs[index] {
                    simd::add(&mut gradient[b * self.hidden..][..self.hidden], &owed);
                }
            }
        }
        // From here on the gates are their gradients.
        let gates = View::new(&gates, rows, width);
        if let Some(dx) = &mut dinputs[0] {
            matmul(1.0, gates, View::new(input, width, self.inputs), 1.0, dx);
        }
        if let Some(dweight) = &mut dinputs[1] {
            matmul(1.0, gates.t(), View::new(x, rows, self.inputs), 1.0, dweight);
        }
        if let Some(dweight) = &mut dinputs[2] {
            let before = self.before(h, y);
            matmul(1.0, gates.t(), View::new(&before, rows, self.hidden), 1.0, dweight);
        }
        for index in [3, 4] {
            if let Some(dbias) = &mut dinputs[index] {
                add_column_sums(gates.data, dbias);
            }
        }
    }
}

impl Lstm {
    /// Turns the gates of sequence `b` into the gradients of what went into them; returns those of its first h and c.
    fn back_through_time(
        &self,
        b: usize,
        gates: &mut [f32],
        cells: &[f32],
        hidden: &[f32],
        first_cell: &[f32],
        doutputs: &[&[f32]],
    ) -> (Vec<f32>, Vec<f32>) {
        let (wide, width) = (self.hidden, 4 * self.hidden);
        let mut dh = vec![0.0; wide];
        let mut dc = doutputs[1][b * wide..][..wide].to_vec();
        for t in (0..self.time).rev() {
            let row = b * self.time + t;
            simd::add(&mut dh, &doutputs[0][row * wide..][..wide]);
            let cell = &cells[row * wide..][..wide];
            let before =
                if t == 0 { &first_cell[b * wide..][..wide] } else { &cells[(row - 1) * wide..][..wide] };
            let gates = &mut gates[row * width..][..width];
            back_step(gates, cell, before, &dh, &mut dc);
            matmul_serial(
                1.0,
                View::new(gates, 1, width),
                View::new(hidden, width, wide),
                0.0,
                &mut dh,
                wide,
            );
        }
        (dh, dc)
    }

    /// h before each step [B, T, H].
    fn before(&self, first: &[f32], y: &[f32]) -> Vec<f32> {
        let wide = self.hidden;
        let mut before = scratch(y.len());
        if self.time == 0 {
            return before;
        }
        for (b, before) in before.chunks_exact_mut(self.time * wide).enumerate() {
            let (start, rest) = before.split_at_mut(wide);
            start.copy_from_slice(&first[b * wide..][..wide]);
            rest.copy_from_slice(&y[b * self.time * wide..][..rest.len()]);
        }
        before
    }
}

/// `gates += weight · h`, row by row.
fn add_products(gates: &mut [f32], weight: &[f32], h: &[f32]) {
    gates.par_chunks_mut(GATES).zip(weight.par_chunks(GATES * h.len())).for_each(|(gates, weight)| {
        simd::dispatch(
            #[inline(always)]
            || {
                for (gate, weight) in gates.iter_mut().zip(weight.chunks_exact(h.len())) {
                    *gate += simd::dot(weight, h);
                }
            },
        );
    });
}

/// Brings the gates through their functions, the cell one step on, and h with it.
fn step(gates: &mut [f32], cell: &mut [f32], h: &mut [f32]) {
    let wide = cell.len();
    let (i, rest) = gates.split_at_mut(wide);
    let (f, rest) = rest.split_at_mut(wide);
    let (g, o) = rest.split_at_mut(wide);
    simd::dispatch(
        #[inline(always)]
        || {
            for at in 0..wide {
                i[at] = simd::sigmoid(i[at]);
                f[at] = simd::sigmoid(f[at]);
                g[at] = tanh(g[at]);
                o[at] = simd::sigmoid(o[at]);
                cell[at] = f[at] * cell[at] + i[at] * g[at];
                h[at] = o[at] * tanh(cell[at]);
            }
        },
    );
}

/// Turns the gates of a step into the gradients of what went into them, and dc into that of the cell before.
fn back_step(gates: &mut [f32], cell: &[f32], before: &[f32], dh: &[f32], dc: &mut [f32]) {
    let wide = cell.len();
    for at in 0..wide {
        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * wide + at]);
        let squashed = tanh(cell[at]);
        let owed = dc[at] + dh[at] * o * (1.0 - squashed * squashed);
        gates[at] = owed * g * i * (1.0 - i);
        gates[wide + at] = owed * before[at] * f * (1.0 - f);
        gates[2 * wide + at] = owed * i * (1.0 - g * g);
        gates[3 * wide + at] = dh[at] * squashed * o * (1.0 - o);
        dc[at] = owed * f;
    }
}

/// By the logistic function, to 1.2e-7 of 1.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    2.0 * simd::sigmoid(2.0 * x) - 1.0
}
