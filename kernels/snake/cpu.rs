//! The CPU kernel: fixed blocks of rows over the threads, sine and cosine by polynomials.

use rayon::prelude::*;

use super::{EPS, Snake};
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 14;

impl CpuOp for Snake {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let [x, alpha] = inputs else { unreachable!("two inputs") };
        if x.is_empty() {
            return;
        }
        let inverse = inverses(alpha);
        let block = threads::block_rows(alpha.len(), BLOCK) * alpha.len();
        outputs[0].par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(out, x)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    let rows = out.chunks_exact_mut(alpha.len()).zip(x.chunks_exact(alpha.len()));
                    for (out, x) in rows {
                        let channels = out.iter_mut().zip(x).zip(alpha.iter().zip(&inverse));
                        for ((out, &x), (&alpha, &inverse)) in channels {
                            let (sine, _) = simd::sine_and_cosine(alpha * x);
                            *out = (sine * sine).mul_add(inverse, x);
                        }
                    }
                },
            );
        });
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let ([x, alpha], [dx, dalpha], [dout]) = (inputs, dinputs, doutputs) else {
            unreachable!("two inputs")
        };
        if x.is_empty() {
            return;
        }
        let inverse = inverses(alpha);
        let block = threads::block_rows(alpha.len(), BLOCK) * alpha.len();
        if let Some(dx) = dx {
            let beta = dx.beta();
            let operands = x.par_chunks(block).zip(dout.par_chunks(block));
            dx.par_chunks_mut(block).zip(operands).for_each(|(dx, (x, dout))| {
                simd::dispatch(
                    #[inline(always)]
                    || add_dx(beta, dx, x, dout, alpha, &inverse),
                );
            });
        }
        if let Some(dalpha) = dalpha {
            // One sum per block, added in the blocks' order.
            let partials: Vec<Vec<f32>> = x
                .par_chunks(block)
                .zip(dout.par_chunks(block))
                .map(|(x, dout)| {
                    let mut sums = vec![0.0; alpha.len()];
                    simd::dispatch(
                        #[inline(always)]
                        || add_dalpha(&mut sums, x, dout, alpha, &inverse),
                    );
                    sums
                })
                .collect();
            partials.iter().for_each(|partial| simd::add(dalpha, partial));
        }
    }
}

fn inverses(alpha: &[f32]) -> Vec<f32> {
    alpha.iter().map(|alpha| 1.0 / (alpha + EPS)).collect()
}

#[inline(always)]
fn add_dx(beta: f32, dx: &mut [f32], x: &[f32], dout: &[f32], alpha: &[f32], inverse: &[f32]) {
    let width = alpha.len();
    let rows = dx.chunks_exact_mut(width).zip(x.chunks_exact(width).zip(dout.chunks_exact(width)));
    for (dx, (x, dout)) in rows {
        let channels = dx.iter_mut().zip(x.iter().zip(dout)).zip(alpha.iter().zip(inverse));
        for ((dx, (&x, &dout)), (&alpha, &inverse)) in channels {
            let (sine, cosine) = simd::sine_and_cosine(alpha * x);
            let before = if beta == 0.0 { 0.0 } else { *dx };
            *dx = before + dout * (2.0 * sine * cosine * alpha).mul_add(inverse, 1.0);
        }
    }
}

#[inline(always)]
fn add_dalpha(sums: &mut [f32], x: &[f32], dout: &[f32], alpha: &[f32], inverse: &[f32]) {
    let width = alpha.len();
    for (x, dout) in x.chunks_exact(width).zip(dout.chunks_exact(width)) {
        let channels = sums.iter_mut().zip(x.iter().zip(dout)).zip(alpha.iter().zip(inverse));
        for ((sum, (&x, &dout)), (&alpha, &inverse)) in channels {
            let (sine, cosine) = simd::sine_and_cosine(alpha * x);
            *sum += dout * inverse * sine * (2.0 * x).mul_add(cosine, -sine * inverse);
        }
    }
}
