//! The CPU kernel: rows copied by blocks of codes, gradients added by rows of the table.

use rayon::prelude::*;

use super::Embedding;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for Embedding {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let (table, channels) = (inputs[0], self.channels);
        if outputs[0].is_empty() {
            return;
        }
        let rows = threads::block_rows(channels, BLOCK);
        let blocks = outputs[0].par_chunks_mut(rows * channels).zip(self.codes.par_chunks(rows));
        blocks.for_each(|(out, codes)| {
            for (out, &code) in out.chunks_exact_mut(channels).zip(codes) {
                out.copy_from_slice(&table[code as usize * channels..][..channels]);
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
        let (Some(dtable), dout, channels) = (&mut dinputs[0], doutputs[0], self.channels) else { return };
        if dout.is_empty() {
            return;
        }
        let places = self.places(dtable.len() / channels);
        dtable.par_chunks_mut(channels).zip(places).for_each(|(row, places)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for place in places {
                        let dout = &dout[place * channels..][..channels];
                        row.iter_mut().zip(dout).for_each(|(row, dout)| *row += dout);
                    }
                },
            );
        });
    }
}

impl Embedding {
    /// Where each of the table's rows is asked for, first to last.
    fn places(&self, rows: usize) -> Vec<Vec<usize>> {
        let mut places = vec![Vec::new(); rows];
        for (place, &code) in self.codes.iter().enumerate() {
            places[code as usize].push(place);
        }
        places
    }
}
