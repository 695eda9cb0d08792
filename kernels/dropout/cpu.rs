//! The CPU kernel: one pass over fixed blocks, the mask recomputed in backward.

use rayon::prelude::*;

use super::Dropout;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task. A power of two, so that no block crosses a multiple of 2³².
const BLOCK: usize = 1 << 14;

impl CpuOp for Dropout {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        self.for_each_block(inputs[0], outputs[0], |out, masked| *out = masked);
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let Some(dx) = &mut dinputs[0] else { return };
        if dx.is_fresh() {
            self.for_each_block(doutputs[0], dx, |dx, masked| *dx = masked);
        } else {
            self.for_each_block(doutputs[0], dx, |dx, masked| *dx += masked);
        }
    }
}

impl Dropout {
    /// Hands each element of `to` the masked and scaled element of `from`.
    fn for_each_block(&self, from: &[f32], to: &mut [f32], put: impl Fn(&mut f32, f32) + Sync) {
        if let Some(extents) = self.sequence {
            return self.for_each_frame(extents, from, to, put);
        }
        to.par_chunks_mut(BLOCK).zip(from.par_chunks(BLOCK)).enumerate().for_each(|(block, (to, from))| {
            let stretch = self.mask.starting_at(block * BLOCK);
            simd::dispatch(
                #[inline(always)]
                || {
                    for (i, (to, &from)) in to.iter_mut().zip(from).enumerate() {
                        // Scaled first: a select of two values vectorises, a branch around the product may not.
                        let scaled = from * self.scale;
                        put(to, if stretch.keeps(i) { scaled } else { 0.0 });
                    }
                },
            );
        });
    }

    /// The same where whole channels drop.
    fn for_each_frame(
        &self,
        [time, channels]: [usize; 2],
        from: &[f32],
        to: &mut [f32],
        put: impl Fn(&mut f32, f32) + Sync,
    ) {
        if from.is_empty() {
            return;
        }
        let block = threads::block_rows(channels, BLOCK) * channels;
        let sequences = to.chunks_exact_mut(time * channels).zip(from.chunks_exact(time * channels));
        for (index, (to, from)) in sequences.enumerate() {
            let stretch = self.mask.starting_at(index * channels);
            let kept: Vec<bool> = (0..channels).map(|channel| stretch.keeps(channel)).collect();
            to.par_chunks_mut(block).zip(from.par_chunks(block)).for_each(|(to, from)| {
                simd::dispatch(
                    #[inline(always)]
                    || {
                        for (to, from) in to.chunks_exact_mut(channels).zip(from.chunks_exact(channels)) {
                            for ((to, from), &kept) in to.iter_mut().zip(from).zip(&kept) {
                                let scaled = from * self.scale;
                                put(to, if kept { scaled } else { 0.0 });
                            }
                        }
                    },
                );
            });
        }
    }
}
