//! Reductions over one contiguous row, for softmaxes and norms: call them inside `simd::dispatch`.
//!
//! Running lanes, as in [`simd`], so that the order of the sums is the same on every machine.

use crate::simd;

const LANES: usize = 64;

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
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = larger(*lane, x);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = larger(lanes[l], lanes[l + width]);
        }
        width /= 2;
    }
    lanes[0]
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
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += term(x);
    }
    simd::sum(&lanes)
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
    for (lane, (&x, &y)) in lanes.iter_mut().zip(rest_x.iter().zip(rest_y)) {
        *lane += term(x, y);
    }
    simd::sum(&lanes)
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
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *x = simd::exp_below_zero(*x - shift);
        *lane += *x;
    }
    simd::sum(&lanes)
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
