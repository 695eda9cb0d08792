//! The recurrence as it is written, head by head and step by step, on one thread: what the products of chunks can be doubted with.

use crate::op::Gradient;
use crate::ssd::{Ssd, SsdScan};

const XBC: usize = 0;
const DT: usize = 1;
const A_LOG: usize = 2;
const D: usize = 3;
const DT_BIAS: usize = 4;

/// The inputs by name.
struct Operands<'a> {
    op: &'a SsdScan,
    xbc: &'a [f32],
    dt: &'a [f32],
    a_log: &'a [f32],
    d: &'a [f32],
    dt_bias: &'a [f32],
}

/// A head at a step: its Δ, what is left of its state, and where its B and C stand in the step's columns.
struct Moment {
    raw: f32,
    step: f32,
    decay: f32,
    b: usize,
    c: usize,
}

impl<'a> Operands<'a> {
    fn new(op: &'a SsdScan, inputs: &[&'a [f32]]) -> Self {
        let [xbc, dt, a_log, d, dt_bias] = inputs else { unreachable!("five inputs") };
        Operands { op, xbc, dt, a_log, d, dt_bias }
    }

    fn columns(&self) -> usize {
        let Ssd { heads, head_dim, groups, state, .. } = self.op.constants;
        heads * head_dim + 2 * groups * state
    }

    fn moment(&self, row: usize, head: usize) -> Moment {
        let Ssd { heads, head_dim, groups, state, dt_min, dt_max, .. } = self.op.constants;
        let raw = self.dt[row * heads + head] + self.dt_bias[head];
        let step = softplus(raw).clamp(dt_min, dt_max);
        let first = row * self.columns() + heads * head_dim;
        let group = head / (heads / groups);
        let (b, c) = (first + group * state, first + (groups + group) * state);
        Moment { raw, step, decay: (step * self.rate(head)).exp(), b, c }
    }

    /// A of a head.
    fn rate(&self, head: usize) -> f32 {
        -self.a_log[head].exp()
    }
}

/// Fills `y`; returns the state behind every step [B, T, H, P, N], with `save`.
pub(super) fn forward(op: &SsdScan, inputs: &[&[f32]], y: &mut [f32], save: bool) -> Vec<f32> {
    let o = Operands::new(op, inputs);
    let Ssd { heads, head_dim, state, .. } = op.constants;
    let inner = heads * head_dim;
    let mut s = vec![0.0; inner * state];
    let mut states = Vec::with_capacity(if save { y.len() * state } else { 0 });
    for (row, y) in y.chunks_exact_mut(inner).enumerate() {
        if row % op.time == 0 {
            s.fill(0.0);
        }
        for (head, y) in y.chunks_exact_mut(head_dim).enumerate() {
            let at = o.moment(row, head);
            for (channel, y) in (head * head_dim..).zip(y) {
                let x = o.xbc[row * o.columns() + channel];
                let mut sum = o.d[head] * x;
                for n in 0..state {
                    let s = &mut s[channel * state + n];
                    *s = at.decay * *s + at.step * x * o.xbc[at.b + n];
                    sum += *s * o.xbc[at.c + n];
                }
                *y = sum;
            }
        }
        if save {
            states.extend_from_slice(&s);
        }
    }
    states
}

/// Adds to each gradient that is wanted, from the last step to the first.
pub(super) fn backward(
    op: &SsdScan,
    states: &[f32],
    inputs: &[&[f32]],
    dy: &[f32],
    dinputs: &mut [Option<Gradient<'_>>],
) {
    let o = Operands::new(op, inputs);
    let Ssd { heads, head_dim, state, dt_min, dt_max, .. } = op.constants;
    let inner = heads * head_dim;
    let mut add = |input: usize, at: usize, value: f32| {
        if let Some(gradient) = &mut dinputs[input] {
            gradient[at] += value;
        }
    };
    // e^{Δ_{t+1} A} times the gradient of the state at t + 1.
    let mut carried = vec![0.0; inner * state];
    for row in (0..dy.len() / inner).rev() {
        if row % op.time == op.time - 1 {
            carried.fill(0.0);
        }
        for head in 0..heads {
            let at = o.moment(row, head);
            let (mut dstep, mut ddecay) = (0.0, 0.0);
            for channel in head * head_dim..(head + 1) * head_dim {
                let place = row * o.columns() + channel;
                let (x, dy) = (o.xbc[place], dy[row * inner + channel]);
                let mut dx = o.d[head] * dy;
                for n in 0..state {
                    let (lane, kept) = (channel * state + n, (row * inner + channel) * state + n);
                    let (b, c) = (o.xbc[at.b + n], o.xbc[at.c + n]);
                    let before = if row % op.time == 0 { 0.0 } else { states[kept - inner * state] };
                    let g = dy * c + carried[lane];
                    carried[lane] = at.decay * g;
                    dx += at.step * g * b;
                    dstep += g * x * b;
                    ddecay += g * before;
                    add(XBC, at.b + n, g * at.step * x);
                    add(XBC, at.c + n, dy * states[kept]);
                }
                add(XBC, place, dx);
                add(D, head, dy * x);
            }
            let rate = o.rate(head);
            add(A_LOG, head, ddecay * at.decay * at.step * rate);
            let free = softplus(at.raw);
            if dt_min < free && free < dt_max {
                let draw = (dstep + ddecay * at.decay * rate) / (1.0 + (-at.raw).exp());
                add(DT, row * heads + head, draw);
                add(DT_BIAS, head, draw);
            }
        }
    }
}

fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
