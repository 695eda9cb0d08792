//! The CPU kernel: one pass over fixed blocks.

use rayon::prelude::*;

use super::Relu;
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for Relu {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        outputs[0].par_chunks_mut(BLOCK).zip(inputs[0].par_chunks(BLOCK)).for_each(|(out, x)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for (out, &x) in out.iter_mut().zip(x) {
                        // NaN passes, too.
                        *out = if x < 0.0 { 0.0 } else { x };
                    }
                },
            );
        });
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let Some(dx) = &mut dinputs[0] else { return };
        let beta = dx.beta();
        let operands = inputs[0].par_chunks(BLOCK).zip(doutputs[0].par_chunks(BLOCK));
        dx.par_chunks_mut(BLOCK).zip(operands).for_each(|(dx, (x, dout))| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for ((dx, &x), &dout) in dx.iter_mut().zip(x).zip(dout) {
                        let before = if beta == 0.0 { 0.0 } else { *dx };
                        *dx = before + if x > 0.0 { dout } else { 0.0 };
                    }
                },
            );
        });
    }
}
