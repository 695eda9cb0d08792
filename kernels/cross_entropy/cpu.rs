//! The CPU kernel: one normaliser per row is kept, the softmax is formed again in backward.

use rayon::prelude::*;

use super::{CrossEntropy, rows};
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 15;

impl CpuOp for CrossEntropy {
    /// ln Σ_v e^{x_rv} of each row that has a target.
    type Saved = Vec<f32>;

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Vec<f32> {
        let (logits, losses) = (inputs[0], &mut *outputs[0]);
        if logits.is_empty() {
            return Vec::new();
        }
        let classes = logits.len() / losses.len();
        let block = threads::block_rows(classes, BLOCK);
        let blocks = losses.par_chunks_mut(block).zip(self.targets.par_chunks(block));
        blocks.zip(logits.par_chunks(block * classes)).for_each(|((losses, targets), logits)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    let rows = logits.chunks_exact(classes).zip(targets);
                    for (loss, (row, target)) in losses.iter_mut().zip(rows) {
                        if target.is_some() {
                            *loss = rows::log_sum_exp(row, 1.0) as f32;
                        }
                    }
                },
            );
        });
        let normalisers = if save { losses.to_vec() } else { Vec::new() };
        for ((loss, target), row) in losses.iter_mut().zip(&self.targets).zip(logits.chunks_exact(classes)) {
            if let Some(class) = *target {
                *loss -= row[class];
            }
        }
        normalisers
    }

    fn backward(
        &self,
        normalisers: Vec<f32>,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (logits, dlosses) = (inputs[0], doutputs[0]);
        let Some(dlogits) = dinputs[0].as_mut().filter(|_| !logits.is_empty()) else { return };
        let (classes, fresh) = (logits.len() / self.targets.len(), dlogits.is_fresh());
        let block = threads::block_rows(classes, BLOCK);
        dlogits.par_chunks_mut(block * classes).enumerate().for_each(|(index, dlogits)| {
            let first = index * block;
            simd::dispatch(
                #[inline(always)]
                || {
                    for (r, drow) in (first..).zip(dlogits.chunks_exact_mut(classes)) {
                        if fresh {
                            drow.fill(0.0);
                        }
                        let Some(class) = self.targets[r] else { continue };
                        let (dloss, normaliser) = (dlosses[r], normalisers[r]);
                        for (dx, &x) in drow.iter_mut().zip(&logits[r * classes..][..classes]) {
                            *dx = dloss.mul_add(simd::exp(x - normaliser), *dx);
                        }
                        drow[class] -= dloss;
                    }
                },
            );
        });
    }
}
