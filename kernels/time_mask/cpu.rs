//! The CPU kernel: fixed blocks of frames over the threads, whole frames copied or added.

use rayon::prelude::*;

use super::TimeMask;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for TimeMask {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let ([x, embedding], channels) = (inputs, self.channels) else { unreachable!("two inputs") };
        if x.is_empty() {
            return;
        }
        let rows = threads::block_rows(channels, BLOCK);
        let blocks = outputs[0].par_chunks_mut(rows * channels).zip(x.par_chunks(rows * channels));
        blocks.zip(self.mask.par_chunks(rows)).for_each(|((out, x), mask)| {
            let frames = out.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
            for ((out, x), &masked) in frames.zip(mask) {
                out.copy_from_slice(if masked { embedding } else { x });
            }
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let ([dx, dembedding], [dout]) = (dinputs, doutputs) else { unreachable!("two inputs") };
        if dout.is_empty() {
            return;
        }
        if let Some(dx) = dx {
            self.add_dx(dout, dx);
        }
        if let Some(dembedding) = dembedding {
            self.add_dembedding(dout, dembedding);
        }
    }
}

impl TimeMask {
    fn add_dx(&self, dout: &[f32], dx: &mut [f32]) {
        let rows = threads::block_rows(self.channels, BLOCK);
        let blocks = dx.par_chunks_mut(rows * self.channels).zip(dout.par_chunks(rows * self.channels));
        blocks.zip(self.mask.par_chunks(rows)).for_each(|((dx, dout), mask)| {
            let frames = dx.chunks_exact_mut(self.channels).zip(dout.chunks_exact(self.channels));
            frames.zip(mask).filter(|(_, masked)| !**masked).for_each(|((dx, dout), _)| simd::add(dx, dout));
        });
    }

    fn add_dembedding(&self, dout: &[f32], dembedding: &mut [f32]) {
        let rows = threads::block_rows(self.channels, BLOCK);
        let blocks = dout.par_chunks(rows * self.channels).zip(self.mask.par_chunks(rows));
        // One sum per block, added in the blocks' order.
        let partials: Vec<Vec<f32>> = blocks
            .map(|(dout, mask)| {
                let mut sum = vec![0.0; self.channels];
                let frames = dout.chunks_exact(self.channels).zip(mask);
                frames.filter(|(_, masked)| **masked).for_each(|(dout, _)| simd::add(&mut sum, dout));
                sum
            })
            .collect();
        partials.iter().for_each(|partial| simd::add(dembedding, partial));
    }
}
