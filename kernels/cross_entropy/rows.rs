//! Reductions over one contiguous row, for softmaxes and norms: call them inside `simd::dispatch`.
//!
//! Sixteen running lanes, so that the order of the sums is the same on every machine.

use crate::simd;

const LANES: usize = 16;

/// The largest element; −∞ of an empty row. A NaN is passed over: it shows in the sum of exponentials.
#[inline(always)]
pub(crate) fn max(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        for l in 0..LANES {
            lanes[l] = larger(lanes[l], block[l]);
        }
    }
    let whole = lanes.into_iter().fold(f32::NEG_INFINITY, larger);
    rest.iter().fold(whole, |whole, &x| larger(whole, x))
}

/// Σ term(x).
#[inline(always)]
pub(crate) fn sum_of(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        for l in 0..LANES {
            lanes[l] += term(block[l]);
        }
    }
    rest.iter().fold(simd::sum(&lanes), |total, &x| total + term(x))
}

/// Σ term(x, y) over two rows of one length.
#[inline(always)]
pub(crate) fn sum_of_pairs(xs: &[f32], ys: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks_x, rest_x) = xs.as_chunks::<LANES>();
    let (blocks_y, rest_y) = ys.as_chunks::<LANES>();
    for (x, y) in blocks_x.iter().zip(blocks_y) {
        for l in 0..LANES {
            lanes[l] += term(x[l], y[l]);
        }
    }
    rest_x.iter().zip(rest_y).fold(simd::sum(&lanes), |total, (&x, &y)| total + term(x, y))
}

/// Replaces each x by e^(x − shift) and returns their sum; no x is above the shift.
#[inline(always)]
pub(crate) fn exp_in_place(row: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, rest) = row.as_chunks_mut::<LANES>();
    for block in blocks {
        for l in 0..LANES {
            block[l] = simd::exp_below_zero(block[l] - shift);
            lanes[l] += block[l];
        }
    }
    let mut total = simd::sum(&lanes);
    for x in rest {
        *x = simd::exp_below_zero(*x - shift);
        total += *x;
    }
    total
}

/// ln Σ e^(scale·x), for a positive scale.
#[inline(always)]
pub(crate) fn log_sum_exp(row: &[f32], scale: f32) -> f64 {
    let shift = max(row) * scale;
    let sum = sum_of(
        row,
        #[inline(always)]
        |x| simd::exp(x * scale - shift),
    );
    f64::from(shift) + f64::from(sum).ln()
}
