//! The CPU kernel: one task for each run of the output that is swapped as a whole.

use rayon::prelude::*;

use super::SwapAxes;
use crate::op::{CpuOp, Gradient};

impl CpuOp for SwapAxes {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        swap(self.extents, inputs[0], outputs[0], |to, from| *to = from);
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let Some(dx) = &mut dinputs[0] else { return };
        let [a, b, c, d] = self.extents;
        if dx.is_fresh() {
            swap([a, c, b, d], doutputs[0], dx, |to, from| *to = from);
        } else {
            swap([a, c, b, d], doutputs[0], dx, |to, from| *to += from);
        }
    }
}

/// Hands each element of `to` [A, C, B, D] its own of `from` [A, B, C, D].
fn swap([_, b, c, d]: [usize; 4], from: &[f32], to: &mut [f32], put: impl Fn(&mut f32, f32) + Sync) {
    if from.is_empty() {
        return;
    }
    to.par_chunks_mut(b * d).enumerate().for_each(|(index, to)| {
        let (outer, column) = (index / c, index % c);
        for (row, to) in to.chunks_exact_mut(d).enumerate() {
            let from = &from[((outer * b + row) * c + column) * d..][..d];
            to.iter_mut().zip(from).for_each(|(to, from)| put(to, *from));
        }
    });
}
