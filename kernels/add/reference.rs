//! The specification: f64, one element at a time.

/// a + b for each pair of elements.
pub(super) fn forward(inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    vec![inputs[0].iter().zip(&inputs[1]).map(|(a, b)| a + b).collect()]
}
