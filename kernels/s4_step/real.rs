//! Small square matrices in f64: products, powers, and one linear system.

use crate::simd;

/// A square matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    size: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// Zeros [size, size].
    pub fn zeros(size: usize) -> Self {
        Matrix { size, values: vec![0.0; size * size] }
    }

    fn identity(size: usize) -> Self {
        let mut matrix = Self::zeros(size);
        (0..size).for_each(|i| matrix.set(i, i, 1.0));
        matrix
    }

    /// Writes one element.
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.size + column] = value;
    }

    fn times(&self, other: &Matrix) -> Matrix {
        let mut product = Matrix::zeros(self.size);
        let size = self.size;
        simd::dispatch(
            #[inline(always)]
            || {
                for (row, to) in self.values.chunks_exact(size).zip(product.values.chunks_exact_mut(size)) {
                    for (factor, from) in row.iter().zip(other.values.chunks_exact(size)) {
                        for (to, from) in to.iter_mut().zip(from) {
                            *to = factor.mul_add(*from, *to);
                        }
                    }
                }
            },
        );
        product
    }

    /// By repeated squaring.
    pub fn power(&self, exponent: usize) -> Matrix {
        let mut result: Option<Matrix> = None;
        let mut square = self.clone();
        let mut left = exponent;
        while left > 0 {
            if left % 2 == 1 {
                result = Some(result.map_or_else(|| square.clone(), |result| result.times(&square)));
            }
            left /= 2;
            if left > 0 {
                square = square.times(&square);
            }
        }
        result.unwrap_or_else(|| Self::identity(self.size))
    }

    /// (selfᵀ to the power of `exponent`) v for each v: fewer products than the power itself takes.
    pub fn transposed_power_times(&self, exponent: usize, mut vectors: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let mut square = self.clone();
        let mut left = exponent;
        while left > 0 {
            if left % 2 == 1 {
                vectors.iter_mut().for_each(|v| *v = square.transposed_times(v));
            }
            left /= 2;
            if left > 0 {
                square = square.times(&square);
            }
        }
        vectors
    }

    /// I − self.
    pub fn taken_from_identity(mut self) -> Matrix {
        self.values.iter_mut().for_each(|value| *value = -*value);
        (0..self.size).for_each(|i| self.values[i * self.size + i] += 1.0);
        self
    }

    /// Rows as columns.
    pub fn transposed(&self) -> Matrix {
        let mut turned = Matrix::zeros(self.size);
        for row in 0..self.size {
            for column in 0..self.size {
                turned.set(column, row, self.values[row * self.size + column]);
            }
        }
        turned
    }

    /// selfᵀ v.
    pub fn transposed_times(&self, v: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.size];
        for (row, v) in self.values.chunks_exact(self.size).zip(v) {
            product.iter_mut().zip(row).for_each(|(to, value)| *to += v * value);
        }
        product
    }

    /// x with self · x = `right`, by elimination with row exchange; nothing where the matrix is singular to working precision.
    pub fn solve(mut self, right: &[f64]) -> Option<Vec<f64>> {
        let size = self.size;
        let mut right = right.to_vec();
        let largest = self.values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        for column in 0..size {
            let at = |row: usize| row * size + column;
            let pivot = (column..size)
                .max_by(|&a, &b| self.values[at(a)].abs().total_cmp(&self.values[at(b)].abs()))?;
            if self.values[at(pivot)].abs() <= largest * f64::EPSILON {
                return None;
            }
            (0..size).for_each(|i| self.values.swap(pivot * size + i, column * size + i));
            right.swap(pivot, column);
            let (done, below) = self.values.split_at_mut((column + 1) * size);
            let source = &done[column * size..];
            for (row, values) in below.chunks_exact_mut(size).enumerate() {
                let factor = values[column] / source[column];
                values[column..]
                    .iter_mut()
                    .zip(&source[column..])
                    .for_each(|(to, from)| *to -= factor * from);
                right[column + 1 + row] -= factor * right[column];
            }
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size).map(|i| self.values[row * size + i] * right[i]).sum();
            right[row] = (right[row] - known) / self.values[row * size + row];
        }
        Some(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[[f64; 3]; 3]) -> Matrix {
        Matrix { size: 3, values: rows.concat() }
    }

    #[test]
    fn powers_are_products() {
        let a = matrix(&[[0.5, 1.0, 0.0], [0.0, -0.25, 2.0], [1.0, 0.0, 0.125]]);
        let mut product = Matrix::identity(3);
        for exponent in 0..9 {
            let power = a.power(exponent);
            let distance =
                power.values.iter().zip(&product.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(distance < 1e-12, "to the power of {exponent}: {distance:e}");
            let v = vec![1.0, -2.0, 0.5];
            let (want, got) = (product.transposed_times(&v), a.transposed_power_times(exponent, vec![v]));
            assert!(want.iter().zip(&got[0]).all(|(want, got)| (want - got).abs() < 1e-12));
            product = product.times(&a);
        }
    }

    #[test]
    fn a_system_is_solved_and_a_singular_one_is_not() {
        // The first pivot is zero: rows have to change places.
        let a = matrix(&[[0.0, 2.0, 1.0], [1.0, 1.0, 0.0], [3.0, 0.0, -1.0]]);
        let x = a.clone().solve(&[7.0, 3.0, 0.0]).unwrap();
        let want = [1.0, 2.0, 3.0];
        assert!(x.iter().zip(want).all(|(x, want)| (x - want).abs() < 1e-12), "{x:?}");
        let turned = a.transposed().transposed_times(&x);
        assert!(turned.iter().zip([7.0, 3.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(matrix(&[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]]).solve(&[1.0; 3]), None);
    }
}
