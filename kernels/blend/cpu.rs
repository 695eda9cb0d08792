//! The CPU kernel: one pass over fixed blocks of each sequence.

use rayon::prelude::*;

use super::Blend;
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for Blend {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        if self.sequence == 0 {
            return;
        }
        let sequences = inputs[0].par_chunks(self.sequence).zip(inputs[1].par_chunks(self.sequence));
        let sequences = outputs[0].par_chunks_mut(self.sequence).zip(sequences).zip(&self.weights);
        sequences.for_each(|((out, (a, b)), &[of_a, of_b])| {
            let operands = a.par_chunks(BLOCK).zip(b.par_chunks(BLOCK));
            out.par_chunks_mut(BLOCK).zip(operands).for_each(|(out, (a, b))| {
                simd::dispatch(
                    #[inline(always)]
                    || {
                        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                            *out = of_a * a + of_b * b;
                        }
                    },
                );
            });
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        if self.sequence == 0 {
            return;
        }
        for (operand, dinput) in dinputs.iter_mut().enumerate() {
            let Some(dinput) = dinput else { continue };
            let fresh = dinput.is_fresh();
            let sequences = dinput.par_chunks_mut(self.sequence).zip(doutputs[0].par_chunks(self.sequence));
            sequences.zip(&self.weights).for_each(|((dinput, dout), weights)| {
                let weight = weights[operand];
                dinput.par_chunks_mut(BLOCK).zip(dout.par_chunks(BLOCK)).for_each(|(dinput, dout)| {
                    weigh(dinput, dout, weight, fresh);
                });
            });
        }
    }
}

/// `to` = `weight` · `from`, or that much more where it is not `fresh`.
fn weigh(to: &mut [f32], from: &[f32], weight: f32, fresh: bool) {
    simd::dispatch(
        #[inline(always)]
        || {
            let pairs = to.iter_mut().zip(from);
            match fresh {
                true => pairs.for_each(|(to, from)| *to = weight * from),
                false => pairs.for_each(|(to, from)| *to += weight * from),
            }
        },
    );
}
