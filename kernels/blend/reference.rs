//! The specification: f64, one element at a time.

use super::Blend;

/// Each sequence's weighted sum.
pub(super) fn forward(op: &Blend, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut out = vec![0.0; inputs[0].len()];
    for (i, out) in out.iter_mut().enumerate() {
        let [of_a, of_b] = op.weights[i / op.sequence].map(f64::from);
        *out = of_a * inputs[0][i] + of_b * inputs[1][i];
    }
    vec![out]
}
