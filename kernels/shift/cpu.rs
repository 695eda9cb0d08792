//! The CPU kernel: fixed blocks of each sequence, copied or added.

use rayon::prelude::*;

use super::Shift;
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task.
const BLOCK: usize = 1 << 16;

impl CpuOp for Shift {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        if outputs[0].is_empty() {
            return;
        }
        let sequences = outputs[0].chunks_exact_mut(self.sequence).zip(inputs[0].chunks_exact(self.sequence));
        for (out, x) in sequences {
            let (first, later) = out.split_at_mut(self.frame);
            first.fill(0.0);
            later.par_chunks_mut(BLOCK).zip(x[..self.sequence - self.frame].par_chunks(BLOCK)).for_each(
                |(out, x)| {
                    out.copy_from_slice(x);
                },
            );
        }
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let Some(dx) = &mut dinputs[0] else { return };
        if doutputs[0].is_empty() {
            return;
        }
        let fresh = dx.is_fresh();
        let sequences = dx.chunks_exact_mut(self.sequence).zip(doutputs[0].chunks_exact(self.sequence));
        for (dx, dout) in sequences {
            let (earlier, last) = dx.split_at_mut(self.sequence - self.frame);
            let blocks = earlier.par_chunks_mut(BLOCK).zip(dout[self.frame..].par_chunks(BLOCK));
            if fresh {
                blocks.for_each(|(dx, dout)| dx.copy_from_slice(dout));
                last.fill(0.0);
            } else {
                blocks.for_each(|(dx, dout)| simd::add(dx, dout));
            }
        }
    }
}
