//! The steps Δ and the running decay s of each head, and the decay between two steps of a chunk.

use rayon::prelude::*;

use super::Layout;
use crate::op::Held;
use crate::simd;
use crate::ssd::decay::exp2_decay;

/// Per sequence and head, contiguous in time: [B, H, T] each.
#[derive(Default)]
pub(super) struct Steps {
    /// Δ.
    pub delta: Vec<f32>,
    /// s = Σ Δ A log2 e within the chunk, as the nearest float and the rest: differences of neighbours stay exact
    /// to rounding even where the sum is large.
    high: Vec<f32>,
    low: Vec<f32>,
}

impl Held for Steps {
    fn held_bytes(&self) -> usize {
        self.delta.held_bytes() + self.high.held_bytes() + self.low.held_bytes()
    }
}

/// The steps of one head in one chunk, padded with zeros to whole vectors.
pub(super) struct ChunkSteps {
    pub delta: Vec<f32>,
    high: Vec<f32>,
    low: Vec<f32>,
    len: usize,
}

impl Steps {
    /// From `dt` as the network gives it, [B, T, H]: Δ = softplus(dt + bias), clamped, and the running sums of Δ A.
    pub fn new(layout: &Layout, dt: &[f32], a_log: &[f32], dt_bias: &[f32]) -> Self {
        let (heads, time) = (layout.constants.heads, layout.time);
        let len = layout.batch * heads * time;
        let mut steps = Steps { delta: vec![0.0; len], high: vec![0.0; len], low: vec![0.0; len] };
        let rows = steps.delta.par_chunks_mut(time).zip(steps.high.par_chunks_mut(time));
        rows.zip(steps.low.par_chunks_mut(time)).enumerate().for_each(|(row, ((delta, high), low))| {
            let (sequence, head) = (row / heads, row % heads);
            let dt = &dt[sequence * time * heads + head..];
            for (delta, dt) in delta.iter_mut().zip(dt.iter().step_by(heads)) {
                *delta = dt + dt_bias[head];
            }
            let (least, most) = (layout.constants.dt_min, layout.constants.dt_max);
            simd::dispatch(
                #[inline(always)]
                || delta.iter_mut().for_each(|x| *x = simd::softplus(*x).max(least).min(most)),
            );
            accumulate(layout.chunk, a_log[head], delta, high, low);
        });
        steps
    }

    /// The steps of `head` of `sequence` in `chunk`, into `into`.
    pub fn load(&self, layout: &Layout, sequence: usize, head: usize, chunk: usize, into: &mut ChunkSteps) {
        let span = layout.span(chunk);
        let start = (sequence * layout.constants.heads + head) * layout.time + span.start;
        into.len = span.len();
        let parts = [&mut into.delta, &mut into.high, &mut into.low];
        for (part, whole) in parts.into_iter().zip([&self.delta, &self.high, &self.low]) {
            part[..span.len()].copy_from_slice(&whole[start..][..span.len()]);
            part[span.len()..].fill(0.0);
        }
    }
}

fn accumulate(chunk: usize, a_log: f32, delta: &[f32], high: &mut [f32], low: &mut [f32]) {
    let rate = -f64::from(a_log).exp() * std::f64::consts::LOG2_E;
    let mut sum = 0.0;
    for (t, delta) in delta.iter().enumerate() {
        if t % chunk == 0 {
            sum = 0.0;
        }
        sum += f64::from(*delta) * rate;
        high[t] = sum as f32;
        low[t] = (sum - f64::from(high[t])) as f32;
    }
}

impl ChunkSteps {
    /// Room for one chunk.
    pub fn new(layout: &Layout) -> Self {
        let zeros = || vec![0.0; layout.stride];
        ChunkSteps { delta: zeros(), high: zeros(), low: zeros(), len: 0 }
    }

    /// e^{s_i − s_j} for `j` in `0..decay.len()`, 0 where j > i.
    #[inline(always)]
    pub fn decay_row(&self, i: usize, decay: &mut [f32]) {
        let (high, low) = (&self.high[..decay.len()], &self.low[..decay.len()]);
        let (high_i, low_i) = (self.high[i], self.low[i]);
        for j in 0..decay.len() {
            let exponent = (high_i - high[j]) + (low_i - low[j]);
            let falling = if exponent > 0.0 { 0.0 } else { exponent };
            decay[j] = if j as u32 <= i as u32 { exp2_decay(falling) } else { 0.0 };
        }
    }

    /// e^{s_i} for each step, from the chunk's start.
    #[inline(always)]
    pub fn since_start(&self, decay: &mut [f32]) {
        for (decay, s) in decay.iter_mut().zip(&self.high) {
            *decay = exp2_decay(*s);
        }
    }

    /// e^{s_last − s_j} for each step, to the chunk's end.
    #[inline(always)]
    pub fn to_end(&self, decay: &mut [f32]) {
        self.decay_row(self.len - 1, decay);
    }

    /// e^{s_last}, over the whole chunk.
    pub fn whole(&self) -> f32 {
        exp2_decay(self.high[self.len - 1])
    }
}
