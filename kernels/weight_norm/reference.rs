//! The specification.

/// w[o, i, k] = g[k] v[o, i, k] / ‖v[·, ·, k]‖.
pub fn weight_norm(g: &[f64], v: &[f64]) -> Vec<f64> {
    let taps = g.len();
    let norm = |k: usize| v.iter().skip(k).step_by(taps).map(|v| v * v).sum::<f64>().sqrt();
    let norms: Vec<f64> = (0..taps).map(norm).collect();
    v.iter().enumerate().map(|(i, v)| g[i % taps] * v / norms[i % taps]).collect()
}

/// w[o, i] = g[o] v[o, i] / ‖v[o, ·]‖.
pub fn weight_norm_rows(g: &[f64], v: &[f64]) -> Vec<f64> {
    let row = |(g, v): (&f64, &[f64])| {
        let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        v.iter().map(|v| g * v / norm).collect::<Vec<_>>()
    };
    g.iter().zip(v.chunks(v.len() / g.len())).flat_map(row).collect()
}
