//! The walk of a product over blocks that fit the caches, for processors with AVX-512.
//!
//! Columns are taken [`COLS`] at a time and k at most [`DEPTH`] at a time: that block of B is packed and stays in the second-level
//! cache while rows of A pass by, eight at a time, which stay in the first. A is packed only where its rows are not contiguous and its
//! columns far apart. Blocks of
//! k depend on k alone, so how a product is cut among threads does not change a bit of it.

use std::cell::RefCell;
use std::ops::Range;

use super::micro::{self, ROWS, Tile};
use super::pack::{Line, lines, pack_a, pack_b, panels};
use super::packed::Packed;
use super::{Product, SerialThen, thin, tiles};

/// Columns of a packed block of B.
pub(super) const COLS: usize = 384;
/// Steps of k of a packed block, at most.
const DEPTH: usize = 512;
/// Rows of a packed block of A.
const HEIGHT: usize = 256;
/// Floats over which the columns of a block of A may be spread and still be read where they lie.
const NEAR: usize = 1 << 15;

thread_local! {
    static PACKED: RefCell<(Vec<Line>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Where a product goes, and what is done with each finished piece of a row.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// The start of C.
    pub c: *mut f32,
    /// From one row to the next.
    pub c_row: usize,
    pub then: Option<&'a SerialThen<'a>>,
}

/// Computes the rectangle `rows` × `cols` of C and hands each finished piece of a row on. Of `packed`, which is B, all columns are asked for.
///
/// # Safety
/// The processor has AVX-512F; the operands fit each other and their slices; C is where `to` says, and nobody else touches that rectangle of it.
pub(super) unsafe fn rectangle(
    product: &Product<'_>,
    packed: Option<&Packed<'_>>,
    rows: Range<usize>,
    cols: Range<usize>,
    to: Target<'_>,
) {
    if tiles::suits(product) {
        // SAFETY: the promise is the same, and whoever asked for tiles has them.
        return unsafe { tiles::rectangle(product, rows, cols, to) };
    }
    if thin::suits(product) {
        // SAFETY: the promise is the same.
        return unsafe { thin::rectangle(product, rows, cols, to) };
    }
    PACKED.with_borrow_mut(|(own_b, packed_a)| {
        for first in cols.clone().step_by(COLS) {
            let cols = first..(first + COLS).min(cols.end);
            for depth in blocks(product.a.cols) {
                let packed_b = match packed.and_then(|packed| packed.block(&depth, &cols)) {
                    Some(block) => block,
                    None => {
                        let need = lines(depth.len(), cols.len());
                        if own_b.len() < need {
                            own_b.resize(need, Line([0.0; 16]));
                        }
                        // SAFETY: the caller's promise covers rows and columns of B.
                        unsafe { pack_b(product.b, depth.clone(), cols.clone(), own_b) };
                        &own_b[..]
                    }
                };
                let block = Block { product, depth, cols: cols.clone(), packed_b, to };
                for first in rows.clone().step_by(HEIGHT) {
                    let rows = first..(first + HEIGHT).min(rows.end);
                    // SAFETY: the caller's promise; the rectangle is inside the one promised.
                    unsafe { block.run(rows, packed_a) };
                }
            }
        }
    });
}

/// k in blocks of one size, but for rounding.
pub(super) fn blocks(depth: usize) -> impl Iterator<Item = Range<usize>> {
    let count = depth.div_ceil(DEPTH).max(1);
    let size = depth.div_ceil(count).next_multiple_of(16);
    (0..count).map(move |index| (index * size).min(depth)..((index + 1) * size).min(depth))
}

/// One packed block of B and what it adds to.
struct Block<'a> {
    product: &'a Product<'a>,
    depth: Range<usize>,
    cols: Range<usize>,
    packed_b: &'a [Line],
    to: Target<'a>,
}

impl Block<'_> {
    /// # Safety
    /// As [`rectangle`].
    unsafe fn run(&self, rows: Range<usize>, packed_a: &mut Vec<f32>) {
        let a = self.product.a;
        let depth = self.depth.len();
        let direct = a.col_stride == 1 || depth * a.col_stride <= NEAR;
        if !direct {
            let need = rows.len().div_ceil(ROWS) * ROWS * depth;
            if packed_a.len() < need {
                packed_a.resize(need, 0.0);
            }
            pack_a(a, rows.clone(), self.depth.clone(), packed_a);
        }
        for (index, first) in rows.clone().step_by(ROWS).enumerate() {
            let height = ROWS.min(rows.end - first);
            let from = if direct {
                (
                    a.data.as_ptr().wrapping_add(first * a.row_stride + self.depth.start * a.col_stride),
                    a.row_stride,
                    a.col_stride,
                )
            } else {
                (packed_a.as_ptr().wrapping_add(index * ROWS * depth), 1, ROWS)
            };
            // SAFETY: as above; `from` is where the tile's rows of A begin.
            unsafe { self.tiles(first, height, from) };
        }
    }

    /// All tiles of up to eight rows.
    ///
    /// # Safety
    /// As [`rectangle`]; `from` says where the rows' elements of A begin, and their strides.
    unsafe fn tiles(&self, first: usize, height: usize, (a, a_row, a_col): (*const f32, usize, usize)) {
        let depth = self.depth.len();
        let Target { c, c_row, then } = self.to;
        let c = c.wrapping_add(first * c_row + self.cols.start);
        for panel in panels(self.cols.len()) {
            let tile = Tile {
                depth,
                a,
                a_row,
                a_col,
                b: self.packed_b[panel.before * depth..].as_ptr().cast(),
                c: c.wrapping_add(panel.first),
                c_row,
                rows: height,
                vectors: panel.vectors,
                last: panel.last(),
                alpha: self.product.alpha,
                beta: if self.depth.start == 0 { self.product.beta } else { 1.0 },
            };
            // SAFETY: the caller's promise, for this tile.
            unsafe { micro::run(&tile) };
        }
        if let Some(then) = then
            && self.depth.end == self.product.a.cols
        {
            for r in 0..height {
                // SAFETY: this piece of a row of C is finished and inside the rectangle that is ours.
                let piece =
                    unsafe { std::slice::from_raw_parts_mut(c.wrapping_add(r * c_row), self.cols.len()) };
                then(first + r, self.cols.start, piece);
            }
        }
    }
}
