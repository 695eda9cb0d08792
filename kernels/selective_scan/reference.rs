//! The specification: f64, the recurrence step by step.

use super::SelectiveScan;

/// out [B, T, C] from u, delta, a_log, b, c, d, z, delta_bias.
pub(super) fn forward(op: &SelectiveScan, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [u, delta, a_log, b, c, d, z, delta_bias] = inputs else { unreachable!("eight inputs") };
    let SelectiveScan { time, channels, state, .. } = *op;
    let mut out = vec![0.0; u.len()];
    for channel in 0..channels {
        let mut h = vec![0.0; state];
        for row in 0..u.len() / channels {
            if row % time == 0 {
                h.fill(0.0);
            }
            let i = row * channels + channel;
            let step = softplus(delta[i] + delta_bias[channel]);
            let mut y = d[channel] * u[i];
            for n in 0..state {
                let a = -a_log[channel * state + n].exp();
                h[n] = (step * a).exp() * h[n] + step * b[row * state + n] * u[i];
                y += c[row * state + n] * h[n];
            }
            out[i] = y * z[i] / (1.0 + (-z[i]).exp());
        }
    }
    vec![out]
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
