//! The specification.

use super::Attention;
use super::dropout::Dropout;

/// out for q, k, v [B, T, C], the probabilities of each query row written out.
pub fn attention(op: &Attention, q: &[f64], k: &[f64], v: &[f64], channels: usize) -> Vec<f64> {
    let (heads, per_head) = (op.heads, channels / op.heads);
    let time = q.len() / channels / op.lens.len().max(1);
    let mut out = vec![0.0; q.len()];
    for (b, &len) in op.lens.iter().enumerate() {
        for h in 0..heads {
            let at = |t: usize| (b * time + t) * channels + h * per_head;
            let dropout = Dropout::new(op.dropout, op.seed, b, h);
            for i in 0..op.answered(b, time) {
                let keys = if op.causal { len.min(i + 1) } else { len };
                let dot = |j: usize| (0..per_head).map(|c| q[at(i) + c] * k[at(j) + c]).sum::<f64>();
                let weights: Vec<f64> = (0..keys).map(|j| (f64::from(op.scale) * dot(j)).exp()).collect();
                let total: f64 = weights.iter().sum();
                let row = dropout.row(i, 0);
                for (j, weight) in weights.iter().enumerate() {
                    let kept = row.map_or(1.0, |row| f64::from(row.factor(j)));
                    for c in 0..per_head {
                        out[at(i) + c] += kept * weight / total * v[at(j) + c];
                    }
                }
            }
        }
    }
    out
}
