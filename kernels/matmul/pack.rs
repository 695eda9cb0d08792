//! Operands moved into the order in which the innermost product reads them.

use std::arch::x86_64::*;
use std::ops::Range;

use super::micro::{LANES, ROWS, VECTORS};
use super::view::View;

/// A vector's worth of floats on its own cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub [f32; LANES]);

/// Up to [`VECTORS`] vectors of columns that a tile takes at once.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    /// First column, counted from the block's.
    pub first: usize,
    pub cols: usize,
    pub vectors: usize,
    /// Lines of the block's buffer before it, per step of k.
    pub before: usize,
}

impl Panel {
    /// The columns of the last vector that exist.
    pub fn last(&self) -> u16 {
        u16::MAX >> (self.vectors * LANES - self.cols)
    }
}

/// Cuts `cols` columns into panels: as many full ones as leave no single vector over, which would keep too few sums in flight.
pub(super) fn panels(cols: usize) -> impl Iterator<Item = Panel> {
    let mut before = 0;
    std::iter::from_fn(move || {
        let left = cols.saturating_sub(before * LANES).div_ceil(LANES);
        let vectors = match left {
            0 => return None,
            1..=VECTORS => left,
            4 => 2,
            _ => VECTORS,
        };
        let first = before * LANES;
        let panel = Panel { first, cols: (cols - first).min(vectors * LANES), vectors, before };
        before += vectors;
        Some(panel)
    })
}

/// Lines that a block of B fills.
pub(super) fn lines(depth: usize, cols: usize) -> usize {
    depth * cols.div_ceil(LANES)
}

/// Packs rows `depth` and columns `cols` of B: panel after panel, in each the vectors of one k side by side, columns that do not
/// exist as zeros.
///
/// # Safety
/// The processor has AVX-512F; `b` fits its slice and has those rows and columns; `to` has [`lines`] of them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn pack_b(b: View<'_>, depth: Range<usize>, cols: Range<usize>, to: &mut [Line]) {
    for panel in panels(cols.len()) {
        let to = &mut to[panel.before * depth.len()..][..panel.vectors * depth.len()];
        let first = cols.start + panel.first;
        for v in 0..panel.vectors {
            let from = Block {
                // SAFETY: the panel's first column and the block's first row exist.
                data: unsafe {
                    b.data.as_ptr().add(depth.start * b.row_stride + (first + v * LANES) * b.col_stride)
                },
                along: b.row_stride,
                across: b.col_stride,
                width: (panel.cols - v * LANES).min(LANES),
            };
            // SAFETY: `width` columns from there on and `depth` rows exist.
            unsafe { from.pack(depth.len(), &mut to[v..], panel.vectors) };
        }
    }
}

/// Packs rows `rows` of A over `depth`: tile after tile of [`ROWS`], in each the elements of one k side by side. Where the last tile has
/// fewer rows, the rest is left as it was: it is not read.
pub(super) fn pack_a(a: View<'_>, rows: Range<usize>, depth: Range<usize>, to: &mut [f32]) {
    /// Steps of k at a time, so that what lies beside a tile's elements is still near when the next tile asks for it.
    const NEAR: usize = 16;
    for near in depth.clone().step_by(NEAR) {
        let near = near..(near + NEAR).min(depth.end);
        for (tile, first) in rows.clone().step_by(ROWS).enumerate() {
            let height = ROWS.min(rows.end - first);
            let to = &mut to[(tile * depth.len() + near.start - depth.start) * ROWS..];
            for (p, to) in near.clone().zip(to.as_chunks_mut::<ROWS>().0) {
                let from = &a.data[first * a.row_stride + p * a.col_stride..];
                match from.first_chunk::<ROWS>() {
                    Some(from) if a.row_stride == 1 && height == ROWS => *to = *from,
                    _ => (0..height).for_each(|r| to[r] = from[r * a.row_stride]),
                }
            }
        }
    }
}

/// Columns of B that become one vector.
struct Block {
    data: *const f32,
    /// From one k to the next.
    along: usize,
    /// From one column to the next.
    across: usize,
    width: usize,
}

impl Block {
    /// Writes vector p to line `p * step`.
    ///
    /// # Safety
    /// The processor has AVX-512F; `width` columns and `depth` rows exist; `to` reaches far enough.
    #[target_feature(enable = "avx512f")]
    unsafe fn pack(&self, depth: usize, to: &mut [Line], step: usize) {
        let mask = u16::MAX >> (LANES - self.width);
        if self.across == 1 {
            for p in 0..depth {
                // SAFETY: the mask covers the columns that exist.
                let vector = unsafe { _mm512_maskz_loadu_ps(mask, self.data.add(p * self.along)) };
                store(&mut to[p * step], vector);
            }
            return;
        }
        let whole = if self.along == 1 { depth / LANES * LANES } else { 0 };
        for p in (0..whole).step_by(LANES) {
            let mut rows = [_mm512_setzero_ps(); LANES];
            for (c, row) in rows.iter_mut().enumerate().take(self.width) {
                // SAFETY: column c exists, and so do sixteen k from p on, which lie side by side.
                *row = unsafe { _mm512_loadu_ps(self.data.add(c * self.across + p)) };
            }
            for (q, vector) in transpose(rows).into_iter().enumerate() {
                store(&mut to[(p + q) * step], vector);
            }
        }
        for p in whole..depth {
            let line = &mut to[p * step].0;
            line.fill(0.0);
            for (c, value) in line.iter_mut().enumerate().take(self.width) {
                // SAFETY: row p and column c exist.
                *value = unsafe { *self.data.add(p * self.along + c * self.across) };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(line: &mut Line, vector: __m512) {
    // SAFETY: a line is sixteen floats on a 64-byte boundary.
    unsafe { _mm512_store_ps(line.0.as_mut_ptr(), vector) }
}

/// Sixteen rows of sixteen become sixteen columns: pairs, quadruples, then quarters of vectors change places.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [__m512; LANES]) -> [__m512; LANES] {
    let mut quads = [_mm512_setzero_ps(); LANES];
    for g in 0..4 {
        let [a, b, c, d] = [rows[4 * g], rows[4 * g + 1], rows[4 * g + 2], rows[4 * g + 3]];
        let pairs = [
            _mm512_unpacklo_ps(a, b),
            _mm512_unpackhi_ps(a, b),
            _mm512_unpacklo_ps(c, d),
            _mm512_unpackhi_ps(c, d),
        ]
        .map(|pair| _mm512_castps_pd(pair));
        quads[4 * g] = _mm512_castpd_ps(_mm512_unpacklo_pd(pairs[0], pairs[2]));
        quads[4 * g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(pairs[0], pairs[2]));
        quads[4 * g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(pairs[1], pairs[3]));
        quads[4 * g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(pairs[1], pairs[3]));
    }
    // quads[4g + i] holds columns i, i + 4, i + 8, i + 12 of rows 4g .. 4g + 4.
    let mut columns = [_mm512_setzero_ps(); LANES];
    for i in 0..4 {
        let [a, b, c, d] = [quads[i], quads[4 + i], quads[8 + i], quads[12 + i]];
        let low = [_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0x44>(c, d)];
        let high = [_mm512_shuffle_f32x4::<0xee>(a, b), _mm512_shuffle_f32x4::<0xee>(c, d)];
        columns[i] = _mm512_shuffle_f32x4::<0x88>(low[0], low[1]);
        columns[4 + i] = _mm512_shuffle_f32x4::<0xdd>(low[0], low[1]);
        columns[8 + i] = _mm512_shuffle_f32x4::<0x88>(high[0], high[1]);
        columns[12 + i] = _mm512_shuffle_f32x4::<0xdd>(high[0], high[1]);
    }
    columns
}
