//! Eigenvalues of a real symmetric matrix, in f64: Householder's reflections to three diagonals, then bisection by Sturm's count.
//!
//! Golub & Van Loan, *Matrix Computations*, sections 8.3 and 8.4. For some hundred rows. Not for: eigenvectors.

/// In ascending order; `matrix` is [size, size].
pub(super) fn eigenvalues(matrix: Vec<f64>, size: usize) -> Vec<f64> {
    if size == 0 {
        return Vec::new();
    }
    let (diagonal, beside) = three_diagonals(matrix, size);
    // Gershgorin: no eigenvalue is further from the middle.
    let reach = |i: usize| beside[i].abs() + if i > 0 { beside[i - 1].abs() } else { 0.0 };
    let low = (0..size).map(|i| diagonal[i] - reach(i)).fold(f64::INFINITY, f64::min);
    let high = (0..size).map(|i| diagonal[i] + reach(i)).fold(f64::NEG_INFINITY, f64::max);
    let squares: Vec<f64> = beside.iter().map(|value| value * value).collect();
    (0..size).map(|index| bisect(&diagonal, &squares, index, low, high)).collect()
}

/// The diagonal and what stands beside it, with a 0 at the end.
fn three_diagonals(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; size];
    for k in 0..size.saturating_sub(1) {
        let mut v: Vec<f64> = (k + 1..size).map(|row| matrix[row * size + k]).collect();
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        beside[k] = -length.copysign(v[0]);
        v[0] -= beside[k];
        let squares: f64 = v.iter().map(|x| x * x).sum();
        // The last one needs no reflection, and a column of zeros none either.
        if k + 2 >= size || squares == 0.0 {
            beside[k] = matrix[(k + 1) * size + k];
            continue;
        }
        reflect(&mut matrix, size, k + 1, &v, 2.0 / squares);
    }
    ((0..size).map(|i| matrix[i * size + i]).collect(), beside)
}

/// H A H of what lies behind `from`, where H = 1 − scale · v vᵀ.
fn reflect(matrix: &mut [f64], size: usize, from: usize, v: &[f64], scale: f64) {
    let rows = matrix[from * size..].chunks_exact(size).map(|row| &row[from..]);
    let product = |row: &[f64]| scale * row.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
    let mut w: Vec<f64> = rows.map(product).collect();
    let half = 0.5 * scale * w.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
    w.iter_mut().zip(v).for_each(|(w, v)| *w -= half * v);
    for (row, (vi, wi)) in matrix[from * size..].chunks_exact_mut(size).zip(v.iter().zip(&w)) {
        let others = v.iter().zip(&w);
        row[from..].iter_mut().zip(others).for_each(|(value, (vj, wj))| *value -= vi * wj + wi * vj);
    }
}

/// The eigenvalue with `index` smaller ones, by halving until no number lies between.
fn bisect(diagonal: &[f64], squares: &[f64], index: usize, mut low: f64, mut high: f64) -> f64 {
    loop {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            return middle;
        }
        if smaller(diagonal, squares, middle) > index { high = middle } else { low = middle }
    }
}

/// How many eigenvalues are smaller than `x`: the negative pivots of the matrix less x.
fn smaller(diagonal: &[f64], squares: &[f64], x: f64) -> usize {
    let (mut count, mut pivot) = (0, 1.0);
    for (i, value) in diagonal.iter().enumerate() {
        let carried = if i > 0 { squares[i - 1] / pivot } else { 0.0 };
        pivot = value - x - carried;
        if pivot == 0.0 {
            pivot = -f64::MIN_POSITIVE;
        }
        count += usize::from(pivot < 0.0);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_matrices_by_hand() {
        assert!(eigenvalues(Vec::new(), 0).is_empty());
        assert_eq!(eigenvalues(vec![7.0], 1), [7.0]);
        let found = eigenvalues(vec![2.0, 1.0, 1.0, 2.0], 2);
        assert!((found[0] - 1.0).abs() < 1e-14 && (found[1] - 3.0).abs() < 1e-14, "{found:?}");
        assert_eq!(eigenvalues(vec![0.0; 9], 3), [0.0; 3]);
        let diagonal = eigenvalues(vec![3.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 2.0], 3);
        assert!(diagonal.iter().zip([-1.0, 2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-14), "{diagonal:?}");
    }

    /// The second difference of a string with fixed ends: 2 − 2 cos(π k / (n + 1)), here with its axes turned by a reflection.
    #[test]
    fn a_dense_matrix_with_known_eigenvalues() {
        let size = 30;
        let beside = |i: usize, j: usize| if i.abs_diff(j) == 1 { -1.0 } else { 0.0 };
        let entry = |i: usize, j: usize| if i == j { 2.0 } else { beside(i, j) };
        let mut matrix: Vec<f64> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
        let v: Vec<f64> = (0..size).map(|i| (i as f64 + 1.0).sin()).collect();
        reflect(&mut matrix, size, 0, &v, 2.0 / v.iter().map(|x| x * x).sum::<f64>());
        for (k, found) in eigenvalues(matrix, size).into_iter().enumerate() {
            let want = 2.0 - 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (size + 1) as f64).cos();
            assert!((found - want).abs() < 1e-13, "{k}: {found}, want {want}");
        }
    }
}
