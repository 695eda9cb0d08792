//! A right operand that is packed once, for the products of many tasks.
//!
//! A task that has a piece of a product packs what it needs of B for itself: where pieces are short beside B that is work done over and over.

#[cfg(target_arch = "x86_64")]
use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use rayon::prelude::*;

use super::{Product, SerialThen, Then, View};
#[cfg(target_arch = "x86_64")]
use super::{
    blocked::{COLS, blocks},
    has_avx512,
    pack::{Line, lines, pack_b},
};

/// B, and B packed where products take it so.
pub(crate) struct Packed<'a> {
    b: View<'a>,
    /// Blocks of columns, in each its blocks of k.
    #[cfg(target_arch = "x86_64")]
    lines: Vec<Line>,
}

impl<'a> Packed<'a> {
    /// Packs `b` on all threads.
    pub(crate) fn new(b: View<'a>) -> Self {
        assert!(b.fits(), "matmul: extents do not fit");
        #[cfg(target_arch = "x86_64")]
        return Packed { b, lines: if has_avx512() { packed(b) } else { Vec::new() } };
        #[cfg(not(target_arch = "x86_64"))]
        Packed { b }
    }

    /// The block that the walk asks for, if B is packed.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn block(&self, depth: &Range<usize>, cols: &Range<usize>) -> Option<&[Line]> {
        let before = lines(self.b.rows, cols.start) + lines(depth.start, cols.len());
        self.lines.get(before..before + lines(depth.len(), cols.len()))
    }
}

/// All blocks of B.
#[cfg(target_arch = "x86_64")]
fn packed(b: View<'_>) -> Vec<Line> {
    let mut all = Box::<[Line]>::new_uninit_slice(lines(b.rows, b.cols));
    let (mut rest, mut tasks) = (&mut all[..], Vec::new());
    for first in (0..b.cols).step_by(COLS) {
        let cols = first..(first + COLS).min(b.cols);
        for depth in blocks(b.rows) {
            let block = rest.split_off_mut(..lines(depth.len(), cols.len())).unwrap_or_default();
            // SAFETY: packing writes every line of a block, and reads none; any bits are a line.
            let block = unsafe { block.assume_init_mut() };
            tasks.push((depth, cols.clone(), block));
        }
    }
    tasks.into_par_iter().for_each(|(depth, cols, block)| {
        // SAFETY: the processor has AVX-512, and these rows and columns are inside B, which fits its slice.
        unsafe { pack_b(b, depth, cols, block) };
    });
    // SAFETY: the blocks were all of it, and each is packed.
    unsafe { all.assume_init() }.into_vec()
}

/// `c ← a·b + beta·c` on this thread, into a dense `c`, with a last word as in [`super::matmul_then`].
///
/// # Panics
/// As [`super::matmul_serial`].
pub(crate) fn matmul_serial_packed(a: View<'_>, b: &Packed<'_>, beta: f32, c: &mut [f32], then: &Then<'_>) {
    let product = Product { alpha: 1.0, a, b: b.b, beta };
    super::run_serial(&product, c, product.b.cols, Some(then as &SerialThen<'_>), Some(b));
}
