//! The CPU kernel: one pass over fixed blocks.

use rayon::prelude::*;

use super::Gelu;
use super::fused;
use super::normal::slope;
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task.
const BLOCK: usize = 1 << 14;

impl CpuOp for Gelu {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        fused::forward(inputs[0], outputs[0]);
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let Some(dx) = &mut dinputs[0] else { return };
        let kept = dx.beta();
        let operands = inputs[0].par_chunks(BLOCK).zip(doutputs[0].par_chunks(BLOCK));
        dx.par_chunks_mut(BLOCK).zip(operands).for_each(|(dx, (x, dout))| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for ((dx, &x), dout) in dx.iter_mut().zip(x).zip(dout) {
                        let before = if kept == 0.0 { 0.0 } else { *dx };
                        *dx = dout.mul_add(slope(x), before);
                    }
                },
            );
        });
    }
}
