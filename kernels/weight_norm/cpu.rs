//! The CPU kernel: one pass over v for the norms, one for the values. Sums run in f64 over fixed blocks of rows.

use rayon::prelude::*;

use super::WeightNorm;
use crate::op::{CpuOp, Gradient};
use crate::simd;
use crate::threads::block_rows;

/// Elements of a block.
const BLOCK: usize = 1 << 16;

impl CpuOp for WeightNorm {
    /// ‖v[·, ·, k]‖ for every tap.
    type Saved = Vec<f64>;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) -> Vec<f64> {
        let (g, v) = (inputs[0], inputs[1]);
        let norms: Vec<f64> = self.tap_sums(v, v).into_iter().map(f64::sqrt).collect();
        let factors: Vec<f32> = g.iter().zip(&norms).map(|(&g, norm)| (f64::from(g) / norm) as f32).collect();
        let block = self.block();
        outputs[0].par_chunks_mut(block).zip(v.par_chunks(block)).for_each(|(w, v)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for (w, v) in w.chunks_exact_mut(self.taps).zip(v.chunks_exact(self.taps)) {
                        for ((w, v), factor) in w.iter_mut().zip(v).zip(&factors) {
                            *w = v * factor;
                        }
                    }
                },
            );
        });
        norms
    }

    fn backward(
        &self,
        norms: Vec<f64>,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (g, v, dw) = (inputs[0], inputs[1], doutputs[0]);
        let products = self.tap_sums(v, dw);
        if let Some(dg) = &mut dinputs[0] {
            for ((dg, product), norm) in dg.iter_mut().zip(&products).zip(&norms) {
                *dg += (product / norm) as f32;
            }
        }
        let Some(dv) = &mut dinputs[1] else { return };
        // dv = across · dw − along · v, both factors one per tap.
        let across: Vec<f64> = g.iter().zip(&norms).map(|(&g, norm)| f64::from(g) / norm).collect();
        let along =
            across.iter().zip(&products).zip(&norms).map(|((f, product), norm)| f * product / norm.powi(2));
        let along: Vec<f32> = along.map(|factor| factor as f32).collect();
        let across: Vec<f32> = across.iter().map(|&factor| factor as f32).collect();
        let block = self.block();
        let operands = v.par_chunks(block).zip(dw.par_chunks(block));
        dv.par_chunks_mut(block).zip(operands).for_each(|(dv, (v, dw))| {
            simd::dispatch(
                #[inline(always)]
                || {
                    let rows = v.chunks_exact(self.taps).zip(dw.chunks_exact(self.taps));
                    for (dv, (v, dw)) in dv.chunks_exact_mut(self.taps).zip(rows) {
                        let factors = across.iter().zip(&along);
                        for (((dv, v), dw), (across, along)) in dv.iter_mut().zip(v).zip(dw).zip(factors) {
                            *dv += across * dw - along * v;
                        }
                    }
                },
            );
        });
    }
}

impl WeightNorm {
    fn block(&self) -> usize {
        block_rows(self.taps, BLOCK) * self.taps
    }

    /// Σ a·b over the first two axes, for every tap.
    fn tap_sums(&self, a: &[f32], b: &[f32]) -> Vec<f64> {
        let block = self.block();
        let parts: Vec<Vec<f64>> = a
            .par_chunks(block)
            .zip(b.par_chunks(block))
            .map(|(a, b)| {
                let mut sums = vec![0.0f64; self.taps];
                simd::dispatch(
                    #[inline(always)]
                    || {
                        for (a, b) in a.chunks_exact(self.taps).zip(b.chunks_exact(self.taps)) {
                            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                                *sum += f64::from(a) * f64::from(b);
                            }
                        }
                    },
                );
                sums
            })
            .collect();
        let mut total = vec![0.0; self.taps];
        for part in parts {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        total
    }
}
