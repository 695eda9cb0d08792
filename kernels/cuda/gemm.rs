//! Matrix products on the device: how row-major ones are asked of cuBLAS, which has columns.

use super::{Failure, Part};

/// A row-major matrix in device memory, or one for each product of a batch, at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    part: Part,
    rows: usize,
    cols: usize,
    /// Values from one row to the next.
    stride: usize,
    /// Values from one matrix of the batch to the next; 0 where all products share one.
    apart: usize,
    transposed: bool,
}

impl Matrix {
    /// `part` as [rows, cols].
    pub fn new(part: Part, rows: usize, cols: usize) -> Self {
        Matrix { part, rows, cols, stride: cols, apart: 0, transposed: false }
    }

    /// The same, its rows `stride` values apart in memory.
    pub fn stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// The same for each product of a batch, `apart` values after the one before.
    pub fn apart(mut self, apart: usize) -> Self {
        self.apart = apart;
        self
    }

    /// Transposed, without moving anything.
    pub fn t(mut self) -> Self {
        self.transposed = !self.transposed;
        self
    }

    fn extents(&self) -> [usize; 2] {
        if self.transposed { [self.cols, self.rows] } else { [self.rows, self.cols] }
    }

    /// One more than the last value's place.
    fn end(&self, batch: usize) -> usize {
        if self.rows == 0 || self.cols == 0 || batch == 0 {
            return 0;
        }
        (batch - 1) * self.apart + (self.rows - 1) * self.stride + self.cols
    }
}

/// c = alpha · a b + beta · c, for each of `batch` products.
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// Multiplies the product.
    pub alpha: f32,
    /// [M, K] as it is to be seen.
    pub a: Matrix,
    /// [K, N] as it is to be seen.
    pub b: Matrix,
    /// Multiplies what is there; at 0 nothing is read.
    pub beta: f32,
    /// [M, N], not transposed.
    pub c: Matrix,
    /// Number of products.
    pub batch: usize,
}

/// The same in the words of BLAS, whose matrices are column-major: C has `m` rows and `n` columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Blas {
    pub transpose: [bool; 2],
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub alpha: f32,
    pub a: Operand,
    pub b: Operand,
    pub beta: f32,
    pub c: Operand,
    pub batch: usize,
}

/// A matrix of [`Blas`]: address, values from one column to the next, values from one matrix to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Operand {
    pub part: Part,
    pub leading: usize,
    pub apart: usize,
}

impl Gemm {
    /// c = a b.
    pub fn new(a: Matrix, b: Matrix, c: Matrix) -> Self {
        Gemm { alpha: 1.0, a, b, beta: 0.0, c, batch: 1 }
    }

    /// The same with what is there kept `beta` times.
    pub fn beta(mut self, beta: f32) -> Self {
        self.beta = beta;
        self
    }

    /// The same times `alpha`.
    pub fn alpha(mut self, alpha: f32) -> Self {
        self.alpha = alpha;
        self
    }

    /// So many of them.
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// In the words of BLAS: a row-major matrix is its own transpose column-major, and (a b)ᵀ = bᵀ aᵀ. `None` where nothing is to be done.
    ///
    /// # Errors
    /// Extents do not fit each other, or a matrix does not lie in its part.
    pub(crate) fn blas(&self) -> Result<Option<Blas>, Failure> {
        let ([m, k], [inner, n], [rows, cols]) = (self.a.extents(), self.b.extents(), self.c.extents());
        let misfit = k != inner || [m, n] != [rows, cols] || self.c.transposed;
        let outside =
            |matrix: &Matrix| matrix.end(self.batch) > matrix.part.len() || matrix.stride < matrix.cols;
        if misfit || [&self.a, &self.b, &self.c].into_iter().any(outside) {
            return Err(Failure::new(format!("no matrix product: {self:?}")));
        }
        if m == 0 || n == 0 || self.batch == 0 {
            return Ok(None);
        }
        let operand = |x: &Matrix| Operand { part: x.part, leading: x.stride.max(1), apart: x.apart };
        Ok(Some(Blas {
            transpose: [self.b.transposed, self.a.transposed],
            m: n,
            n: m,
            k,
            alpha: self.alpha,
            a: operand(&self.b),
            b: operand(&self.a),
            beta: self.beta,
            c: operand(&self.c),
            batch: self.batch,
        }))
    }
}
