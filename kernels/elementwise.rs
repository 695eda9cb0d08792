//! Functions of one element at a time, and their way back: loops over fixed blocks, on all threads.
//!
//! For ops that are nothing but such a function. Not for: functions that join a neighbour's loop (`gelu/fused.rs`). Functions given here must be
//! `#[inline(always)]` closures, as all that runs in [`simd::dispatch`].

use rayon::prelude::*;

use crate::op::Gradient;
use crate::simd;

/// Elements per task.
const BLOCK: usize = 1 << 14;

/// `out = of(x)`.
pub(crate) fn map(x: &[f32], out: &mut [f32], of: impl Fn(f32) -> f32 + Copy + Sync) {
    out.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(out, x)| {
        simd::dispatch(
            #[inline(always)]
            || {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = of(x);
                }
            },
        );
    });
}

/// Adds `of(x, dout)` to `dx`, or sets it where it is fresh.
pub(crate) fn pull_back(
    x: &[f32],
    dout: &[f32],
    dx: &mut Gradient<'_>,
    of: impl Fn(f32, f32) -> f32 + Copy + Sync,
) {
    let beta = dx.beta();
    let operands = x.par_chunks(BLOCK).zip(dout.par_chunks(BLOCK));
    dx.par_chunks_mut(BLOCK).zip(operands).for_each(|(dx, (x, dout))| {
        simd::dispatch(
            #[inline(always)]
            || {
                for ((dx, &x), &dout) in dx.iter_mut().zip(x).zip(dout) {
                    let before = if beta == 0.0 { 0.0 } else { *dx };
                    *dx = before + of(x, dout);
                }
            },
        );
    });
}
