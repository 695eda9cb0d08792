//! The CPU kernel: tiles of every sequence over the threads.
//!
//! A layer's weights alone fill the second-level cache, so it is the third that a tile is made for. How time is cut depends on the extents alone,
//! and no value on how it is cut.

use rayon::prelude::*;

use super::tile::{Ready, Rooms};
use super::{ConvStack, Stage};
use crate::matmul::{Packed, View};
use crate::op::{CpuOp, Gradient};

/// Elements that the first layer makes for a tile, about.
const TILE: usize = 1 << 20;
/// Tiles of a sequence, at least, where it is long enough: or one of less than a second would be one thread's.
const FEW_TILES: usize = 4;

impl CpuOp for ConvStack {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let (x, y) = (inputs[0], &mut *outputs[0]);
        let (Some(first), Some(last)) = (self.layers.first(), self.layers.last()) else { return };
        if y.is_empty() {
            return;
        }
        let weights = self.weights(&inputs[1..]);
        let layers = self.ready(&weights, &inputs[1..]);
        let sequences = x.par_chunks(first.conv.time * first.conv.channels);
        let frames = self.tile_frames(last.conv.out_time);
        let width = last.conv.outputs;
        y.par_chunks_mut(last.conv.out_time * width).zip(sequences).for_each(|(y, x)| {
            let affine = layers[0].over_time(x);
            y.par_chunks_mut(frames * width).enumerate().for_each_init(Rooms::default, |rooms, (tile, y)| {
                let outs = tile * frames..tile * frames + y.len() / width;
                rooms.run(&layers, affine.as_ref(), x, outs, y);
            });
        });
    }

    fn backward(&self, (): (), _: &[&[f32]], _: &[&[f32]], _: &mut [Option<Gradient<'_>>]) {
        unreachable!("where a gradient is wanted, the layers' own ops are recorded");
    }
}

impl ConvStack {
    /// Frames of the last layer in a tile.
    fn tile_frames(&self, time: usize) -> usize {
        const LEAST: usize = 8;
        let above = self.layers.iter().skip(1).map(|stage| stage.conv.settings.stride).product::<usize>();
        let most = TILE / (above * self.layers[0].conv.outputs).max(1);
        most.min(time.div_ceil(FEW_TILES)).max(LEAST)
    }

    /// The layers with their operands; `weights` are by taps.
    fn ready<'a>(&self, weights: &'a [Vec<f32>], mut operands: &[&'a [f32]]) -> Vec<Ready<'a>> {
        let mut take = || {
            let (first, rest) = operands.split_first()?;
            operands = rest;
            Some(*first)
        };
        let ready = self.layers.iter().zip(weights).map(|(&stage, weight)| {
            // The weight itself.
            take();
            let conv = stage.conv;
            let bias = if conv.bias { take() } else { None };
            let norm = stage.is_normed().then(|| [(); 2].map(|()| take().unwrap_or_default()));
            let weight = View::new(weight, conv.taps * conv.channels, conv.outputs);
            Ready { stage, weight: Packed::new(weight), bias, norm }
        });
        ready.collect()
    }

    /// The weights in the order of products, brought into it beside each other.
    fn weights(&self, operands: &[&[f32]]) -> Vec<Vec<f32>> {
        let count = |stage: &Stage| 1 + usize::from(stage.conv.bias) + 2 * usize::from(stage.is_normed());
        let places = self.layers.iter().scan(0, |next, stage| {
            let place = *next;
            *next += count(stage);
            Some((stage, place))
        });
        let places: Vec<_> = places.collect();
        places.into_par_iter().map(|(stage, place)| stage.conv.by_taps(operands[place])).collect()
    }
}

impl Stage {
    fn is_normed(&self) -> bool {
        self.norm != super::Kind::None
    }
}
