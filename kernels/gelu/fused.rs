//! GELU's passes, for itself and as another op's last step.

use rayon::prelude::*;

use super::normal::{distribution, slope};
use crate::device::scratch;
use crate::simd;

/// Elements per task.
const BLOCK: usize = 1 << 14;

/// Turns values into their GELU where they lie.
pub(crate) fn activate(values: &mut [f32]) {
    simd::dispatch(
        #[inline(always)]
        || activate_within(values),
    );
}

/// [`activate`] for callers that are inside `simd::dispatch`.
#[inline(always)]
pub(crate) fn activate_within(values: &mut [f32]) {
    values.iter_mut().for_each(|x| *x *= distribution(*x).0);
}

/// The GELU of `x` into `out`, on all threads.
pub(crate) fn forward(x: &[f32], out: &mut [f32]) {
    out.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(out, x)| {
        simd::dispatch(
            #[inline(always)]
            || {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = x * distribution(x).0;
                }
            },
        );
    });
}

/// Turns values before the GELU into the gradient there, given the one behind it: call it inside `simd::dispatch`.
#[inline(always)]
pub(crate) fn pull_back(x: &mut [f32], dout: &[f32]) {
    for (x, dout) in x.iter_mut().zip(dout) {
        *x = dout * slope(*x);
    }
}

/// Adds dout · slope(x) to `dx` on all threads; sets it where `beta` is 0.
pub(crate) fn backward(x: &[f32], dout: &[f32], beta: f32, dx: &mut [f32]) {
    let operands = x.par_chunks(BLOCK).zip(dout.par_chunks(BLOCK));
    dx.par_chunks_mut(BLOCK).zip(operands).for_each(|(dx, (x, dout))| {
        simd::dispatch(
            #[inline(always)]
            || {
                for ((dx, &x), dout) in dx.iter_mut().zip(x).zip(dout) {
                    let before = if beta == 0.0 { 0.0 } else { *dx };
                    *dx = dout.mul_add(slope(x), before);
                }
            },
        );
    });
}

/// The gradient before the GELU, in a buffer of its own.
pub(crate) fn gradient(x: &[f32], dout: &[f32]) -> Vec<f32> {
    let mut dx = scratch(x.len());
    backward(x, dout, 0.0, &mut dx);
    dx
}
