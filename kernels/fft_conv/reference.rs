//! The specification: f64, sums as they are defined.

use super::FftConv;

/// y [B, L, H] from u, k, d.
pub(super) fn forward(op: &FftConv, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [u, k, d] = inputs else { unreachable!("three inputs") };
    let FftConv { time, channels, both } = *op;
    let mut y = vec![0.0; u.len()];
    for (index, y) in y.iter_mut().enumerate() {
        let (row, h) = (index / channels, index % channels);
        let (b, t) = (row / time, row % time);
        let u = |s: usize| u[(b * time + s) * channels + h];
        *y = d[h] * u(t) + (0..=t).map(|s| k[h * time + t - s] * u(s)).sum::<f64>();
        if both {
            let ahead = &k[(channels + h) * time..][..time];
            *y += (t + 1..time).map(|s| ahead[s - t - 1] * u(s)).sum::<f64>();
        }
    }
    vec![y]
}
