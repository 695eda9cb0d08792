//! The CPU kernel: a row at a time, the sigmoid formed again in backward.

use rayon::prelude::*;

use super::BinaryCrossEntropy;
use crate::cross_entropy::rows;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for BinaryCrossEntropy {
    type Saved = ();

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let (logits, losses) = (inputs[0], &mut *outputs[0]);
        if logits.is_empty() {
            return;
        }
        let classes = logits.len() / losses.len();
        let block = threads::block_rows(classes, BLOCK);
        let operands = logits.par_chunks(block * classes).zip(self.targets.par_chunks(block * classes));
        losses.par_chunks_mut(block).zip(operands).for_each(|(losses, (logits, targets))| {
            simd::dispatch(
                #[inline(always)]
                || {
                    let rows = logits.chunks_exact(classes).zip(targets.chunks_exact(classes));
                    for (loss, (row, targets)) in losses.iter_mut().zip(rows) {
                        let term = |x: f32, y: f32| (-y).mul_add(x, simd::softplus(x));
                        *loss = rows::sum_of_pairs(row, targets, term) / classes as f32;
                    }
                },
            );
        });
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let (logits, dlosses) = (inputs[0], doutputs[0]);
        let Some(dlogits) = dinputs[0].as_mut().filter(|_| !logits.is_empty()) else { return };
        let (classes, beta) = (logits.len() / dlosses.len(), dlogits.beta());
        let block = threads::block_rows(classes, BLOCK);
        let operands = logits.par_chunks(block * classes).zip(self.targets.par_chunks(block * classes));
        let rows = dlosses.par_chunks(block).zip(operands);
        dlogits.par_chunks_mut(block * classes).zip(rows).for_each(|(dlogits, (dlosses, operands))| {
            simd::dispatch(
                #[inline(always)]
                || {
                    let rows = operands.0.chunks_exact(classes).zip(operands.1.chunks_exact(classes));
                    for ((drow, (row, targets)), &dloss) in
                        dlogits.chunks_exact_mut(classes).zip(rows).zip(dlosses)
                    {
                        let share = dloss / classes as f32;
                        for ((dx, &x), &y) in drow.iter_mut().zip(row).zip(targets) {
                            let before = if beta == 0.0 { 0.0 } else { *dx };
                            *dx = share.mul_add(simd::sigmoid(x) - y, before);
                        }
                    }
                },
            );
        });
    }
}
