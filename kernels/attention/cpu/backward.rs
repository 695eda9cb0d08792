//! Backward: tiles formed again from L, dk and dv gathered over the queries of one tile of keys.
//!
//! One task per batch row and head, its tiles in order: the sums do not depend on the threads.

use std::cell::RefCell;

use rayon::prelude::*;

use super::{Call, Head, KEYS, QUERIES, Tile};
use crate::matmul::{Product, View, matmul_serial, matmul_serial_rows};
use crate::simd;

/// What forward left, and the gradient that came.
pub(super) struct Kept<'a> {
    pub out: &'a [f32],
    pub dout: &'a [f32],
    pub log_sums: &'a [f32],
}

/// Adds to dq, dk and dv; an empty one is not wanted.
pub(super) fn run(call: &Call<'_>, kept: &Kept<'_>, [dq, dk, dv]: [&mut [f32]; 3]) {
    let gradients =
        call.queries(dq).into_iter().zip(call.heads(dk, &call.op.lens)).zip(call.heads(dv, &call.op.lens));
    let mut tasks: Vec<Task<'_>> = gradients
        .enumerate()
        .map(|(flat, ((dq, dk), dv))| Task { head: call.head(flat), flat, dq, dk, dv })
        .collect();
    tasks.par_iter_mut().for_each_init(
        || Scratch::new(call),
        |scratch, task| {
            for key in (0..task.head.len).step_by(KEYS) {
                task.add_keys(call, kept, key, scratch);
            }
        },
    );
}

/// One batch row and head with the rows of its gradients; none where a gradient is not wanted.
struct Task<'d> {
    head: Head,
    flat: usize,
    dq: Vec<&'d mut [f32]>,
    dk: Vec<&'d mut [f32]>,
    dv: Vec<&'d mut [f32]>,
}

struct Scratch {
    /// s, then the weights m p.
    weights: Vec<f32>,
    /// dout·v, then ds.
    dscores: Vec<f32>,
    dq: Vec<f32>,
    dk: Vec<f32>,
    dv: Vec<f32>,
}

impl Scratch {
    fn new(call: &Call<'_>) -> Self {
        let keys = KEYS.min(call.time);
        Scratch {
            weights: vec![0.0; QUERIES * keys],
            dscores: vec![0.0; QUERIES * keys],
            dq: vec![0.0; QUERIES * call.per_head],
            dk: vec![0.0; keys * call.per_head],
            dv: vec![0.0; keys * call.per_head],
        }
    }
}

impl Task<'_> {
    /// All that one tile of keys adds.
    fn add_keys(&mut self, call: &Call<'_>, kept: &Kept<'_>, key: usize, scratch: &mut Scratch) {
        let keys = KEYS.min(self.head.len - key);
        scratch.dk.fill(0.0);
        scratch.dv.fill(0.0);
        let first = if self.head.causal { key / QUERIES * QUERIES } else { 0 };
        for query in (first..self.head.queries).step_by(QUERIES) {
            let queries = QUERIES.min(self.head.queries - query);
            let seen = self.head.keys_of(query + queries - 1) - key;
            self.add_tile(call, kept, Tile { query, queries, key, keys: keys.min(seen) }, scratch);
        }
        let positions = key..key + keys;
        if let Some(rows) = self.dk.get_mut(positions.clone()) {
            add_rows(rows, &scratch.dk, call.op.scale);
        }
        if let Some(rows) = self.dv.get_mut(positions) {
            add_rows(rows, &scratch.dv, 1.0);
        }
    }

    fn add_tile(&mut self, call: &Call<'_>, kept: &Kept<'_>, tile: Tile, scratch: &mut Scratch) {
        let head = self.head;
        let q = call.view(call.q, head, tile.query, tile.queries);
        let k = call.view(call.k, head, tile.key, tile.keys);
        let v = call.view(call.v, head, tile.key, tile.keys);
        let dout = call.view(kept.dout, head, tile.query, tile.queries);
        matmul_serial(call.op.scale, q, k.t(), 0.0, &mut scratch.weights, tile.keys);
        let out = call.view(kept.out, head, tile.query, tile.queries);
        let log_sums = &kept.log_sums[self.flat * call.time + tile.query..][..tile.queries];
        let weights = RefCell::new(scratch.weights.chunks_exact_mut(tile.keys));
        let product = Product { alpha: 1.0, a: dout, b: v.t(), beta: 0.0 };
        // Rows are finished in their order.
        matmul_serial_rows(&product, &mut scratch.dscores, &|r, dscores| {
            let span = r * call.width..r * call.width + call.per_head;
            let Some(weights) = weights.borrow_mut().next() else { return };
            simd::dispatch(
                #[inline(always)]
                || {
                    let delta = simd::dot(&out.data[span.clone()], &dout.data[span]);
                    differentiate(&head, tile, r, log_sums[r], delta, weights, dscores);
                },
            );
        });
        let weights = View::new(&scratch.weights, tile.queries, tile.keys);
        let dscores = View::new(&scratch.dscores, tile.queries, tile.keys);
        if !self.dv.is_empty() {
            matmul_serial(1.0, weights.t(), dout, 1.0, &mut scratch.dv, call.per_head);
        }
        if !self.dk.is_empty() {
            matmul_serial(1.0, dscores.t(), q, 1.0, &mut scratch.dk, call.per_head);
        }
        if let Some(rows) = self.dq.get_mut(tile.query..tile.query + tile.queries) {
            matmul_serial(1.0, dscores, k, 0.0, &mut scratch.dq, call.per_head);
            add_rows(rows, &scratch.dq, call.op.scale);
        }
    }
}

/// Turns row `r` of a tile from s and dout·v into m p and ds.
#[inline(always)]
fn differentiate(
    head: &Head,
    tile: Tile,
    r: usize,
    log_sum: f32,
    delta: f32,
    weights: &mut [f32],
    dscores: &mut [f32],
) {
    let visible = tile.visible(head, r);
    let (weights, hidden) = weights.split_at_mut(visible);
    hidden.fill(0.0);
    let (dscores, hidden) = dscores.split_at_mut(visible);
    hidden.fill(0.0);
    let cells = weights.iter_mut().zip(dscores);
    match head.dropout.row(tile.query + r, tile.key) {
        None => {
            for (weight, dscore) in cells {
                let p = simd::exp_below_zero(*weight - log_sum);
                *weight = p;
                *dscore = p * (*dscore - delta);
            }
        }
        Some(row) => {
            for (j, (weight, dscore)) in cells.enumerate() {
                let (p, factor) = (simd::exp_below_zero(*weight - log_sum), row.factor(j));
                *weight = p * factor;
                *dscore = p * (factor * *dscore - delta);
            }
        }
    }
}

/// Each row += factor · the matching row of a dense tile.
fn add_rows(rows: &mut [&mut [f32]], tile: &[f32], factor: f32) {
    simd::dispatch(
        #[inline(always)]
        || {
            let mut rest = tile;
            for row in rows {
                let (values, after) = rest.split_at(row.len());
                for (sum, value) in row.iter_mut().zip(values) {
                    *sum += factor * value;
                }
                rest = after;
            }
        },
    );
}
