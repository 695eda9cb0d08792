//! One tile through all layers.

use std::ops::Range;

use rayon::prelude::*;

use super::{Kind, Stage};
use crate::conv1d::cpu::Finish;
use crate::device::scratch;
use crate::gelu::fused;
use crate::group_norm::cpu::Affine;
use crate::group_norm::statistics::{FRAMES, Stretch, joined};
use crate::layer_norm::cpu::normalise_within;
use crate::matmul::{Packed, View, matmul_serial_packed, steady_rows};
use crate::simd;

/// A layer with its operands.
pub(super) struct Ready<'a> {
    pub stage: Stage,
    /// By taps, [K·I, O].
    pub weight: Packed<'a>,
    pub bias: Option<&'a [f32]>,
    pub norm: Option<[&'a [f32]; 2]>,
}

impl Ready<'_> {
    /// What a group norm does to the layer's outputs on the sequence `x`.
    pub fn over_time(&self, x: &[f32]) -> Option<Affine> {
        const STRETCHES: usize = 4;
        let (conv, [weight, bias]) = (self.stage.conv, self.norm?);
        if self.stage.norm != Kind::Group {
            return None;
        }
        let frames = STRETCHES * FRAMES;
        let tiles = (0..conv.out_time.div_ceil(frames)).into_par_iter();
        let stretches: Vec<Vec<Stretch>> = tiles
            .map(|tile| {
                let outs = tile * frames..((tile + 1) * frames).min(conv.out_time);
                let made = self.widened(&outs);
                let mut y = scratch(made.len() * conv.outputs);
                self.convolve(&x[made.start * conv.settings.stride * conv.channels..], &mut y);
                let y = &y[(outs.start - made.start) * conv.outputs..];
                y.chunks(FRAMES * conv.outputs).map(|y| Stretch::of(y, conv.outputs)).collect()
            })
            .collect();
        let stretches: Vec<Stretch> = stretches.into_iter().flatten().collect();
        Some(Affine::new(&joined(&stretches, conv.outputs, conv.outputs, self.stage.eps), weight, bias))
    }

    /// The same outputs, with neighbours if they are too few to have the bits that they have among all.
    fn widened(&self, outs: &Range<usize>) -> Range<usize> {
        let conv = self.stage.conv;
        let least = steady_rows(conv.outputs, conv.taps * conv.channels);
        let start = outs.start.min(conv.out_time.saturating_sub(least));
        start..outs.end.max((start + least).min(conv.out_time))
    }

    /// The frames that the layer reads for `outs`.
    fn under(&self, outs: &Range<usize>) -> Range<usize> {
        let conv = self.stage.conv;
        outs.start * conv.settings.stride..(outs.end - 1) * conv.settings.stride + conv.taps
    }

    /// As many outputs as `y` holds, of frames that begin with `x`.
    fn convolve(&self, x: &[f32], y: &mut [f32]) {
        let conv = self.stage.conv;
        let depth = conv.taps * conv.channels;
        let patches = View::strided(x, y.len() / conv.outputs, depth, conv.settings.stride * conv.channels);
        let finish = Finish { bias: self.bias, gelu: conv.settings.gelu };
        matmul_serial_packed(patches, &self.weight, 0.0, y, &|_, col, piece| finish.piece(col, piece));
    }

    /// Norm and GELU behind it.
    fn finish(&self, affine: Option<&Affine>, y: &mut [f32]) {
        if let Some(affine) = affine {
            return affine.apply_within(y);
        }
        let (Some([weight, bias]), eps) = (self.norm, self.stage.eps) else { return };
        simd::dispatch(
            #[inline(always)]
            || {
                for row in y.chunks_exact_mut(weight.len()) {
                    normalise_within(row, weight, bias, eps);
                    fused::activate_within(row);
                }
            },
        );
    }
}

/// What two neighbouring layers make of a tile.
#[derive(Default)]
pub(super) struct Rooms {
    from: Vec<f32>,
    to: Vec<f32>,
}

impl Rooms {
    /// Outputs `outs` of the last layer on the sequence `x`, into `y`. `affine` is the first layer's.
    pub fn run(
        &mut self,
        layers: &[Ready<'_>],
        affine: Option<&Affine>,
        x: &[f32],
        outs: Range<usize>,
        y: &mut [f32],
    ) {
        let mut made: Vec<Range<usize>> = Vec::with_capacity(layers.len());
        for layer in layers.iter().rev() {
            let wanted = made.last().map_or(outs.clone(), |above| above.clone());
            made.push(layer.widened(&wanted));
            let below = layer.under(&made[made.len() - 1]);
            made.push(below);
        }
        // From the bottom: what a layer reads, then what it makes.
        made.reverse();
        for (index, (layer, ranges)) in layers.iter().zip(made.chunks_exact(2)).enumerate() {
            let [reads, makes] = [&ranges[0], &ranges[1]];
            let conv = layer.stage.conv;
            let len = makes.len() * conv.outputs;
            if self.to.len() < len {
                self.to = scratch(len);
            }
            let (below, first) = match index {
                0 => (x, 0),
                _ => (&self.from[..], made[2 * index - 1].start),
            };
            layer.convolve(&below[(reads.start - first) * conv.channels..], &mut self.to[..len]);
            layer.finish(affine.filter(|_| index == 0), &mut self.to[..len]);
            std::mem::swap(&mut self.from, &mut self.to);
        }
        let skipped = (outs.start - made[made.len() - 1].start) * (y.len() / outs.len());
        y.copy_from_slice(&self.from[skipped..skipped + y.len()]);
    }
}
