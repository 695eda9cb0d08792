//! The specification.

/// Σ_r w_r mean_C (LN₀(teacher_r) − LN₀(student_r))².
pub fn layer_distance(student: &[f64], teacher: &[f64], weights: &[f64], eps: f64) -> f64 {
    let channels = student.len() / weights.len().max(1);
    let mut total = 0.0;
    for (r, weight) in weights.iter().enumerate() {
        let student = normalised(&student[r * channels..][..channels], eps);
        let teacher = normalised(&teacher[r * channels..][..channels], eps);
        let squares = student.iter().zip(&teacher).map(|(s, t)| (t - s) * (t - s));
        total += weight * squares.sum::<f64>() / channels as f64;
    }
    total
}

fn normalised(row: &[f64], eps: f64) -> Vec<f64> {
    let mean = row.iter().sum::<f64>() / row.len() as f64;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / row.len() as f64;
    row.iter().map(|x| (x - mean) / (variance + eps).sqrt()).collect()
}
