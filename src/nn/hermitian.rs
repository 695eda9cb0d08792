//! Eigenvalues of a Hermitian matrix, and how a vector lies along its eigenvectors: cyclic Jacobi rotations in f64.
//!
//! Rotations are unitary, so eigenvalues are as precise as the matrix' largest entries are written down. For matrices of some hundred rows, made
//! once. Not for: eigenvectors themselves, or large matrices. Start at [`modes`].

use kernels::s4_step::Complex64;

/// An eigenvalue, and the product of its eigenvector's conjugate with the vector asked about. The phase is the rotations'; the size is not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub eigenvalue: f64,
    pub along: Complex64,
}

/// Sweeps over all pairs, at most: convergence is quadratic, ten are many.
const SWEEPS: usize = 40;

/// The modes of a Hermitian matrix, rows one after the other, in no order. `vector` has as many values as the matrix rows.
pub(super) fn modes(mut matrix: Vec<Complex64>, mut vector: Vec<Complex64>) -> Vec<Mode> {
    let size = vector.len();
    let length = matrix.iter().map(|h| h.norm_sqr()).sum::<f64>().sqrt();
    // What is smaller moves no eigenvalue by a digit that it has.
    let negligible = length * f64::EPSILON / size.max(1) as f64;
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..size {
            for q in p + 1..size {
                turned |= rotate(&mut matrix, &mut vector, [p, q], negligible);
            }
        }
        if !turned {
            break;
        }
    }
    let mode = |(at, along): (usize, Complex64)| Mode { eigenvalue: matrix[at * size + at].re, along };
    vector.into_iter().enumerate().map(mode).collect()
}

/// Turns the axes `p` and `q` so that nothing is left between them, unless what there is is negligible; whether it was not.
fn rotate(matrix: &mut [Complex64], vector: &mut [Complex64], [p, q]: [usize; 2], negligible: f64) -> bool {
    let size = vector.len();
    let between = matrix[p * size + q];
    let length = between.norm();
    if length <= negligible {
        return false;
    }
    // With the phase taken out of q's axis the two-by-two block is real.
    let phase = between / length;
    let tau = (matrix[q * size + q].re - matrix[p * size + p].re) / (2.0 * length);
    let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = |a: &mut Complex64, b: &mut Complex64, phase: Complex64| {
        let turned = phase * *b;
        (*a, *b) = (cosine * *a - sine * turned, sine * *a + cosine * turned);
    };
    for row in matrix.chunks_exact_mut(size) {
        let (left, right) = row.split_at_mut(q);
        turn(&mut left[p], &mut right[0], phase.conj());
    }
    let (above, below) = matrix.split_at_mut(q * size);
    for (a, b) in above[p * size..][..size].iter_mut().zip(&mut below[..size]) {
        turn(a, b, phase);
    }
    let (left, right) = vector.split_at_mut(q);
    turn(&mut left[p], &mut right[0], phase);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complex(re: f64, im: f64) -> Complex64 {
        Complex64::new(re, im)
    }

    /// [[2, i], [−i, 2]] has eigenvalues 1 and 3 with eigenvectors (1, i)/√2 and (1, −i)/√2.
    #[test]
    fn two_axes_by_hand() {
        let matrix = vec![complex(2.0, 0.0), complex(0.0, 1.0), complex(0.0, -1.0), complex(2.0, 0.0)];
        let mut modes = modes(matrix, vec![complex(1.0, 0.0), complex(0.0, 0.5)]);
        modes.sort_by(|a, b| a.eigenvalue.total_cmp(&b.eigenvalue));
        for (mode, (eigenvalue, along)) in modes.iter().zip([(1.0, 1.5), (3.0, 0.5)]) {
            assert!((mode.eigenvalue - eigenvalue).abs() < 1e-14, "{mode:?}");
            assert!((mode.along.norm() - along / 2f64.sqrt()).abs() < 1e-14, "{mode:?}");
        }
    }

    /// vᵀ Hᵏ v is Σ eigenvalueᵏ |along|² whatever the eigenvectors are.
    #[test]
    fn moments_are_those_of_the_matrix() {
        let size = 9;
        let mut matrix = vec![Complex64::default(); size * size];
        for row in 0..size {
            matrix[row * size + row] = complex(row as f64 - 3.0, 0.0);
            for column in row + 1..size {
                let entry = complex((row * column) as f64 * 0.1, (row + column) as f64 * 0.3 - 1.0);
                (matrix[row * size + column], matrix[column * size + row]) = (entry, entry.conj());
            }
        }
        let vector: Vec<Complex64> = (0..size).map(|i| complex(1.0, i as f64 * 0.2)).collect();
        let modes = modes(matrix.clone(), vector.clone());
        let mut power = vector.clone();
        for exponent in 0..4 {
            let want: f64 = vector.iter().zip(&power).map(|(v, p)| (v.conj() * p).re).sum();
            let got: f64 = modes.iter().map(|m| m.eigenvalue.powi(exponent) * m.along.norm_sqr()).sum();
            assert!((got - want).abs() < 1e-11 * want.abs().max(1.0), "{exponent}: {got}, want {want}");
            let rows = matrix.chunks_exact(size);
            power = rows.map(|row| row.iter().zip(&power).map(|(h, p)| h * p).sum()).collect();
        }
    }
}
