//! Products of few rows under a long sum, where packing B would cost as much as the product: the weight's gradient of a convolution that
//! sees one channel. B passes by once, as it lies, while sums of C stay in the first cache.
//!
//! Every element of C sees the operations of [`super::blocked`] in their order, so it does not matter to a bit which of them is taken.

use std::arch::x86_64::*;
use std::ops::Range;

use super::Product;
use super::blocked::{Target, blocks};
use super::micro::LANES;
use super::pack::Line;
use super::view::View;

/// Rows at most.
const ROWS: usize = 16;
/// Vectors of columns at a time.
const VECTORS: usize = 32;
/// Rows of B in registers at a time.
const STEPS: usize = 8;

/// Sums of one block of columns.
type Sums = [[Line; VECTORS]; ROWS];

/// Whether the product is better computed here.
pub(super) fn suits(product: &Product<'_>) -> bool {
    const LONG: usize = 256;
    product.a.rows <= ROWS && product.b.col_stride == 1 && product.b.rows >= LONG
}

/// As [`super::blocked::rectangle`].
///
/// # Safety
/// As there; besides, [`suits`] has said yes.
pub(super) unsafe fn rectangle(
    product: &Product<'_>,
    rows: Range<usize>,
    cols: Range<usize>,
    Target { c, c_row, then }: Target<'_>,
) {
    let a = product.a.rows_from(rows.start, rows.len());
    for first in cols.clone().step_by(VECTORS * LANES) {
        let cols = first..(first + VECTORS * LANES).min(cols.end);
        for depth in blocks(product.a.cols) {
            let mut sums = [[Line([0.0; LANES]); VECTORS]; ROWS];
            // SAFETY: the caller's promise covers the rows and columns of both operands.
            unsafe { add(a, product.b, depth.clone(), cols.clone(), &mut sums) };
            let beta = if depth.start == 0 { product.beta } else { 1.0 };
            for (r, sums) in sums.iter().enumerate().take(rows.len()) {
                let start = c.wrapping_add((rows.start + r) * c_row + cols.start);
                // SAFETY: this piece of a row of C is inside the rectangle that is ours.
                let piece = unsafe { std::slice::from_raw_parts_mut(start, cols.len()) };
                // SAFETY: the processor has AVX-512F.
                unsafe { fold(sums, product.alpha, beta, piece) };
                if let Some(then) = then
                    && depth.end == product.a.cols
                {
                    then(rows.start + r, cols.start, piece);
                }
            }
        }
    }
}

/// Adds rows `depth` of B, times their columns of A, to `sums`.
///
/// # Safety
/// The processor has AVX-512F; both operands fit their slices and have those rows and columns, and A at most [`ROWS`] rows.
#[target_feature(enable = "avx512f")]
unsafe fn add(a: View<'_>, b: View<'_>, depth: Range<usize>, cols: Range<usize>, sums: &mut Sums) {
    let whole = depth.start..depth.end - depth.len() % STEPS;
    for p in whole.clone().step_by(STEPS) {
        // SAFETY: the caller's promise.
        unsafe { add_steps::<STEPS>(a, b, p, cols.clone(), sums) };
    }
    for p in whole.end..depth.end {
        // SAFETY: as above.
        unsafe { add_steps::<1>(a, b, p, cols.clone(), sums) };
    }
}

/// [`add`] for the `S` rows of B from `p` on.
///
/// # Safety
/// As [`add`].
#[target_feature(enable = "avx512f")]
unsafe fn add_steps<const S: usize>(a: View<'_>, b: View<'_>, p: usize, cols: Range<usize>, sums: &mut Sums) {
    // Side by side, so that the innermost loop finds them at fixed places.
    let mut elements = [[0.0f32; S]; ROWS];
    for (r, elements) in elements.iter_mut().enumerate().take(a.rows) {
        for (s, element) in elements.iter_mut().enumerate() {
            *element = a.data[r * a.row_stride + (p + s) * a.col_stride];
        }
    }
    let from = b.data[p * b.row_stride + cols.start..].as_ptr();
    for v in 0..cols.len().div_ceil(LANES) {
        let mask = u16::MAX >> LANES.saturating_sub(cols.len() - v * LANES);
        let mut rows = [_mm512_setzero_ps(); S];
        for (s, row) in rows.iter_mut().enumerate() {
            // SAFETY: row p + s exists, and the mask covers the columns that do.
            *row = unsafe { _mm512_maskz_loadu_ps(mask, from.add(s * b.row_stride + v * LANES)) };
        }
        for (sums, elements) in sums.iter_mut().zip(&elements).take(a.rows) {
            let line = sums[v].0.as_mut_ptr();
            // SAFETY: a line is sixteen floats on a 64-byte boundary.
            let mut sum = unsafe { _mm512_load_ps(line) };
            for (element, &row) in elements.iter().zip(&rows) {
                sum = _mm512_fmadd_ps(_mm512_set1_ps(*element), row, sum);
            }
            // SAFETY: as above.
            unsafe { _mm512_store_ps(line, sum) };
        }
    }
}

/// `c` ← alpha·sums + beta·`c`; `c` is not read where beta is 0.
#[target_feature(enable = "avx512f")]
fn fold(sums: &[Line; VECTORS], alpha: f32, beta: f32, c: &mut [f32]) {
    let (alpha, of_c) = (_mm512_set1_ps(alpha), _mm512_set1_ps(beta));
    for (line, c) in sums.iter().zip(c.chunks_mut(LANES)) {
        let mask = u16::MAX >> (LANES - c.len());
        // SAFETY: a line is sixteen floats on a 64-byte boundary, and the mask covers the values of C that exist.
        unsafe {
            let sum = _mm512_load_ps(line.0.as_ptr());
            let value = if beta == 0.0 {
                _mm512_mul_ps(alpha, sum)
            } else {
                _mm512_fmadd_ps(alpha, sum, _mm512_mul_ps(of_c, _mm512_maskz_loadu_ps(mask, c.as_ptr())))
            };
            _mm512_mask_storeu_ps(c.as_mut_ptr(), mask, value);
        }
    }
}
