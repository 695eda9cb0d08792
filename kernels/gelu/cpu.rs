//! The CPU kernel: the passes of `fused.rs`.

use super::Gelu;
use super::fused;
use crate::op::{CpuOp, Gradient};

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
        fused::backward(inputs[0], doutputs[0], dx.beta(), dx);
    }
}
