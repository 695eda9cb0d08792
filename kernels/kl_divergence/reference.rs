//! The specification.

/// Σ_r w_r Σ_v p_rv (ln p_rv − ln q_rv), p = softmax(teacher/τ), q = softmax(student/τ).
pub fn kl_divergence(student: &[f64], teacher: &[f64], weights: &[f64], temperature: f64) -> f64 {
    let classes = student.len() / weights.len().max(1);
    let mut total = 0.0;
    for (r, weight) in weights.iter().enumerate() {
        let log_p = log_softmax(&teacher[r * classes..][..classes], temperature);
        let log_q = log_softmax(&student[r * classes..][..classes], temperature);
        total += weight * log_p.iter().zip(&log_q).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
    }
    total
}

fn log_softmax(row: &[f64], temperature: f64) -> Vec<f64> {
    let log_sum = row.iter().map(|x| (x / temperature).exp()).sum::<f64>().ln();
    row.iter().map(|x| x / temperature - log_sum).collect()
}
