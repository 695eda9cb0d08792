//! A matrix times few vectors, its weights read once and in a row.
//!
//! Rows are dealt out over the elements of vectors, four vectors to a block, and a block's weights follow each other column by column. Every
//! element of a result is one chain of multiply-adds over the columns that starts from the bias: the same numbers for a lane
//! whatever lanes are computed beside it.

use pulp::{Simd, WithSimd};

use super::Aligned;
use crate::simd;

/// Vectors of rows in a block: with four lanes, half of the widest unit's registers hold sums.
const BLOCK: usize = 4;

/// A packed matrix with a bias.
#[derive(Debug)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    /// Block by block; in a block, for each column, the block's rows.
    weights: Aligned,
    /// Rows, and zeros up to a whole vector.
    bias: Aligned,
}

impl Matrix {
    /// Packs the matrix of elements `at(row, column)`, and `bias(row)`.
    pub fn pack(
        rows: usize,
        columns: usize,
        at: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let width = simd::width();
        let padded = rows.next_multiple_of(width);
        let mut packed =
            Matrix { rows, columns, weights: Aligned::zeros(padded * columns), bias: Aligned::zeros(padded) };
        (0..rows).for_each(|row| packed.bias[row] = bias(row));
        for first in (0..padded).step_by(BLOCK * width) {
            let block_rows = (padded - first).min(BLOCK * width);
            let block = &mut packed.weights[first * columns..][..block_rows * columns];
            for (column, to) in block.chunks_exact_mut(block_rows).enumerate() {
                for (row, to) in (first..rows).zip(to) {
                    *to = at(row, column);
                }
            }
        }
        packed
    }

    /// Elements of a result.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How far the results of two lanes lie apart: [`Matrix::rows`] up to a whole vector, the rest zeros.
    pub fn stride(&self) -> usize {
        self.bias.len()
    }

    /// Elements of a vector that is multiplied.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// bias + matrix · vector for each of `lanes` vectors.
    ///
    /// Those start at `x[first]`, `stride` apart; results go to `out` [lanes, [`Matrix::stride`]].
    pub fn times(&self, lanes: usize, x: &[f32], first: usize, stride: usize, out: &mut [f32]) {
        simd::with(Times { matrix: self, lanes, x: &x[first..], stride, out });
    }
}

struct Times<'a> {
    matrix: &'a Matrix,
    lanes: usize,
    x: &'a [f32],
    stride: usize,
    out: &'a mut [f32],
}

impl WithSimd for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Matrix { columns, weights, bias, .. } = self.matrix;
        let (weights, _) = S::as_simd_f32s(weights);
        let (bias, _) = S::as_simd_f32s(bias);
        let (out, _) = S::as_mut_simd_f32s(self.out);
        let x = Lanes { x: self.x, stride: self.stride, columns: *columns, count: self.lanes };
        let stride = bias.len();
        for (block, bias) in bias.chunks(BLOCK).enumerate() {
            let weights = &weights[block * BLOCK * columns..][..bias.len() * columns];
            let out = &mut out[block * BLOCK..];
            match bias.len() {
                4 => x.all::<S, 4>(simd, weights, bias, out, stride),
                3 => x.all::<S, 3>(simd, weights, bias, out, stride),
                2 => x.all::<S, 2>(simd, weights, bias, out, stride),
                _ => x.all::<S, 1>(simd, weights, bias, out, stride),
            }
        }
    }
}

/// The vectors that are multiplied.
#[derive(Clone, Copy)]
struct Lanes<'a> {
    x: &'a [f32],
    stride: usize,
    columns: usize,
    count: usize,
}

impl Lanes<'_> {
    /// One block of `V` vectors of rows for all lanes.
    #[inline(always)]
    fn all<S: Simd, const V: usize>(
        self,
        simd: S,
        weights: &[S::f32s],
        bias: &[S::f32s],
        out: &mut [S::f32s],
        stride: usize,
    ) {
        let mut lane = 0;
        while lane + 4 <= self.count {
            self.some::<S, V, 4>(simd, weights, bias, lane, &mut out[lane * stride..], stride);
            lane += 4;
        }
        let out = out.get_mut(lane * stride..).unwrap_or_default();
        match self.count - lane {
            3 => self.some::<S, V, 3>(simd, weights, bias, lane, out, stride),
            2 => self.some::<S, V, 2>(simd, weights, bias, lane, out, stride),
            1 => self.some::<S, V, 1>(simd, weights, bias, lane, out, stride),
            _ => {}
        }
    }

    /// One block for `L` lanes from `lane` on, sums in registers.
    #[inline(always)]
    fn some<S: Simd, const V: usize, const L: usize>(
        self,
        simd: S,
        weights: &[S::f32s],
        bias: &[S::f32s],
        lane: usize,
        out: &mut [S::f32s],
        stride: usize,
    ) {
        let x: [&[f32]; L] = std::array::from_fn(|l| &self.x[(lane + l) * self.stride..][..self.columns]);
        let start: [S::f32s; V] = std::array::from_fn(|v| bias[v]);
        let mut sums = [start; L];
        let (weights, _) = weights.as_chunks::<V>();
        for (column, row) in weights[..self.columns].iter().enumerate() {
            for l in 0..L {
                let element = simd.splat_f32s(x[l][column]);
                for v in 0..V {
                    sums[l][v] = simd.mul_add_f32s(row[v], element, sums[l][v]);
                }
            }
        }
        for (l, sums) in sums.iter().enumerate() {
            out[l * stride..][..V].copy_from_slice(sums);
        }
    }
}
