//! The weight in the orders that products want, and its gradient back.
//!
//! PyTorch's order [O, C / G, K] puts a kernel's taps side by side; a product wants outputs or channels there. All three
//! functions transpose small tiles, so that a cache line is read and written once.

use rayon::prelude::*;

use super::Convolution;
use crate::device::scratch;

/// Rows and columns of a tile: one cache line.
const TILE: usize = 16;

impl Convolution {
    /// [G, K, inner, outer]: what a patch is multiplied with.
    pub(crate) fn by_taps(&self, weight: &[f32]) -> Vec<f32> {
        let (inner, outer, taps) = (self.inner(), self.outer(), self.taps);
        let mut by_taps = scratch(weight.len());
        by_taps.par_chunks_mut(taps * inner * outer).enumerate().for_each(|(g, group)| {
            let weight = &weight[g * outer * inner * taps..];
            group.par_chunks_mut(TILE * inner * outer).enumerate().for_each(|(tile, to)| {
                let (first, rows) = (tile * TILE, to.len() / (inner * outer));
                for c in 0..inner {
                    let from = Strided { data: &weight[c * taps + first..], stride: inner * taps };
                    transpose(from, outer, rows, &mut to[c * outer..], inner * outer, |to, x| *to = x);
                }
            });
        });
        by_taps
    }

    /// [G, K, outer, inner], taps reversed: what a patch of dy is multiplied with.
    pub(super) fn by_taps_flipped(&self, weight: &[f32]) -> Vec<f32> {
        let (inner, outer, taps) = (self.inner(), self.outer(), self.taps);
        let mut flipped = scratch(weight.len());
        flipped.par_chunks_mut(taps * inner * outer).enumerate().for_each(|(g, group)| {
            let weight = &weight[g * outer * inner * taps..];
            group.par_chunks_mut(TILE * inner * outer).enumerate().for_each(|(tile, to)| {
                let rows = to.len() / (inner * outer);
                let first = taps - tile * TILE - rows;
                for o in 0..outer {
                    let from = Strided { data: &weight[o * inner * taps + first..], stride: taps };
                    transpose(from, inner, rows, &mut to[o * inner..], inner * outer, |to, x| *to = x);
                }
                reverse_rows(to, inner * outer);
            });
        });
        flipped
    }

    /// Adds a gradient in the order of [`Convolution::by_taps`] to the weight's own.
    pub(super) fn add_by_taps(&self, by_taps: &[f32], dweight: &mut [f32]) {
        let (inner, outer, taps) = (self.inner(), self.outer(), self.taps);
        let groups = by_taps.par_chunks(taps * inner * outer);
        dweight.par_chunks_mut(outer * inner * taps).zip(groups).for_each(|(dweight, group)| {
            dweight.par_chunks_mut(TILE * inner * taps).enumerate().for_each(|(tile, to)| {
                let (first, rows) = (tile * TILE, to.len() / (inner * taps));
                for c in 0..inner {
                    let from = Strided { data: &group[c * outer + first..], stride: inner * outer };
                    transpose(from, taps, rows, &mut to[c * taps..], inner * taps, |to, x| *to += x);
                }
            });
        });
    }
}

/// Rows that start `stride` apart.
#[derive(Clone, Copy)]
struct Strided<'a> {
    data: &'a [f32],
    stride: usize,
}

/// Puts the transpose of `from` [rows, cols] into `to`, whose rows lie `to_stride` apart, by `put`; cols ≤ [`TILE`].
fn transpose(
    from: Strided<'_>,
    rows: usize,
    cols: usize,
    to: &mut [f32],
    to_stride: usize,
    put: impl Fn(&mut f32, f32),
) {
    for first in (0..rows).step_by(TILE) {
        let height = TILE.min(rows - first);
        let mut tile = [[0.0f32; TILE]; TILE];
        for (r, row) in tile[..height].iter_mut().enumerate() {
            row[..cols].copy_from_slice(&from.data[(first + r) * from.stride..][..cols]);
        }
        for c in 0..cols {
            let to = &mut to[c * to_stride + first..][..height];
            for (to, row) in to.iter_mut().zip(&tile) {
                put(to, row[c]);
            }
        }
    }
}

/// Reverses the order of the rows of `rows`, each `len` long.
fn reverse_rows(mut rows: &mut [f32], len: usize) {
    while rows.len() >= 2 * len {
        let (first, rest) = rows.split_at_mut(len);
        let (middle, last) = rest.split_at_mut(rest.len() - len);
        first.swap_with_slice(last);
        rows = middle;
    }
}
