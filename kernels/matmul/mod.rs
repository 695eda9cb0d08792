//! Matrix products on strided views.
//!
//! Ops state their products here as `C ← α·A·B + β·C`, with a last word on finished rows if they have one. On processors with AVX-512
//! the product is ours ([`blocked`]: packing, cache blocks; [`micro`]: the tile in registers; [`thin`]: few rows under a long sum);
//! where bfloat16 was asked for ([`bf16`]), [`tiles`];
//! elsewhere, and for tiny products, the crate `gemm` does it ([`portable`], the only door to that crate). Which one, and the order of all sums, depends on the operands'
//! extents alone: the result does not depend on the number of threads. Start at [`matmul`].

pub mod bf16;
#[cfg(target_arch = "x86_64")]
mod blocked;
#[cfg(target_arch = "x86_64")]
mod micro;
#[cfg(target_arch = "x86_64")]
mod pack;
mod packed;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod thin;
#[cfg(target_arch = "x86_64")]
mod tiles;
mod view;

use std::ops::Range;

use rayon::prelude::*;

use crate::{threads, trace};
pub(crate) use packed::{Packed, matmul_serial_packed};
pub use view::View;

/// Columns up to which a row of C is finished in one piece.
#[cfg(target_arch = "x86_64")]
const WHOLE_ROWS: usize = blocked::COLS;
#[cfg(not(target_arch = "x86_64"))]
const WHOLE_ROWS: usize = usize::MAX;

/// What is done with a finished piece of a row of C: its row, its first column, its values.
pub type Then<'a> = dyn Fn(usize, usize, &mut [f32]) + Sync + 'a;
/// The same where one thread alone has the product.
type SerialThen<'a> = dyn Fn(usize, usize, &mut [f32]) + 'a;

/// C ← alpha·a·b + beta·C. C is not read where `beta` is 0.
#[derive(Clone, Copy)]
pub struct Product<'a> {
    /// The factor of the product.
    pub alpha: f32,
    /// [M, K].
    pub a: View<'a>,
    /// [K, N].
    pub b: View<'a>,
    /// The factor of what C held.
    pub beta: f32,
}

impl Product<'_> {
    fn check(&self, c: &[f32], c_row: usize) {
        let (m, n) = (self.a.rows, self.b.cols);
        let fits = self.a.fits() && self.b.fits() && self.b.rows == self.a.cols && c_row >= n;
        assert!(fits, "matmul: extents do not fit");
        assert!(m * n == 0 || (m - 1) * c_row + n <= c.len(), "matmul: the result does not fit");
    }

    fn count(&self) {
        trace::count_product(self.a.rows, self.b.cols, self.a.cols);
    }

    /// Whether packing pays.
    fn is_ours(&self) -> bool {
        let (m, n, k) = (self.a.rows, self.b.cols, self.a.cols);
        n > 0 && k > 0 && m >= steady_rows(n, k) && has_avx512()
    }
}

/// The rows from which on a row of a product with a `k` × `n` matrix has the same bits, whatever rows are computed with it (on processors with
/// AVX-512): with fewer, packing does not pay, and another walk has other sums.
pub(crate) fn steady_rows(n: usize, k: usize) -> usize {
    const FEW_ROWS: usize = 4;
    const FEW_SUMS: usize = 1 << 12;
    FEW_ROWS.max(FEW_SUMS / (n * k).max(1)) + 1
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

/// `c ← alpha·a·b + beta·c` on this thread; `c` is row-major with rows `c_row` apart.
///
/// # Panics
/// The extents do not fit each other or their slices: a bug in the calling op.
pub fn matmul_serial(alpha: f32, a: View<'_>, b: View<'_>, beta: f32, c: &mut [f32], c_row: usize) {
    run_serial(&Product { alpha, a, b, beta }, c, c_row, None, None);
}

/// [`matmul_serial`] into a dense `c`, with a last word as in [`matmul_then`].
///
/// # Panics
/// As [`matmul_serial`].
pub fn matmul_serial_then(product: &Product<'_>, c: &mut [f32], then: &Then<'_>) {
    run_serial(product, c, product.b.cols, Some(then), None);
}

/// [`matmul_serial`] into a dense `c`, handing every row to `then` in order, while it is in the first cache.
///
/// # Panics
/// As [`matmul_serial`].
pub fn matmul_serial_rows(product: &Product<'_>, c: &mut [f32], then: &dyn Fn(usize, &mut [f32])) {
    let cols = product.b.cols;
    if cols <= WHOLE_ROWS {
        run_serial(product, c, cols, Some(&|row, _, values| then(row, values)), None);
        return;
    }
    run_serial(product, c, cols, None, None);
    c.chunks_exact_mut(cols).take(product.a.rows).enumerate().for_each(|(row, values)| then(row, values));
}

/// `packed` is B, where it is packed already.
fn run_serial(
    product: &Product<'_>,
    c: &mut [f32],
    c_row: usize,
    then: Option<&SerialThen<'_>>,
    packed: Option<&Packed<'_>>,
) {
    product.check(c, c_row);
    if product.a.rows == 0 || product.b.cols == 0 {
        return;
    }
    product.count();
    #[cfg(not(target_arch = "x86_64"))]
    let _ = packed;
    // SAFETY: `check` keeps every element addressed inside its slice; `c` is borrowed mutably, so it overlaps neither operand.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if product.is_ours() {
            let (rows, cols) = (0..product.a.rows, 0..product.b.cols);
            let to = blocked::Target { c: c.as_mut_ptr(), c_row, then };
            return blocked::rectangle(product, packed, rows, cols, to);
        }
        portable::whole(product, c.as_mut_ptr(), c_row, then);
    }
}

/// `c ← alpha·a·b + beta·c` on all threads; `c` is a dense row-major matrix.
///
/// # Panics
/// As [`matmul_serial`].
pub fn matmul(alpha: f32, a: View<'_>, b: View<'_>, beta: f32, c: &mut [f32]) {
    run(&Product { alpha, a, b, beta }, c, None);
}

/// [`matmul`], handing every piece of a row of `c` to `then` as soon as it is finished, while it is in the cache.
///
/// # Panics
/// As [`matmul_serial`].
pub fn matmul_then(product: &Product<'_>, c: &mut [f32], then: &Then<'_>) {
    run(product, c, Some(then));
}

fn run(product: &Product<'_>, c: &mut [f32], then: Option<&Then<'_>>) {
    let (m, n) = (product.a.rows, product.b.cols);
    product.check(c, n);
    if m * n == 0 {
        return;
    }
    product.count();
    #[cfg(target_arch = "x86_64")]
    if product.is_ours() {
        let start = Start(c.as_mut_ptr());
        let pieces = cut(product);
        // SAFETY: `check` keeps every element inside its slice; pieces are disjoint rectangles of `c`, which is borrowed mutably.
        pieces.into_par_iter().for_each(|(rows, cols)| unsafe {
            let to = blocked::Target { c: start.address(), c_row: n, then: then.map(|then| then as _) };
            blocked::rectangle(product, None, rows, cols, to);
        });
        return;
    }
    let block = block_height(m, n, product.a.cols);
    c[..m * n].par_chunks_mut(block * n).enumerate().for_each(|(index, c)| {
        let first = index * block;
        let rows = block.min(m - first);
        let product = Product { a: product.a.rows_from(first, rows), ..*product };
        let shifted =
            then.map(|then| move |r: usize, col: usize, piece: &mut [f32]| then(first + r, col, piece));
        let then = shifted.as_ref().map(|then| then as &SerialThen<'_>);
        // SAFETY: as above; this block of rows is borrowed mutably.
        unsafe { portable::whole(&product, c.as_mut_ptr(), n, then) };
    });
}

/// The rectangles that threads take: along the longer side of C, several per thread, so that one that is late holds nobody up.
#[cfg(target_arch = "x86_64")]
fn cut(product: &Product<'_>) -> Vec<(Range<usize>, Range<usize>)> {
    const LEAST_SUMS: usize = 1 << 19;
    const PER_THREAD: usize = 4;
    let (m, n, k) = (product.a.rows, product.b.cols, product.a.cols);
    if tiles::suits(product) {
        return tiles::cut(m, n, k);
    }
    let most = if threads::count() == 1 { 1 } else { threads::count() * PER_THREAD };
    let wanted = (m * n * k / LEAST_SUMS).clamp(1, most);
    // Rows of A that are read where they lie cost nothing to read again; rows that are packed do, and so does B.
    let by_cols = product.a.col_stride == 1 && n >= 96 || n > m;
    let (len, unit) = if by_cols { (n, 48) } else { (m, micro::ROWS) };
    let step = len.div_ceil(wanted).next_multiple_of(unit);
    let parts = (0..len).step_by(step).map(|first| first..(first + step).min(len));
    parts.map(|part| if by_cols { (0..m, part) } else { (part, 0..n) }).collect()
}

/// The start of C, shared by threads that write disjoint rectangles.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Start(*mut f32);

#[cfg(target_arch = "x86_64")]
impl Start {
    fn address(self) -> *mut f32 {
        self.0
    }
}

// SAFETY: only the address is shared; whoever writes through it says why nobody else does.
#[cfg(target_arch = "x86_64")]
unsafe impl Send for Start {}
// SAFETY: as above.
#[cfg(target_arch = "x86_64")]
unsafe impl Sync for Start {}

/// Rows of C per task of the portable product: few blocks, because each packs B again, but enough of them to keep cores even.
fn block_height(m: usize, n: usize, k: usize) -> usize {
    const SMALL_FLOPS: usize = 1 << 20;
    const BLOCKS: usize = 8;
    if 2 * m * n * k <= SMALL_FLOPS {
        return m;
    }
    // A multiple of 48 rows suits gemm's register tiles on every vector width.
    m.div_ceil(BLOCKS).next_multiple_of(48)
}
