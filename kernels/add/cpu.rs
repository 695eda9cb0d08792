//! The CPU kernel: one pass over fixed blocks.

use rayon::prelude::*;

use super::Add;
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for Add {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let operands = inputs[0].par_chunks(BLOCK).zip(inputs[1].par_chunks(BLOCK));
        outputs[0].par_chunks_mut(BLOCK).zip(operands).for_each(|(out, (a, b))| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                        *out = a + b;
                    }
                },
            );
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        for dinput in dinputs.iter_mut().flatten() {
            if dinput.is_fresh() {
                dinput.copy_from_slice(doutputs[0]);
                continue;
            }
            let operands = doutputs[0].par_chunks(BLOCK);
            dinput.par_chunks_mut(BLOCK).zip(operands).for_each(|(dinput, dout)| {
                simd::add(dinput, dout);
            });
        }
    }
}
