//! The CPU kernel: one pass.

use super::Silu;
use crate::elementwise;
use crate::op::{CpuOp, Gradient};
use crate::simd;

impl CpuOp for Silu {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        elementwise::map(
            inputs[0],
            outputs[0],
            #[inline(always)]
            |x| x * simd::sigmoid(x),
        );
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let Some(dx) = &mut dinputs[0] else { return };
        elementwise::pull_back(
            inputs[0],
            doutputs[0],
            dx,
            #[inline(always)]
            |x, dout| {
                let s = simd::sigmoid(x);
                dout * s * (1.0 + x * (1.0 - s))
            },
        );
    }
}
