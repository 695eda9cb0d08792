//! The walk over patches: a convolution as one product per utterance and group.
//!
//! Channels lie last, so the K frames under a kernel are K·width adjacent numbers of a panel: the matrix of patches is the
//! panel itself, read with overlapping rows, and nothing is copied. With stride 1 the input's gradient is the same walk over
//! dy with the taps reversed.

use rayon::prelude::*;

use super::Convolution;
use super::cpu::Finish;
use super::groups::{add_merged, split};
use crate::device::scratch;
use crate::matmul::{
    Packed, Product, View, matmul, matmul_serial, matmul_serial_packed, matmul_serial_then, matmul_then,
};

/// A walk over panels [units, frames, width], unit after unit, groups innermost, giving [units, out_frames, out_width].
struct Walk {
    frames: usize,
    width: usize,
    stride: usize,
    taps: usize,
    out_frames: usize,
    out_width: usize,
    groups: usize,
}

impl Convolution {
    /// `weight` by taps [G, K, inner, outer].
    pub(super) fn forward_by_patches(&self, x: &[f32], weight: &[f32], finish: Finish<'_>, y: &mut [f32]) {
        let (walk, panels) = (self.walk(), self.panels(x));
        if self.settings.groups == 1 {
            walk.convolve(&panels, weight, 0.0, finish, y);
            return;
        }
        let mut units = scratch(y.len());
        walk.convolve(&panels, weight, 0.0, Finish::NOTHING, &mut units);
        add_merged(&units, y, self.out_time, [self.settings.groups, self.outer()], finish);
    }

    /// The weight's gradient by taps [G, K, inner, outer].
    pub(super) fn weight_gradient_by_patches(&self, x: &[f32], dy: &[f32]) -> Vec<f32> {
        let dy = split(dy, self.out_time, self.settings.groups, self.outer(), [0, 0]);
        self.walk().weight_gradient(&self.panels(x), &dy)
    }

    /// `weight` by taps reversed [G, K, outer, inner].
    pub(super) fn input_gradient_by_patches(&self, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
        let (groups, inner, outer) = (self.settings.groups, self.inner(), self.outer());
        let before = self.taps - 1 - self.settings.padding[0];
        let frames = self.time + self.taps - 1;
        let dy = split(dy, self.out_time, groups, outer, [before, frames - before - self.out_time]);
        let walk = Walk {
            frames,
            width: outer,
            stride: 1,
            taps: self.taps,
            out_frames: self.time,
            out_width: inner,
            groups,
        };
        if groups == 1 {
            walk.convolve(&dy, weight, 1.0, Finish::NOTHING, dx);
            return;
        }
        let mut units = scratch(dx.len());
        walk.convolve(&dy, weight, 0.0, Finish::NOTHING, &mut units);
        add_merged(&units, dx, self.time, [groups, inner], Finish::NOTHING);
    }

    fn panels<'a>(&self, x: &'a [f32]) -> std::borrow::Cow<'a, [f32]> {
        split(x, self.time, self.settings.groups, self.inner(), self.settings.padding)
    }

    fn walk(&self) -> Walk {
        Walk {
            frames: self.time + self.settings.padding.iter().sum::<usize>(),
            width: self.inner(),
            stride: self.settings.stride,
            taps: self.taps,
            out_frames: self.out_time,
            out_width: self.outer(),
            groups: self.settings.groups,
        }
    }
}

impl Walk {
    /// The patches under outputs `first..first + rows` of a panel.
    fn patches<'a>(&self, panel: &'a [f32], first: usize, rows: usize) -> View<'a> {
        let step = self.stride * self.width;
        View::strided(&panel[first * step..], rows, self.taps * self.width, step)
    }

    /// `out` = keep · out + patches · weights, finished, where `weights` are [G, taps·width, out_width].
    fn convolve(&self, panels: &[f32], weights: &[f32], keep: f32, finish: Finish<'_>, out: &mut [f32]) {
        // Blocks are as long as the second-level cache allows.
        const BLOCK: usize = 1 << 19;
        const FEW_TASKS: usize = 4;
        let (unit_len, depth) = (self.out_frames * self.out_width, self.taps * self.width);
        let blocks = unit_len.div_ceil(BLOCK);
        let rows = self.out_frames.div_ceil(blocks).next_multiple_of(8);
        let operands = |unit: usize| {
            let panel = &panels[unit * self.frames * self.width..][..self.frames * self.width];
            let weight = &weights[unit % self.groups * depth * self.out_width..];
            (panel, View::new(weight, depth, self.out_width))
        };
        if out.len() / unit_len * blocks < FEW_TASKS {
            for (unit, out) in out.chunks_exact_mut(unit_len).enumerate() {
                let (panel, weight) = operands(unit);
                let patches = self.patches(panel, 0, self.out_frames);
                let product = Product { alpha: 1.0, a: patches, b: weight, beta: keep };
                matmul_then(&product, out, &|_, col, piece| finish.piece(col, piece));
            }
            return;
        }
        // What one group's tasks share is packed once.
        let packed = (self.groups == 1).then(|| Packed::new(operands(0).1));
        out.par_chunks_mut(unit_len).enumerate().for_each(|(unit, out)| {
            let (panel, weight) = operands(unit);
            out.par_chunks_mut(rows * self.out_width).enumerate().for_each(|(block, out)| {
                let patches = self.patches(panel, block * rows, out.len() / self.out_width);
                let then = |_, col, piece: &mut [f32]| finish.piece(col, piece);
                match &packed {
                    Some(packed) => matmul_serial_packed(patches, packed, keep, out, &then),
                    None => {
                        let product = Product { alpha: 1.0, a: patches, b: weight, beta: keep };
                        matmul_serial_then(&product, out, &then);
                    }
                }
            });
        });
    }

    /// patchesᵀ · dy over all utterances, [G, taps·width, out_width].
    fn weight_gradient(&self, panels: &[f32], dy: &[f32]) -> Vec<f32> {
        const LARGE: usize = 1 << 18;
        let (depth, unit_len) = (self.taps * self.width, self.out_frames * self.out_width);
        let panel_len = self.frames * self.width;
        if self.groups > 1 || depth * self.out_width < LARGE {
            return self.weight_gradient_in_runs(panels, dy);
        }
        let mut total = vec![0.0; depth * self.out_width];
        for (panel, dy) in panels.chunks_exact(panel_len).zip(dy.chunks_exact(unit_len)) {
            let dy = View::new(dy, self.out_frames, self.out_width);
            matmul(1.0, self.patches(panel, 0, self.out_frames).t(), dy, 1.0, &mut total);
        }
        total
    }

    /// One task per group and run of outputs; runs are fixed by the extents and summed in order.
    fn weight_gradient_in_runs(&self, panels: &[f32], dy: &[f32]) -> Vec<f32> {
        const TASKS: usize = 8;
        const SHORT_FRAMES: usize = 256;
        let (groups, depth, unit_len) =
            (self.groups, self.taps * self.width, self.out_frames * self.out_width);
        let batch = dy.len() / (unit_len * groups);
        // Time is cut only where there are too few utterances to go round.
        let cuts = TASKS.div_ceil(groups * batch.max(1)).min(self.out_frames.div_ceil(SHORT_FRAMES));
        let rows = self.out_frames.div_ceil(cuts);
        let pieces = batch * cuts;
        let runs = TASKS.div_ceil(groups).min(pieces).max(1);
        let per_run = pieces.div_ceil(runs);
        let group_len = depth * self.out_width;
        let mut parts = vec![0.0; runs * groups * group_len];
        parts.par_chunks_mut(group_len).enumerate().for_each(|(task, part)| {
            let (run, g) = (task / groups, task % groups);
            for piece in run * per_run..((run + 1) * per_run).min(pieces) {
                let (unit, first) = (piece / cuts * groups + g, piece % cuts * rows);
                if first >= self.out_frames {
                    continue;
                }
                let rows = rows.min(self.out_frames - first);
                let patches = self.patches(&panels[unit * self.frames * self.width..], first, rows);
                let dy = &dy[unit * unit_len + first * self.out_width..];
                let dy = View::new(dy, rows, self.out_width);
                matmul_serial(1.0, patches.t(), dy, 1.0, part, self.out_width);
            }
        });
        let (total, rest) = parts.split_at_mut(groups * group_len);
        for part in rest.chunks_exact(groups * group_len) {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        parts.truncate(groups * group_len);
        parts
    }
}
