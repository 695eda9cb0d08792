//! The CPU kernel: fixed blocks of each sequence's frames; sums over them are added in the blocks' order.

use rayon::prelude::*;

use super::AddToFrames;
use crate::linear::cpu::add_column_sums;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for AddToFrames {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn sets_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let [x, v] = inputs else { unreachable!("two inputs") };
        if x.is_empty() {
            return;
        }
        let (sequence, block) =
            (self.time * self.channels, threads::block_rows(self.channels, BLOCK) * self.channels);
        let sequences = outputs[0].chunks_exact_mut(sequence).zip(x.chunks_exact(sequence));
        for ((out, x), v) in sequences.zip(v.chunks_exact(self.channels)) {
            out.par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(out, x)| {
                simd::dispatch(
                    #[inline(always)]
                    || {
                        let frames = out.chunks_exact_mut(v.len()).zip(x.chunks_exact(v.len()));
                        for (out, x) in frames {
                            for ((out, x), v) in out.iter_mut().zip(x).zip(v) {
                                *out = x + v;
                            }
                        }
                    },
                );
            });
        }
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let ([dx, dv], dout) = (dinputs, doutputs[0]) else { unreachable!("two inputs") };
        if dout.is_empty() {
            return;
        }
        if let Some(dx) = dx {
            if dx.is_fresh() {
                dx.copy_from_slice(dout);
            } else {
                dx.par_chunks_mut(BLOCK).zip(dout.par_chunks(BLOCK)).for_each(|(dx, dout)| {
                    simd::add(dx, dout);
                });
            }
        }
        if let Some(dv) = dv {
            let sequences = dout.chunks_exact(self.time * self.channels);
            dv.chunks_exact_mut(self.channels).zip(sequences).for_each(|(dv, dout)| {
                add_column_sums(dout, dv);
            });
        }
    }
}
