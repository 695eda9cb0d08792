//! The product through the crate `gemm`, for processors without AVX-512 and for products too small to be worth packing.

use super::{Product, SerialThen};

/// Computes the whole product on this thread.
///
/// # Safety
/// The operands fit each other and their slices; `c` is the start of C, whose rows lie `c_row` apart, and nobody else touches it.
pub(super) unsafe fn whole(product: &Product<'_>, c: *mut f32, c_row: usize, then: Option<&SerialThen<'_>>) {
    let Product { alpha, a, b, beta } = *product;
    // SAFETY: the caller's promise is gemm's own.
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
            c,
            1,
            c_row as isize,
            beta != 0.0,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            beta,
            alpha,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
    if let Some(then) = then {
        for r in 0..a.rows {
            // SAFETY: row r of C is finished, and ours by the caller's promise.
            let row = unsafe { std::slice::from_raw_parts_mut(c.add(r * c_row), b.cols) };
            then(r, 0, row);
        }
    }
}
