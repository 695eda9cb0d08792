//! The specification: f64, the recurrence step by step.

use super::{Ssd, SsdScan};

/// y [B, T, H·P] from xbc, dt, a_log, d, dt_bias.
pub(super) fn forward(op: &SsdScan, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [xbc, dt, a_log, d, dt_bias] = inputs else { unreachable!("five inputs") };
    let Ssd { heads, head_dim, groups, state, dt_min, dt_max, .. } = op.constants;
    let (inner, row) = (heads * head_dim, heads * head_dim + 2 * groups * state);
    let mut y = vec![0.0; dt.len() / heads * inner];
    for head in 0..heads {
        let group = head / (heads / groups);
        let a = -a_log[head].exp();
        let mut s = vec![0.0; head_dim * state];
        for (t, xbc) in xbc.chunks_exact(row).enumerate() {
            if t % op.time == 0 {
                s.fill(0.0);
            }
            let b = &xbc[inner + group * state..][..state];
            let c = &xbc[inner + (groups + group) * state..][..state];
            let delta = softplus(dt[t * heads + head] + dt_bias[head]);
            let delta = delta.clamp(f64::from(dt_min), f64::from(dt_max));
            let decay = (delta * a).exp();
            for p in 0..head_dim {
                let x = xbc[head * head_dim + p];
                let mut sum = d[head] * x;
                for n in 0..state {
                    let s = &mut s[p * state + n];
                    *s = decay * *s + delta * x * b[n];
                    sum += *s * c[n];
                }
                y[t * inner + head * head_dim + p] = sum;
            }
        }
    }
    vec![y]
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
