//! The CPU kernel: one pass over fixed blocks of rows.

use rayon::prelude::*;

use super::Glu;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements of the output per task.
const BLOCK: usize = 1 << 14;

impl CpuOp for Glu {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        if outputs[0].is_empty() {
            return;
        }
        let (channels, rows) = (self.channels, threads::block_rows(self.channels, BLOCK));
        let blocks =
            outputs[0].par_chunks_mut(rows * channels).zip(inputs[0].par_chunks(2 * rows * channels));
        blocks.for_each(|(out, x)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(2 * channels)) {
                        let (value, gate) = x.split_at(channels);
                        for ((out, &value), &gate) in out.iter_mut().zip(value).zip(gate) {
                            *out = value * simd::sigmoid(gate);
                        }
                    }
                },
            );
        });
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let Some(dx) = &mut dinputs[0] else { return };
        if doutputs[0].is_empty() {
            return;
        }
        let (channels, rows, beta) = (self.channels, threads::block_rows(self.channels, BLOCK), dx.beta());
        let operands = inputs[0].par_chunks(2 * rows * channels).zip(doutputs[0].par_chunks(rows * channels));
        dx.par_chunks_mut(2 * rows * channels).zip(operands).for_each(|(dx, (x, dout))| {
            // Two loops, not a choice inside one, which is not always made vectors.
            if beta == 0.0 {
                pull_back::<false>(channels, dx, x, dout)
            } else {
                pull_back::<true>(channels, dx, x, dout)
            }
        });
    }
}

/// The gradient of some rows; it joins what is there if `ADD`.
fn pull_back<const ADD: bool>(channels: usize, dx: &mut [f32], x: &[f32], dout: &[f32]) {
    simd::dispatch(
        #[inline(always)]
        || {
            let each = x.chunks_exact(2 * channels).zip(dout.chunks_exact(channels));
            for (dx, (x, dout)) in dx.chunks_exact_mut(2 * channels).zip(each) {
                pull_back_row::<ADD>(dx, x, dout);
            }
        },
    );
}

#[inline(always)]
fn pull_back_row<const ADD: bool>(dx: &mut [f32], x: &[f32], dout: &[f32]) {
    let channels = dout.len();
    let (value, gate) = (&x[..channels], &x[channels..2 * channels]);
    let (dvalue, dgate) = dx.split_at_mut(channels);
    let (dvalue, dgate) = (&mut dvalue[..channels], &mut dgate[..channels]);
    for c in 0..channels {
        let open = simd::sigmoid(gate[c]);
        let passed = dout[c] * open;
        let before = if ADD { [dvalue[c], dgate[c]] } else { [0.0; 2] };
        dvalue[c] = before[0] + passed;
        dgate[c] = (passed * value[c]).mul_add(1.0 - open, before[1]);
    }
}
