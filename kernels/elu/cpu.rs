//! The CPU kernel: one pass.

use super::Elu;
use crate::elementwise;
use crate::op::{CpuOp, Gradient};
use crate::simd;

impl CpuOp for Elu {
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
            |x| if x > 0.0 { x } else { simd::exp(x) - 1.0 },
        );
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let Some(dx) = &mut dinputs[0] else { return };
        elementwise::pull_back(
            inputs[0],
            doutputs[0],
            dx,
            #[inline(always)]
            |x, dout| if x > 0.0 { dout } else { dout * simd::exp(x) },
        );
    }
}
