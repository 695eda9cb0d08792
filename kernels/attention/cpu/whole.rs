//! The softmax written out: all scores of all heads, and all weights beside them, in memory at once.
//!
//! What a program keeps that has no attention of its own: products of matrices and a softmax between. It is there to be measured. Not for: training at
//! any length, for which the tiles of `forward.rs` are.

use rayon::prelude::*;

use super::{Call, Head, QUERIES};
use crate::cross_entropy::rows;
use crate::matmul::{View, matmul_serial};
use crate::simd;

/// Fills `out`; and `log_sums` [B, H, T], unless it is empty.
pub(super) fn run(call: &Call<'_>, out: &mut [f32], log_sums: &mut [f32]) {
    let mut heads = call.queries(out);
    let elements = heads.len() * call.time * call.time;
    let (mut scores, mut weights) = (vec![0.0; elements], vec![0.0; elements]);
    let mut tasks = Vec::new();
    let mut log_sums = log_sums.chunks_mut(call.time.max(1));
    let squares = scores.chunks_mut((call.time * call.time).max(1));
    let squares = squares.zip(weights.chunks_mut((call.time * call.time).max(1)));
    for ((flat, rows), (scores, weights)) in heads.iter_mut().enumerate().zip(squares) {
        let head = call.head(flat);
        let mut log_sums = log_sums.next().unwrap_or_default().chunks_mut(QUERIES);
        let bands = scores.chunks_mut(QUERIES * call.time).zip(weights.chunks_mut(QUERIES * call.time));
        for ((index, rows), (scores, weights)) in rows.chunks_mut(QUERIES).enumerate().zip(bands) {
            let log_sums = log_sums.next().unwrap_or_default();
            tasks.push(Task { head, query: index * QUERIES, rows, log_sums, scores, weights });
        }
    }
    // Every score before any weight, every weight before any sum: as three operators one after the other.
    tasks.par_iter_mut().for_each(|task| task.score(call));
    tasks.par_iter_mut().for_each(Task::weigh);
    tasks.par_iter_mut().for_each(|task| task.sum(call));
}

/// One head's queries from `query` on: as many as there are rows.
struct Task<'t, 'd> {
    head: Head,
    query: usize,
    rows: &'t mut [&'d mut [f32]],
    log_sums: &'t mut [f32],
    /// [rows, valid keys], in their part of the whole.
    scores: &'t mut [f32],
    weights: &'t mut [f32],
}

impl Task<'_, '_> {
    fn score(&mut self, call: &Call<'_>) {
        let keys = self.head.len;
        let queries = call.view(call.q, self.head, self.query, self.rows.len());
        let k = call.view(call.k, self.head, 0, keys);
        matmul_serial(call.op.scale, queries, k.t(), 0.0, self.scores, keys);
    }

    fn weigh(&mut self) {
        let keys = self.head.len;
        let scores = self.scores.chunks_exact(keys).zip(self.weights.chunks_exact_mut(keys));
        for (r, (scores, weights)) in scores.enumerate().take(self.rows.len()) {
            let (weights, hidden) = weights.split_at_mut(self.head.keys_of(self.query + r));
            hidden.fill(0.0);
            weights.copy_from_slice(&scores[..weights.len()]);
            simd::dispatch(
                #[inline(always)]
                || {
                    let max = rows::max(weights);
                    let sum = rows::exp_in_place(weights, max);
                    if let Some(log_sum) = self.log_sums.get_mut(r) {
                        *log_sum = max + sum.ln();
                    }
                    let inverse = 1.0 / sum;
                    weights.iter_mut().for_each(|weight| *weight *= inverse);
                },
            );
            if let Some(row) = self.head.dropout.row(self.query + r, 0) {
                weights.iter_mut().enumerate().for_each(|(j, weight)| *weight *= row.factor(j));
            }
        }
    }

    fn sum(&mut self, call: &Call<'_>) {
        let (queries, keys) = (self.rows.len(), self.head.len);
        let values = call.view(call.v, self.head, 0, keys);
        let weights = View::new(&self.weights[..queries * keys], queries, keys);
        let mut out = vec![0.0; queries * call.per_head];
        matmul_serial(1.0, weights, values, 0.0, &mut out, call.per_head);
        for (row, out) in self.rows.iter_mut().zip(out.chunks_exact(call.per_head)) {
            row.copy_from_slice(out);
        }
    }
}
