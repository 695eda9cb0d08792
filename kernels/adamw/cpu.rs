//! The CPU kernel: one pass over parameter, gradient and moments.

use dfdx::prelude::Storage;
use rayon::prelude::*;

use super::step::Step;
use super::{AdamW, Update, require_one_shape};
use crate::{Array, Cpu, OpError, simd};

/// Elements per task.
const BLOCK: usize = 1 << 14;

impl Update for Cpu {
    fn sum_squares(grads: &[&<Self as Storage<f32>>::Vec]) -> Result<f64, OpError> {
        // f64 throughout: squares of f32 can neither overflow nor vanish in it. Blocks are added in their order.
        let one = |grad: &&<Self as Storage<f32>>::Vec| -> f64 {
            let blocks = grad.par_chunks(BLOCK).map(|grad| {
                simd::dispatch(
                    #[inline(always)]
                    || sum_squares(grad),
                )
            });
            let blocks: Vec<f64> = blocks.collect();
            blocks.iter().sum()
        };
        // From a positive zero: the sum of nothing is one.
        Ok(grads.iter().map(one).fold(0.0, |sum, more| sum + more))
    }

    fn adamw_step(
        param: &mut Array<Self>,
        grad: &<Self as Storage<f32>>::Vec,
        moment1: &mut Array<Self>,
        moment2: &mut Array<Self>,
        constants: AdamW,
    ) -> Result<(), OpError> {
        require_one_shape(param, grad.len(), [moment1, moment2])?;
        let step = Step::new(&constants);
        let moments = moment1.as_mut_slice().par_chunks_mut(BLOCK);
        let moments = moments.zip(moment2.as_mut_slice().par_chunks_mut(BLOCK));
        let params = param.as_mut_slice().par_chunks_mut(BLOCK).zip(grad.par_chunks(BLOCK));
        params.zip(moments).for_each(|((param, grad), (moment1, moment2))| {
            simd::dispatch(
                #[inline(always)]
                || step.update(param, grad, moment1, moment2),
            );
        });
        Ok(())
    }
}

/// Σ x² in sixteen running lanes.
#[inline(always)]
fn sum_squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 16];
    let (blocks, rest) = values.as_chunks::<16>();
    for block in blocks {
        for l in 0..16 {
            let x = f64::from(block[l]);
            lanes[l] += x * x;
        }
    }
    let rest = rest.iter().map(|&x| f64::from(x) * f64::from(x));
    lanes.into_iter().chain(rest).sum()
}

impl Step {
    #[inline(always)]
    fn update(&self, param: &mut [f32], grad: &[f32], moment1: &mut [f32], moment2: &mut [f32]) {
        for ((param, grad), (m, v)) in param.iter_mut().zip(grad).zip(moment1.iter_mut().zip(moment2)) {
            let grad = grad * self.grad_scale;
            *m += self.rise1 * (grad - *m);
            *v = *v * self.beta2 + self.rise2 * grad * grad;
            let root = v.sqrt() / self.correction + self.eps;
            *param = *param * self.keep - self.rate * *m / root;
        }
    }
}
