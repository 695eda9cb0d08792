//! The recurrence as it is written, channel by channel and step by step, on one thread: what the fast walk can be doubted with.

use super::Operands;
use crate::op::Gradient;

const U: usize = 0;
const DELTA: usize = 1;
const A_LOG: usize = 2;
const B: usize = 3;
const C: usize = 4;
const D: usize = 5;
const Z: usize = 6;
const DELTA_BIAS: usize = 7;

impl Operands<'_> {
    /// A [C, N].
    fn all_rates(&self) -> Vec<f32> {
        self.a_log.iter().map(|a_log| -a_log.exp()).collect()
    }

    /// δ_t + δ_bias, at `i` of [B, T, C].
    fn raw(&self, i: usize) -> f32 {
        self.delta[i] + self.delta_bias[i % self.op.channels]
    }
}

/// Fills `out`; returns the state behind every step [B, T, C, N], with `save`.
pub(super) fn forward(o: &Operands<'_>, out: &mut [f32], save: bool) -> Vec<f32> {
    let (time, channels, state) = (o.op.time, o.op.channels, o.op.state);
    let rates = o.all_rates();
    let mut h = vec![0.0; channels * state];
    let mut states = Vec::with_capacity(if save { out.len() * state } else { 0 });
    for (row, out) in out.chunks_exact_mut(channels).enumerate() {
        if row % time == 0 {
            h.fill(0.0);
        }
        for (channel, out) in out.iter_mut().enumerate() {
            let i = row * channels + channel;
            let (step, u, z) = (softplus(o.raw(i)), o.u[i], o.z[i]);
            let mut y = o.d[channel] * u;
            for n in 0..state {
                let (h, rate) = (&mut h[channel * state + n], rates[channel * state + n]);
                *h = (step * rate).exp() * *h + step * o.b[row * state + n] * u;
                y += o.c[row * state + n] * *h;
            }
            *out = y * z * sigmoid(z);
        }
        if save {
            states.extend_from_slice(&h);
        }
    }
    states
}

/// Adds to each gradient that is wanted, from the last step to the first.
pub(super) fn backward(o: &Operands<'_>, states: &[f32], dout: &[f32], dinputs: &mut [Option<Gradient<'_>>]) {
    let (time, channels, state) = (o.op.time, o.op.channels, o.op.state);
    let mut add = |input: usize, at: usize, value: f32| {
        if let Some(gradient) = &mut dinputs[input] {
            gradient[at] += value;
        }
    };
    let rates = o.all_rates();
    // a_{t+1} g_{t+1}.
    let mut carried = vec![0.0; channels * state];
    for row in (0..dout.len() / channels).rev() {
        if row % time == time - 1 {
            carried.fill(0.0);
        }
        for channel in 0..channels {
            let i = row * channels + channel;
            let (step, u, z) = (softplus(o.raw(i)), o.u[i], o.z[i]);
            let gate = sigmoid(z);
            let dy = dout[i] * z * gate;
            let mut y = o.d[channel] * u;
            let (mut s, mut dstep) = (0.0, 0.0);
            for n in 0..state {
                let (at, lane) = (i * state + n, channel * state + n);
                let (b, c, rate) = (o.b[row * state + n], o.c[row * state + n], rates[lane]);
                let before = if row % time == 0 { 0.0 } else { states[at - channels * state] };
                let decay = (step * rate).exp();
                let g = c * dy + carried[lane];
                carried[lane] = decay * g;
                y += c * states[at];
                s += g * b;
                let w = g * decay * before;
                dstep += rate * w;
                add(A_LOG, lane, rate * step * w);
                add(B, row * state + n, g * step * u);
                add(C, row * state + n, dy * states[at]);
            }
            let draw = (u * s + dstep) * sigmoid(o.raw(i));
            add(U, i, step * s + o.d[channel] * dy);
            add(DELTA, i, draw);
            add(DELTA_BIAS, channel, draw);
            add(D, channel, dy * u);
            add(Z, i, dout[i] * y * gate * (1.0 + z * (1.0 - gate)));
        }
    }
}

fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
