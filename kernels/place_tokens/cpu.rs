//! The CPU kernel: one sequence per task; sums over sequences in their order.

use rayon::prelude::*;

use super::PlaceTokens;
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task of a sum over sequences.
const BLOCK: usize = 1 << 13;

impl CpuOp for PlaceTokens {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let [x, tokens, positions] = inputs else { unreachable!("three inputs") };
        if outputs[0].is_empty() {
            return;
        }
        let (span, frames) = (self.span(), self.time * self.channels);
        outputs[0].par_chunks_mut(positions.len()).enumerate().for_each(|(sequence, out)| {
            let (before, after) = x[sequence * frames..][..frames].split_at(span.start);
            let parts = [(0, before), (span.start, tokens), (span.end, after)];
            for (start, part) in parts {
                let to = out[start..][..part.len()].iter_mut();
                to.zip(part)
                    .zip(&positions[start..])
                    .for_each(|((to, from), position)| *to = from + position);
            }
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let ([dx, dtokens, dpositions], dout) = (dinputs, doutputs[0]) else { unreachable!("three inputs") };
        let (span, sequence) = (self.span(), (self.tokens + self.time) * self.channels);
        if dout.is_empty() {
            return;
        }
        if let Some(dx) = dx
            && self.time > 0
        {
            dx.par_chunks_mut(self.time * self.channels).zip(dout.par_chunks(sequence)).for_each(
                |(dx, dout)| {
                    let (before, after) = dx.split_at_mut(span.start);
                    simd::add(before, &dout[..span.start]);
                    simd::add(after, &dout[span.end..]);
                },
            );
        }
        if let Some(dpositions) = dpositions {
            sum_over_sequences(dout, sequence, 0, dpositions);
        }
        if let Some(dtokens) = dtokens {
            sum_over_sequences(dout, sequence, span.start, dtokens);
        }
    }
}

/// Adds to `sums` what each sequence of `dout` has from element `start` on.
fn sum_over_sequences(dout: &[f32], sequence: usize, start: usize, sums: &mut [f32]) {
    sums.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sums)| {
        for dout in dout.chunks_exact(sequence) {
            simd::add(sums, &dout[start + block * BLOCK..][..sums.len()]);
        }
    });
}
