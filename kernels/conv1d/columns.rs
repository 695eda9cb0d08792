//! The input's gradient where a frame is narrower than a vector, as a waveform is.
//!
//! A product per tap would be as narrow as a frame. Here all taps of all channels are its columns: dy · w gives what each output owes to the
//! frames under it, and that is added to them where they lie, which may overlap. The weight is read in PyTorch's own order.

use std::ops::Range;

use rayon::prelude::*;

use super::Convolution;
use crate::device::scratch;
use crate::matmul::{View, matmul_serial};
use crate::threads::block_rows;

/// Elements of a block of dx.
const BLOCK: usize = 1 << 12;

impl Convolution {
    /// Whether a frame is narrower than a vector and the kernel is not.
    pub(super) fn is_narrow(&self) -> bool {
        const LANES: usize = 16;
        self.settings.groups == 1 && self.channels < LANES && self.taps > 1
    }

    /// `weight` as it is given, [O, C, K].
    pub(super) fn input_gradient_by_columns(&self, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
        let (channels, width) = (self.channels, self.channels * self.taps);
        let weight = View::new(weight, self.outputs, width);
        let frames = block_rows(channels, BLOCK);
        dx.par_chunks_mut(self.time * channels).enumerate().for_each(|(b, dx)| {
            dx.par_chunks_mut(frames * channels).enumerate().for_each(|(block, dx)| {
                let inputs = block * frames..block * frames + dx.len() / channels;
                let outs = self.outputs_over(&inputs);
                if outs.is_empty() {
                    return;
                }
                let mut columns = scratch(outs.len() * width);
                let dy = self.outputs_at(dy, b, 0, &outs);
                matmul_serial(1.0, dy, weight, 0.0, &mut columns, width);
                for (t, owed) in outs.zip(columns.chunks_exact(width)) {
                    self.add_owed(owed, t, inputs.start, dx);
                }
            });
        });
    }

    /// The outputs that may see a frame among `inputs`.
    fn outputs_over(&self, inputs: &Range<usize>) -> Range<usize> {
        let of = |tap| self.outputs_of(tap, inputs.clone(), 0..self.out_time);
        of(self.taps - 1).start..of(0).end
    }

    /// Adds what output `t` owes, [C, K], to `dx`, whose first frame is `first`.
    fn add_owed(&self, owed: &[f32], t: usize, first: usize, dx: &mut [f32]) {
        let start = t * self.settings.stride;
        for tap in 0..self.taps {
            let frame = (start + tap * self.settings.dilation).checked_sub(self.settings.padding[0] + first);
            let Some(dx) = frame.and_then(|frame| dx.get_mut(frame * self.channels..)) else { continue };
            // Nothing is left where the frame lies behind the block.
            for (dx, owed) in dx.iter_mut().zip(owed[tap..].iter().step_by(self.taps)).take(self.channels) {
                *dx += owed;
            }
        }
    }
}
