//! The specification: f64, one group of one row at a time.

use super::GatedRmsNorm;

/// out from x, weight.
pub(super) fn plain(eps: f64, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, weight] = inputs else { unreachable!("two inputs") };
    let channels = weight.len();
    vec![x.chunks(channels).flat_map(|row| normalised(row, eps, weight)).collect()]
}

/// out from y, z, weight.
pub(super) fn gated(op: &GatedRmsNorm, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [y, z, weight] = inputs else { unreachable!("three inputs") };
    let size = weight.len() / op.groups;
    let eps = f64::from(op.eps);
    let mut out = Vec::with_capacity(y.len());
    for start in (0..y.len()).step_by(size) {
        let span = start..start + size;
        let gate: Vec<f64> = z[span.clone()].iter().map(|z| z / (1.0 + (-z).exp())).collect();
        let weight = &weight[start % weight.len()..][..size];
        if op.norm_before_gate {
            out.extend(normalised(&y[span], eps, weight).iter().zip(&gate).map(|(out, gate)| out * gate));
        } else {
            let t: Vec<f64> = y[span].iter().zip(&gate).map(|(y, gate)| y * gate).collect();
            out.extend(normalised(&t, eps, weight));
        }
    }
    vec![out]
}

fn normalised(t: &[f64], eps: f64, weight: &[f64]) -> Vec<f64> {
    let mean_square = t.iter().map(|t| t * t).sum::<f64>() / t.len() as f64;
    let r = 1.0 / (mean_square + eps).sqrt();
    t.iter().zip(weight).map(|(t, weight)| t * r * weight).collect()
}
