//! The specification: f64, one group at a time.

use super::GroupNorm;
use crate::gelu::reference::normal_below;

/// out [B, T, C] from x, weight, bias.
pub(super) fn forward(op: &GroupNorm, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, weight, bias] = inputs else { unreachable!("three inputs") };
    let (channels, size) = (weight.len(), weight.len() / op.groups);
    let sequence = op.time * channels;
    let mut out = vec![0.0; x.len()];
    for b in 0..x.len() / sequence {
        for group in 0..op.groups {
            let elements: Vec<usize> = (0..op.time * size)
                .map(|i| b * sequence + i / size * channels + group * size + i % size)
                .collect();
            let n = elements.len() as f64;
            let mean = elements.iter().map(|&i| x[i]).sum::<f64>() / n;
            let variance = elements.iter().map(|&i| (x[i] - mean) * (x[i] - mean)).sum::<f64>() / n;
            let rstd = 1.0 / (variance + f64::from(op.eps)).sqrt();
            for i in elements {
                let y = (x[i] - mean) * rstd * weight[i % channels] + bias[i % channels];
                out[i] = if op.gelu { y * normal_below(y) } else { y };
            }
        }
    }
    vec![out]
}

/// The same where each channel is a group.
pub(crate) fn of_channels(eps: f32, time: usize, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    forward(&GroupNorm { eps, groups: inputs[1].len(), time, gelu: false }, inputs)
}
