//! The CPU kernel: the mirror's walks, the other way round.

use super::ConvTranspose1d;
use crate::device::scratch;
use crate::linear::cpu::add_column_sums;
use crate::op::{CpuOp, Gradient};
use crate::simd;

impl CpuOp for ConvTranspose1d {
    type Saved = ();

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let y = &mut *outputs[0];
        self.mirror.add_input_gradient(inputs[0], inputs[1], y);
        if self.bias {
            let bias = inputs[2];
            y.chunks_exact_mut(bias.len()).for_each(|row| simd::add(row, bias));
        }
    }

    fn backward(
        &self,
        _saved: (),
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (x, weight, dy) = (inputs[0], inputs[1], doutputs[0]);
        if self.bias
            && let Some(dbias) = &mut dinputs[2]
        {
            add_column_sums(dy, dbias);
        }
        if let Some(dweight) = &mut dinputs[1] {
            self.mirror.add_weight_gradient(dy, x, dweight);
        }
        if let Some(dx) = &mut dinputs[0] {
            // The mirror overwrites what it makes.
            let mut made = scratch(dx.len());
            self.mirror.plain(dy, weight, &mut made);
            simd::add(dx, &made);
        }
    }
}
