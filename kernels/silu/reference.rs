//! The specification: f64, one element at a time.

/// x σ(x) for each element.
pub(super) fn forward(inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    vec![inputs[0].iter().map(|&x| x / (1.0 + (-x).exp())).collect()]
}
