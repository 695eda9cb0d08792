//! The walk of a product whose operands are read as bfloat16, for processors with AMX: squares of 32 × 32 sums in tile registers.
//!
//! Operands are rounded to bfloat16 while they are packed, to the nearest and to even among equals; sums are in f32, and so is C. Columns are taken
//! [`COLS`] at a time and k at most [`DEPTH`] at a time: that block of B stays in the second-level cache while rows of A pass by, 32 at a time, which
//! stay in the first. Every element of C sees the same operations in the same order, whatever square it falls into: extents that are no multiples
//! are filled up with zeros. Whether products come here at all says [`super::bf16`].

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::ops::Range;

use super::blocked::Target;
use super::{Product, View};
use crate::threads;

/// Columns of a packed block of B.
const COLS: usize = 1024;
/// Steps of k of a packed block, at most.
const DEPTH: usize = 512;
/// Rows, columns of a square: two tiles each way.
const SIDE: usize = 32;
/// Rows of a tile, and words of one of its rows, which are pairs of steps of k.
const TILE: usize = 16;
/// Steps of k of a tile.
const STEPS: usize = 2 * TILE;

/// A row of a tile on a cache line of its own.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Row([u32; TILE]);

const EMPTY: Row = Row([0; TILE]);

thread_local! {
    static PACKED: RefCell<(Vec<Row>, Vec<Row>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Whether a product comes here. How many rows it has does not matter: each has the same bits among few and among many.
pub(super) fn suits(product: &Product<'_>) -> bool {
    product.b.cols >= TILE && product.a.cols >= STEPS && super::bf16::is_on()
}

/// The rectangles that threads take: strips of the longer side, no more than threads, since each packs what it needs of the
/// operands for itself.
pub(super) fn cut(m: usize, n: usize, k: usize) -> Vec<(Range<usize>, Range<usize>)> {
    const LEAST_SUMS: usize = 1 << 22;
    let wanted = (m * n * k / LEAST_SUMS).clamp(1, threads::count());
    let by_cols = n > m;
    let len = if by_cols { n } else { m };
    let step = len.div_ceil(wanted).next_multiple_of(SIDE);
    let parts = (0..len).step_by(step).map(|first| first..(first + step).min(len));
    parts.map(|part| if by_cols { (0..m, part) } else { (part, 0..n) }).collect()
}

/// Computes the rectangle `rows` × `cols` of C and hands each finished piece of a row on.
///
/// # Safety
/// The processor has AMX with bfloat16, AVX-512 with BW and BF16, and the system lets this process use them; the operands fit each other and their
/// slices; C is where `to` says, and nobody else touches that rectangle of it.
pub(super) unsafe fn rectangle(
    product: &Product<'_>,
    rows: Range<usize>,
    cols: Range<usize>,
    to: Target<'_>,
) {
    PACKED.with_borrow_mut(|(packed_a, packed_b)| {
        // SAFETY: the caller's promise; tiles are let go of below.
        unsafe { configure() };
        for first in cols.clone().step_by(COLS) {
            let cols = first..(first + COLS).min(cols.end);
            for depth in blocks(product.a.cols) {
                // SAFETY: the caller's promise covers rows and columns of B.
                unsafe { pack(product.b.t(), cols.clone(), depth.clone(), Side::Right, packed_b) };
                for first in rows.clone().step_by(SIDE) {
                    let rows = first..(first + SIDE).min(rows.end);
                    // SAFETY: the caller's promise, for this strip of the rectangle and what is packed for it.
                    unsafe {
                        pack(product.a, rows.clone(), depth.clone(), Side::Left, packed_a);
                        strip(product, [rows, cols.clone(), depth.clone()], packed_a, packed_b, to);
                    }
                }
            }
        }
        // SAFETY: as above; nothing of the tiles is needed any more.
        unsafe { asm!("tilerelease", options(nostack)) };
    });
}

/// k in blocks of one size, but for rounding.
fn blocks(depth: usize) -> impl Iterator<Item = Range<usize>> {
    let count = depth.div_ceil(DEPTH).max(1);
    let size = depth.div_ceil(count).next_multiple_of(STEPS);
    (0..count).map(move |index| (index * size).min(depth)..((index + 1) * size).min(depth))
}

/// Gives this thread eight tiles of 16 rows of 64 bytes.
///
/// # Safety
/// As [`rectangle`].
unsafe fn configure() {
    #[repr(C, align(64))]
    struct Configuration {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        row_bytes: [u16; 16],
        rows: [u8; 16],
    }
    static ALL: Configuration = Configuration {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };
    // SAFETY: the processor has AMX by the caller's promise; the 64 bytes are a configuration.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const ALL, options(nostack, readonly)) };
}

/// All squares of up to 32 rows of a block, and the last word on their finished rows.
///
/// # Safety
/// As [`rectangle`]; both operands are packed for this block.
unsafe fn strip(
    product: &Product<'_>,
    [rows, cols, depth]: [Range<usize>; 3],
    packed_a: &[Row],
    packed_b: &[Row],
    to: Target<'_>,
) {
    let Target { c, c_row, then } = to;
    let c = c.wrapping_add(rows.start * c_row + cols.start);
    let steps = depth.len().div_ceil(STEPS);
    let beta = if depth.start == 0 { product.beta } else { 1.0 };
    let mut square = [Row([0; TILE]); 2 * SIDE];
    for (panel, first) in (0..cols.len()).step_by(SIDE).enumerate() {
        let width = SIDE.min(cols.len() - first);
        // SAFETY: packing made so many steps of these rows and of this panel; the rest is the caller's promise.
        unsafe {
            sum(packed_a, &packed_b[panel * steps * 2 * TILE..], steps, &mut square);
            finish(&square, [product.alpha, beta], c.wrapping_add(first), c_row, [rows.len(), width]);
        }
    }
    if let Some(then) = then
        && depth.end == product.a.cols
    {
        for row in 0..rows.len() {
            // SAFETY: this piece of a row of C is finished and inside the rectangle that is ours.
            let piece = unsafe { std::slice::from_raw_parts_mut(c.wrapping_add(row * c_row), cols.len()) };
            then(rows.start + row, cols.start, piece);
        }
    }
}

/// The sums of a square over `steps` tiles of each operand, as 32 rows of 32 floats.
///
/// # Safety
/// As [`rectangle`], with tiles configured.
unsafe fn sum(a: &[Row], b: &[Row], steps: usize, square: &mut [Row; 2 * SIDE]) {
    assert!(steps > 0 && a.len() >= steps * 2 * TILE && b.len() >= steps * 2 * TILE, "operands are packed");
    // SAFETY: the processor knows the instructions; tiles of 1024 bytes are read from what was checked above, and written to the square.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{a} + {row}*1]",
            "tileloadd tmm6, [{b} + {row}*1]",
            "tileloadd tmm5, [{a} + {row}*1 + 1024]",
            "tileloadd tmm7, [{b} + {row}*1 + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a}, 2048",
            "add {b}, 2048",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{c} + {c_row}*1], tmm0",
            "tilestored [{c} + {c_row}*1 + 64], tmm1",
            "tilestored [{c} + {c_row}*1 + 2048], tmm2",
            "tilestored [{c} + {c_row}*1 + 2112], tmm3",
            a = inout(reg) a.as_ptr() => _,
            b = inout(reg) b.as_ptr() => _,
            steps = inout(reg) steps => _,
            row = in(reg) 64usize,
            c = in(reg) square.as_mut_ptr(),
            c_row = in(reg) 128usize,
            options(nostack),
        );
    }
}

/// C ← alpha · square + beta · C, for the part of the square that exists; C is not read where beta is 0.
///
/// # Safety
/// As [`rectangle`], for `rows` × `cols` elements from `c` on.
#[target_feature(enable = "avx512f")]
unsafe fn finish(
    square: &[Row; 2 * SIDE],
    [alpha, beta]: [f32; 2],
    c: *mut f32,
    c_row: usize,
    [rows, cols]: [usize; 2],
) {
    let (alphas, betas) = (_mm512_set1_ps(alpha), _mm512_set1_ps(beta));
    for (row, sums) in square.chunks_exact(2).take(rows).enumerate() {
        for (half, sums) in sums.iter().enumerate() {
            let mask = mask(cols.saturating_sub(half * TILE));
            let at = c.wrapping_add(row * c_row + half * TILE);
            // SAFETY: the mask leaves the elements that exist, which the caller promised.
            unsafe {
                let sum = _mm512_mul_ps(alphas, _mm512_load_ps(sums.0.as_ptr().cast()));
                let value = match beta == 0.0 {
                    true => sum,
                    false => _mm512_fmadd_ps(betas, _mm512_maskz_loadu_ps(mask, at), sum),
                };
                _mm512_mask_storeu_ps(at, mask, value);
            }
        }
    }
}

/// Which operand.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    /// Rows of tiles are rows of A.
    Left,
    /// Rows of tiles are pairs of steps of k.
    Right,
}

/// Packs `outer` × `depth` of an operand [outer, k] into pairs of tiles: for each 32 of `outer`, for each 32 steps of k, two tiles.
///
/// # Safety
/// As [`rectangle`].
unsafe fn pack(operand: View<'_>, outer: Range<usize>, depth: Range<usize>, side: Side, to: &mut Vec<Row>) {
    let steps = depth.len().div_ceil(STEPS);
    let need = outer.len().div_ceil(SIDE) * steps * 2 * TILE;
    if to.len() < need {
        to.resize(need, EMPTY);
    }
    let tiles = to[..need].chunks_exact_mut(TILE).enumerate();
    for (index, tile) in tiles {
        let (pair, half) = (index / 2, index % 2);
        let first = outer.start + pair / steps * SIDE + half * TILE;
        let step = depth.start + pair % steps * STEPS;
        let count = outer.end.saturating_sub(first).min(TILE);
        let part = Part { operand, first, count, step, steps: STEPS.min(depth.end - step) };
        // SAFETY: the part is inside the operand, which the caller promised.
        unsafe { part.pack(side, tile) };
    }
}

/// What goes into one tile.
struct Part<'a> {
    operand: View<'a>,
    first: usize,
    /// Rows that exist from `first` on.
    count: usize,
    step: usize,
    /// Steps of k that exist from `step` on.
    steps: usize,
}

impl Part<'_> {
    /// # Safety
    /// As [`rectangle`]; the part is inside the operand.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn pack(&self, side: Side, tile: &mut [Row]) {
        let mut rows = [_mm512_setzero_si512(); TILE];
        // SAFETY: the caller's promise.
        let lies = unsafe {
            match (self.operand.col_stride, self.operand.row_stride) {
                (1, _) => self.by_outer(&mut rows),
                (_, 1) => self.by_steps(&mut rows),
                _ => self.gathered(&mut rows),
            }
        };
        let rows = if lies == side { rows } else { transposed(rows) };
        for (row, value) in tile.iter_mut().zip(rows) {
            // SAFETY: a row of a tile is as long as a vector, and aligned to it.
            unsafe { _mm512_store_si512((&raw mut row.0).cast(), value) };
        }
    }

    fn at(&self, outer: usize, step: usize) -> *const f32 {
        let View { data, row_stride, col_stride, .. } = self.operand;
        data.as_ptr().wrapping_add((self.first + outer) * row_stride + (self.step + step) * col_stride)
    }

    /// Steps of k lie side by side: a vector for each row.
    ///
    /// # Safety
    /// As [`Part::pack`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn by_outer(&self, rows: &mut [__m512i; TILE]) -> Side {
        let [low, high] = [mask(self.steps), mask(self.steps.saturating_sub(TILE))];
        for (outer, row) in rows.iter_mut().enumerate().take(self.count) {
            // SAFETY: the masks leave steps that exist.
            let [low, high] = unsafe {
                [
                    _mm512_maskz_loadu_ps(low, self.at(outer, 0)),
                    _mm512_maskz_loadu_ps(high, self.at(outer, TILE)),
                ]
            };
            *row = rounded(low, high);
        }
        Side::Left
    }

    /// Rows lie side by side: a vector for each pair of steps.
    ///
    /// # Safety
    /// As [`Part::pack`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn by_steps(&self, rows: &mut [__m512i; TILE]) -> Side {
        let exists = mask(self.count);
        for (pair, row) in rows.iter_mut().enumerate().take(self.steps.div_ceil(2)) {
            let second = if 2 * pair + 1 < self.steps { exists } else { 0 };
            // SAFETY: the masks leave rows that exist, of steps that exist.
            let [even, odd] = unsafe {
                [
                    _mm512_maskz_loadu_ps(exists, self.at(0, 2 * pair)),
                    _mm512_maskz_loadu_ps(second, self.at(0, 2 * pair + 1)),
                ]
            };
            *row = interleaved(rounded(even, odd));
        }
        Side::Right
    }

    /// Nothing lies side by side.
    ///
    /// # Safety
    /// As [`Part::pack`].
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn gathered(&self, rows: &mut [__m512i; TILE]) -> Side {
        for (outer, row) in rows.iter_mut().enumerate().take(self.count) {
            let mut values = [0.0; STEPS];
            for (step, value) in values.iter_mut().enumerate().take(self.steps) {
                // SAFETY: the row and the step exist.
                *value = unsafe { *self.at(outer, step) };
            }
            // SAFETY: both halves are inside the values.
            *row = unsafe {
                rounded(_mm512_loadu_ps(values.as_ptr()), _mm512_loadu_ps(values.as_ptr().add(TILE)))
            };
        }
        Side::Left
    }
}

/// A mask of the first `count` lanes, all of them if there are more.
fn mask(count: usize) -> u16 {
    if count >= TILE { u16::MAX } else { (1 << count) - 1 }
}

/// 32 floats as bfloat16, those of `low` before those of `high`.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn rounded(low: __m512, high: __m512) -> __m512i {
    // SAFETY: both are 512 bits.
    unsafe { std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low)) }
}

/// 16 numbers and 16 more as 16 pairs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleaved(halves: __m512i) -> __m512i {
    const ORDER: [u16; 32] = {
        let mut order = [0; 32];
        let mut at = 0;
        while at < 16 {
            order[2 * at] = at as u16;
            order[2 * at + 1] = at as u16 + 16;
            at += 1;
        }
        order
    };
    // SAFETY: the order is as long as a vector.
    unsafe { _mm512_permutexvar_epi16(_mm512_loadu_si512(ORDER.as_ptr().cast()), halves) }
}

/// The transpose of 16 × 16 words.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(rows: [__m512i; TILE]) -> [__m512i; TILE] {
    let mut pairs = rows;
    for at in (0..TILE).step_by(2) {
        pairs[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    // Lane l of `fours[4g + j]` has column 4l + j of rows 4g to 4g + 3.
    let mut fours = pairs;
    for at in (0..TILE).step_by(4) {
        fours[at] = _mm512_unpacklo_epi64(pairs[at], pairs[at + 2]);
        fours[at + 1] = _mm512_unpackhi_epi64(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm512_unpacklo_epi64(pairs[at + 1], pairs[at + 3]);
        fours[at + 3] = _mm512_unpackhi_epi64(pairs[at + 1], pairs[at + 3]);
    }
    let mut columns = fours;
    for j in 0..4 {
        let [a, b, c, d] = [fours[j], fours[4 + j], fours[8 + j], fours[12 + j]];
        let (even_ab, odd_ab) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        let (even_cd, odd_cd) = (_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xdd>(c, d));
        columns[j] = _mm512_shuffle_i32x4::<0x88>(even_ab, even_cd);
        columns[8 + j] = _mm512_shuffle_i32x4::<0xdd>(even_ab, even_cd);
        columns[4 + j] = _mm512_shuffle_i32x4::<0x88>(odd_ab, odd_cd);
        columns[12 + j] = _mm512_shuffle_i32x4::<0xdd>(odd_ab, odd_cd);
    }
    columns
}
