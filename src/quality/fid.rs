//! The Fréchet distance between two sets of features, each taken for a normal distribution.
//!
//! Its trace of (C₁ C₂)^½ is the sum of the roots of the eigenvalues of Lᵀ C₂ L, where C₁ = L Lᵀ: a symmetric matrix, unlike the product, whose
//! general square root the published code takes. Where there are fewer clips than features the covariance is short of rank; so is L, and
//! no perturbation is needed.

use super::Heard;
use super::heard::mean;
use super::spectrum::eigenvalues;

/// ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½) of the clips' features (Heusel et al. 2017); 0 for the same clips, and biased upwards for few.
pub fn fid(train: &Heard, heard: &Heard) -> f64 {
    let width = train.width();
    let (of_train, of_heard) = (mean(train.features(), width), mean(heard.features(), width));
    let apart: f64 = of_train.iter().zip(&of_heard).map(|(a, b)| (a - b).powi(2)).sum();
    let (first, second) = (covariance(train, &of_train), covariance(heard, &of_heard));
    let trace: f64 = (0..width).map(|i| first[i * width + i] + second[i * width + i]).sum();
    apart + trace - 2.0 * common(first, &second, width)
}

/// [width, width], by the count less one.
fn covariance(heard: &Heard, mean: &[f64]) -> Vec<f64> {
    let width = mean.len();
    let mut matrix = vec![0.0; width * width];
    for row in heard.features() {
        let off: Vec<f64> = row.iter().zip(mean).map(|(value, mean)| value - mean).collect();
        for (to, a) in matrix.chunks_exact_mut(width).zip(&off) {
            to.iter_mut().zip(&off).for_each(|(to, b)| *to += a * b);
        }
    }
    let others = heard.features().len().saturating_sub(1).max(1) as f64;
    matrix.iter_mut().for_each(|value| *value /= others);
    matrix
}

/// The trace of (C₁ C₂)^½.
fn common(first: Vec<f64>, second: &[f64], width: usize) -> f64 {
    let columns = factor(first, width);
    let images: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| second.chunks_exact(width).map(|row| product(row, column)).collect())
        .collect();
    let between = columns.iter().flat_map(|column| images.iter().map(|image| product(column, image)));
    let found = eigenvalues(between.collect(), columns.len());
    // What is smaller is rounding: its root would not be small.
    let largest = found.last().copied().unwrap_or(0.0);
    let negligible = largest * width as f64 * f64::EPSILON;
    found.into_iter().filter(|&value| value > negligible).map(f64::sqrt).sum()
}

/// The columns of L, with L Lᵀ a positive semi-definite matrix: as many as its rank.
fn factor(mut matrix: Vec<f64>, size: usize) -> Vec<Vec<f64>> {
    let largest = |matrix: &[f64]| {
        let diagonal = (0..size).map(|i| (i, matrix[i * size + i]));
        diagonal.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    };
    let negligible = largest(&matrix).1 * size as f64 * f64::EPSILON;
    let mut columns = Vec::new();
    while columns.len() < size {
        let (pivot, square) = largest(&matrix);
        if square <= negligible {
            break;
        }
        let root = square.sqrt();
        let column: Vec<f64> = matrix[pivot * size..][..size].iter().map(|value| value / root).collect();
        for (row, a) in matrix.chunks_exact_mut(size).zip(&column) {
            row.iter_mut().zip(&column).for_each(|(value, b)| *value -= a * b);
        }
        columns.push(column);
    }
    columns
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(rows: &[[f64; 2]]) -> Heard {
        let mut heard = Heard::new(1, 2);
        rows.iter().for_each(|row| heard.push([1.0], *row));
        heard
    }

    /// Where both covariances are diagonal, the distance is Σ (m₁ − m₂)² + (σ₁ − σ₂)².
    #[test]
    fn along_the_axes_it_is_that_of_means_and_deviations() {
        let cross =
            |x: f64, y: f64, at: f64| features(&[[at + x, 0.0], [at - x, 0.0], [at, y], [at, -y], [at, 0.0]]);
        // Variances 2x²/4 and 2y²/4.
        let got = fid(&cross(2.0, 1.0, 0.0), &cross(1.0, 4.0, 3.0));
        let root = 0.5f64.sqrt();
        let want = 9.0 + (2.0 * root - root).powi(2) + (root - 4.0 * root).powi(2);
        assert!((got - want).abs() < 1e-12, "{got}, want {want}");
    }

    /// Two clips span a line in the plane: both covariances are short of rank.
    #[test]
    fn fewer_clips_than_features_have_a_distance() {
        let line = features(&[[0.0, 0.0], [1.0, 1.0]]);
        assert!(fid(&line, &line).abs() < 1e-12);
        let across = features(&[[0.0, 1.0], [1.0, 0.0]]);
        // No direction in common: the trace of both.
        assert!((fid(&line, &across) - 2.0).abs() < 1e-12);
    }
}
