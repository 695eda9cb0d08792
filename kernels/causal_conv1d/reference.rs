//! The specification: f64, one sample at a time.

use super::CausalConv1d;

/// out [B, T, C] from x, weight, bias.
pub(super) fn forward(op: &CausalConv1d, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, weight, bias] = inputs else { unreachable!("three inputs") };
    let CausalConv1d { time, channels, taps, silu } = *op;
    let mut out = vec![0.0; x.len()];
    for (i, out) in out.iter_mut().enumerate() {
        let (t, c) = (i / channels % time, i % channels);
        let mut v = bias[c];
        for k in 0..taps {
            let back = taps - 1 - k;
            if back <= t {
                v += weight[c * taps + k] * x[i - back * channels];
            }
        }
        *out = if silu { v / (1.0 + (-v).exp()) } else { v };
    }
    vec![out]
}
