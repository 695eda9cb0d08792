//! The specification: f64, one element at a time.

/// out [A, C, B, D] from x [A, B, C, D].
pub(super) fn forward([a, b, c, d]: [usize; 4], inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut out = vec![0.0; a * b * c * d];
    for (index, &x) in inputs[0].iter().enumerate() {
        let (i, j, k, l) = (index / (b * c * d), index / (c * d) % b, index / d % c, index % d);
        out[((i * c + k) * b + j) * d + l] = x;
    }
    vec![out]
}
