//! Matrix products on strided views, through the `gemm` crate.
//!
//! The only door to `gemm`: ops state their products here as `C ← α·A·B + β·C`. Rows of C are split into fixed blocks, each computed by
//! one thread, so the result does not depend on the number of threads.

use rayon::prelude::*;

/// A matrix inside a slice: element (i, j) at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub cols: usize,
    pub row_stride: usize,
    pub col_stride: usize,
}

impl<'a> View<'a> {
    /// A row-major matrix.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        View { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// A matrix whose rows lie `row_stride` apart.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        View { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, without moving data.
    pub fn t(self) -> Self {
        View {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    fn rows_from(self, first: usize, rows: usize) -> Self {
        View { data: &self.data[first * self.row_stride..], rows, ..self }
    }

    fn fits(&self) -> bool {
        let last =
            self.rows.saturating_sub(1) * self.row_stride + self.cols.saturating_sub(1) * self.col_stride;
        self.rows * self.cols == 0 || last < self.data.len()
    }
}

/// `c ← alpha·a·b + beta·c` on this thread; `c` is row-major with rows `c_stride` apart.
///
/// # Panics
/// The extents do not fit each other or their slices: a bug in the calling op.
pub fn matmul_serial(alpha: f32, a: View<'_>, b: View<'_>, beta: f32, c: &mut [f32], c_stride: usize) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    assert!(a.fits() && b.fits() && b.rows == k && c_stride >= n, "matmul: extents do not fit");
    assert!(m * n == 0 || (m - 1) * c_stride + n <= c.len(), "matmul: the result does not fit");
    if m == 0 || n == 0 {
        return;
    }
    crate::trace::count_product(m, n, k);
    // SAFETY: the asserts above keep every element that gemm addresses inside its slice; `c` is borrowed mutably and
    // so overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            c_stride as isize,
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
}

/// `c ← alpha·a·b + beta·c` on all threads; `c` is a dense row-major matrix.
///
/// # Panics
/// As [`matmul_serial`].
pub fn matmul(alpha: f32, a: View<'_>, b: View<'_>, beta: f32, c: &mut [f32]) {
    let (m, n) = (a.rows, b.cols);
    assert!(c.len() >= m * n, "matmul: the result does not fit");
    if m * n == 0 {
        return;
    }
    let block = block_height(m, n, a.cols);
    c[..m * n].par_chunks_mut(block * n).enumerate().for_each(|(index, c)| {
        let first = index * block;
        let rows = block.min(m - first);
        matmul_serial(alpha, a.rows_from(first, rows), b, beta, c, n);
    });
}

/// Rows of C per task: few blocks, because each packs B again, but enough of them to keep cores even.
fn block_height(m: usize, n: usize, k: usize) -> usize {
    const SMALL_FLOPS: usize = 1 << 20;
    const BLOCKS: usize = 8;
    if 2 * m * n * k <= SMALL_FLOPS {
        return m;
    }
    // A multiple of 48 rows suits gemm's register tiles on every vector width.
    m.div_ceil(BLOCKS).next_multiple_of(48)
}
