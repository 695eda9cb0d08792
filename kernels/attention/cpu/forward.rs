//! The streaming softmax: the running maximum and sum of each query, its output rescaled whenever the maximum grows.

use std::cell::RefCell;

use rayon::prelude::*;

use super::{Call, Head, KEYS, QUERIES, Tile};
use crate::cross_entropy::rows;
use crate::matmul::{Product, View, matmul_serial, matmul_serial_rows};
use crate::simd;

/// Fills `out`; and `log_sums` [B, H, T], unless it is empty.
pub(super) fn run(call: &Call<'_>, out: &mut [f32], log_sums: &mut [f32]) {
    let mut heads = call.queries(out);
    let mut tasks = Vec::new();
    let mut log_sums = log_sums.chunks_mut(call.time.max(1));
    for (flat, rows) in heads.iter_mut().enumerate() {
        let head = call.head(flat);
        let mut log_sums = log_sums.next().unwrap_or_default().chunks_mut(QUERIES);
        for (index, rows) in rows.chunks_mut(QUERIES).enumerate() {
            let log_sums = log_sums.next().unwrap_or_default();
            tasks.push(Task { head, query: index * QUERIES, rows, log_sums });
        }
    }
    tasks.into_par_iter().for_each_init(|| Scratch::new(call), |scratch, task| task.run(call, scratch));
}

/// One head's queries from `query` on: as many as there are rows.
struct Task<'t, 'd> {
    head: Head,
    query: usize,
    rows: &'t mut [&'d mut [f32]],
    log_sums: &'t mut [f32],
}

struct Scratch {
    scores: Vec<f32>,
    out: Vec<f32>,
    max: [f32; QUERIES],
    sum: [f32; QUERIES],
}

impl Scratch {
    fn new(call: &Call<'_>) -> Self {
        Scratch {
            scores: vec![0.0; QUERIES * KEYS.min(call.time)],
            out: vec![0.0; QUERIES * call.per_head],
            max: [0.0; QUERIES],
            sum: [0.0; QUERIES],
        }
    }
}

impl Task<'_, '_> {
    fn run(self, call: &Call<'_>, scratch: &mut Scratch) {
        let (query, queries) = (self.query, self.rows.len());
        scratch.max.fill(f32::NEG_INFINITY);
        scratch.sum.fill(0.0);
        let end = self.head.keys_of(query + queries - 1);
        for key in (0..end).step_by(KEYS) {
            self.add_tile(call, Tile { query, queries, key, keys: KEYS.min(end - key) }, scratch);
        }
        simd::dispatch(
            #[inline(always)]
            || {
                for (r, row) in self.rows.iter_mut().enumerate() {
                    let inverse = 1.0 / scratch.sum[r];
                    for (out, sum) in row.iter_mut().zip(&scratch.out[r * call.per_head..]) {
                        *out = sum * inverse;
                    }
                }
            },
        );
        for (r, log_sum) in self.log_sums.iter_mut().enumerate().take(queries) {
            *log_sum = scratch.max[r] + scratch.sum[r].ln();
        }
    }

    fn add_tile(&self, call: &Call<'_>, tile: Tile, scratch: &mut Scratch) {
        let head = self.head;
        let q = call.view(call.q, head, tile.query, tile.queries);
        let k = call.view(call.k, head, tile.key, tile.keys);
        let v = call.view(call.v, head, tile.key, tile.keys);
        let Scratch { scores, out, max, sum } = scratch;
        let product = Product { alpha: call.op.scale, a: q, b: k.t(), beta: 0.0 };
        let state = RefCell::new((out.chunks_exact_mut(call.per_head), max.iter_mut().zip(sum)));
        // Rows are finished in their order.
        matmul_serial_rows(&product, scores, &|r, scores| {
            let (out, statistics) = &mut *state.borrow_mut();
            if let (Some(out), Some((max, sum))) = (out.next(), statistics.next()) {
                simd::dispatch(
                    #[inline(always)]
                    || weigh(&head, tile, r, scores, Query { out, max, sum }),
                );
            }
        });
        let weights = View::new(&scratch.scores, tile.queries, tile.keys);
        let beta = if tile.key == 0 { 0.0 } else { 1.0 };
        matmul_serial(1.0, weights, v, beta, &mut scratch.out, call.per_head);
    }
}

/// What one query has gathered from the tiles before.
struct Query<'a> {
    out: &'a mut [f32],
    max: &'a mut f32,
    sum: &'a mut f32,
}

/// Turns the scores of the tile's row `r` into weights relative to the row's new maximum.
#[inline(always)]
fn weigh(head: &Head, tile: Tile, r: usize, scores: &mut [f32], query: Query<'_>) {
    let (scores, hidden) = scores.split_at_mut(tile.visible(head, r));
    hidden.fill(0.0);
    if scores.is_empty() {
        return;
    }
    let before = *query.max;
    let max = rows::max(scores).max(before);
    let sum = rows::exp_in_place(scores, max);
    if tile.key == 0 {
        *query.sum = sum;
    } else if before == max {
        *query.sum += sum;
    } else {
        let shrink = simd::exp_below_zero(before - max);
        *query.sum = query.sum.mul_add(shrink, sum);
        query.out.iter_mut().for_each(|out| *out *= shrink);
    }
    *query.max = max;
    if let Some(row) = head.dropout.row(tile.query + r, tile.key) {
        for (j, weight) in scores.iter_mut().enumerate() {
            *weight *= row.factor(j);
        }
    }
}
