//! The specification.

/// loss_r = mean_v (ln(1 + e^{x_rv}) − y_rv x_rv).
pub fn binary_cross_entropy(logits: &[f64], targets: &[f32], classes: usize) -> Vec<f64> {
    let terms = logits.iter().zip(targets).map(|(x, y)| x.exp().ln_1p() - f64::from(*y) * x);
    let terms: Vec<f64> = terms.collect();
    terms.chunks_exact(classes).map(|row| row.iter().sum::<f64>() / classes as f64).collect()
}
