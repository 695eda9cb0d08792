//! The innermost product on AVX-512: a tile of C in registers.
//!
//! Up to eight rows and three vectors of columns are summed over one block of k: 24 of the 32 registers hold the tile, three a row of B,
//! and elements of A are broadcast from where they lie. Per step of k that is 24 multiply-adds beside 11 loads, so the two
//! multiply-add units stay busy. Every element of C sees the same operations in the same order, whatever tile it falls into.

use std::arch::x86_64::*;

/// Rows of a tile.
pub(super) const ROWS: usize = 8;
/// Floats in a vector.
pub(super) const LANES: usize = 16;
/// Vectors across a tile.
pub(super) const VECTORS: usize = 3;

/// One tile's operands.
pub(super) struct Tile {
    pub depth: usize,
    /// Element (i, p) of A at `i * a_row + p * a_col`.
    pub a: *const f32,
    pub a_row: usize,
    pub a_col: usize,
    /// Packed: for each p, the tile's vectors of columns side by side, 64-byte aligned.
    pub b: *const f32,
    pub c: *mut f32,
    pub c_row: usize,
    pub rows: usize,
    pub vectors: usize,
    /// The columns of the last vector that exist.
    pub last: u16,
    pub alpha: f32,
    pub beta: f32,
}

/// C ← alpha·A·B + beta·C; C is not read where beta is 0.
///
/// # Safety
/// The processor has AVX-512F; 1 ≤ rows ≤ [`ROWS`], 1 ≤ vectors ≤ [`VECTORS`]; every element named by the extents and strides is valid,
/// for C exclusively.
pub(super) unsafe fn run(tile: &Tile) {
    macro_rules! by_rows {
        ($vectors:literal) => {
            match tile.rows {
                8 => sum::<8, $vectors>(tile),
                7 => sum::<7, $vectors>(tile),
                6 => sum::<6, $vectors>(tile),
                5 => sum::<5, $vectors>(tile),
                4 => sum::<4, $vectors>(tile),
                3 => sum::<3, $vectors>(tile),
                2 => sum::<2, $vectors>(tile),
                _ => sum::<1, $vectors>(tile),
            }
        };
    }
    // SAFETY: the caller's promise, with the extents now constants.
    unsafe {
        match tile.vectors {
            3 => by_rows!(3),
            2 => by_rows!(2),
            _ => by_rows!(1),
        }
    }
}

/// # Safety
/// As [`run`], with `R` rows and `V` vectors.
#[target_feature(enable = "avx512f")]
unsafe fn sum<const R: usize, const V: usize>(tile: &Tile) {
    let mut sums = [[_mm512_setzero_ps(); V]; R];
    let (mut a, mut b) = (tile.a, tile.b);
    // SAFETY: rows, depth and columns are inside what the caller promised; only addresses of existing elements are formed and read.
    unsafe {
        for r in 0..R {
            for v in 0..V {
                _mm_prefetch::<_MM_HINT_T0>(tile.c.wrapping_add(r * tile.c_row + v * LANES).cast());
            }
        }
        for _ in 0..tile.depth {
            let mut row = [_mm512_setzero_ps(); V];
            for (v, vector) in row.iter_mut().enumerate() {
                *vector = _mm512_load_ps(b.add(v * LANES));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let element = _mm512_set1_ps(*a.add(r * tile.a_row));
                for (sum, &vector) in sums.iter_mut().zip(&row) {
                    *sum = _mm512_fmadd_ps(element, vector, *sum);
                }
            }
            a = a.wrapping_add(tile.a_col);
            b = b.wrapping_add(V * LANES);
        }
        let alpha = _mm512_set1_ps(tile.alpha);
        let beta = _mm512_set1_ps(tile.beta);
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let mask = if v + 1 == V { tile.last } else { u16::MAX };
                let c = tile.c.add(r * tile.c_row + v * LANES);
                let value = if tile.beta == 0.0 {
                    _mm512_mul_ps(alpha, sum)
                } else {
                    _mm512_fmadd_ps(alpha, sum, _mm512_mul_ps(beta, _mm512_maskz_loadu_ps(mask, c)))
                };
                _mm512_mask_storeu_ps(c, mask, value);
            }
        }
    }
}
