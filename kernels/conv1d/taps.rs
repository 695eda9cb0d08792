//! The walk over taps: a convolution as K products of shifted frames.
//!
//! Tap k of output t sees input frame t·stride + k·dilation − left. For one tap these frames lie a fixed stride apart, so each
//! tap is one product on views of x, dx and y as they stand; frames in the padding are left out. It asks nothing of the settings,
//! but each product is only as deep as a group is wide.

use std::ops::Range;

use rayon::prelude::*;

use super::Convolution;
use super::cpu::Finish;
use crate::matmul::{View, matmul_serial};
use crate::threads::block_rows;

/// Elements of an output block, about half a second-level cache.
const BLOCK: usize = 1 << 18;

impl Convolution {
    /// `weight` by taps [G, K, inner, outer].
    pub(super) fn forward_by_taps(&self, x: &[f32], weight: &[f32], finish: Finish<'_>, y: &mut [f32]) {
        let outputs = self.outputs;
        let rows = block_rows(outputs, BLOCK);
        y.par_chunks_mut(self.out_time * outputs).enumerate().for_each(|(b, y)| {
            y.par_chunks_mut(rows * outputs).enumerate().for_each(|(block, y)| {
                let first = block * rows;
                for (g, k) in self.groups_and_taps() {
                    let outs = self.outputs_of(k, 0..self.time, first..first + y.len() / outputs);
                    if outs.is_empty() {
                        continue;
                    }
                    let weight = View::new(self.block_of(weight, g, k), self.inner(), self.outer());
                    let to = &mut y[(outs.start - first) * outputs + g * self.outer()..];
                    matmul_serial(1.0, self.inputs_at(x, b, g, k, &outs), weight, 1.0, to, outputs);
                }
                finish.rows(y, outputs);
            });
        });
    }

    /// `weight` by taps reversed [G, K, outer, inner].
    pub(super) fn input_gradient_by_taps(&self, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
        let channels = self.channels;
        let step = self.settings.stride * channels;
        let rows = block_rows(channels, BLOCK);
        dx.par_chunks_mut(self.time * channels).enumerate().for_each(|(b, dx)| {
            dx.par_chunks_mut(rows * channels).enumerate().for_each(|(block, dx)| {
                let first = block * rows;
                for (g, k) in self.groups_and_taps() {
                    let outs = self.outputs_of(k, first..first + dx.len() / channels, 0..self.out_time);
                    if outs.is_empty() {
                        continue;
                    }
                    let weight = self.block_of(weight, g, self.taps - 1 - k);
                    let weight = View::new(weight, self.outer(), self.inner());
                    let to = &mut dx[(self.input_of(outs.start, k) - first) * channels + g * self.inner()..];
                    matmul_serial(1.0, self.outputs_at(dy, b, g, &outs), weight, 1.0, to, step);
                }
            });
        });
    }

    /// The weight's gradient by taps [G, K, inner, outer].
    pub(super) fn weight_gradient_by_taps(&self, x: &[f32], dy: &[f32]) -> Vec<f32> {
        let mut total = vec![0.0; self.outputs * self.inner() * self.taps];
        total.par_chunks_mut(self.inner() * self.outer()).enumerate().for_each(|(task, total)| {
            let (g, k) = (task / self.taps, task % self.taps);
            let outs = self.outputs_of(k, 0..self.time, 0..self.out_time);
            if outs.is_empty() {
                return;
            }
            for b in 0..self.batch {
                let (x, dy) = (self.inputs_at(x, b, g, k, &outs), self.outputs_at(dy, b, g, &outs));
                matmul_serial(1.0, x.t(), dy, 1.0, total, self.outer());
            }
        });
        total
    }

    /// The outputs among `outputs` whose tap `k` sees a frame among `inputs`.
    pub(super) fn outputs_of(&self, k: usize, inputs: Range<usize>, outputs: Range<usize>) -> Range<usize> {
        let (padding, shift) = (self.settings.padding[0], k * self.settings.dilation);
        let from = |input: usize| (padding + input).saturating_sub(shift).div_ceil(self.settings.stride);
        from(inputs.start).max(outputs.start)..from(inputs.end).min(outputs.end)
    }

    /// The frame that tap `k` of output `t` sees.
    fn input_of(&self, t: usize, k: usize) -> usize {
        t * self.settings.stride + k * self.settings.dilation - self.settings.padding[0]
    }

    fn inputs_at<'a>(&self, x: &'a [f32], b: usize, g: usize, k: usize, outs: &Range<usize>) -> View<'a> {
        let from = (b * self.time + self.input_of(outs.start, k)) * self.channels + g * self.inner();
        View::strided(&x[from..], outs.len(), self.inner(), self.settings.stride * self.channels)
    }

    pub(super) fn outputs_at<'a>(&self, dy: &'a [f32], b: usize, g: usize, outs: &Range<usize>) -> View<'a> {
        let from = (b * self.out_time + outs.start) * self.outputs + g * self.outer();
        View::strided(&dy[from..], outs.len(), self.outer(), self.outputs)
    }

    fn groups_and_taps(&self) -> impl Iterator<Item = (usize, usize)> {
        let taps = self.taps;
        (0..self.settings.groups).flat_map(move |g| (0..taps).map(move |k| (g, k)))
    }

    /// Group `g`, tap `k` of a weight by taps.
    fn block_of<'a>(&self, weight: &'a [f32], g: usize, k: usize) -> &'a [f32] {
        let len = self.inner() * self.outer();
        &weight[(g * self.taps + k) * len..][..len]
    }
}
