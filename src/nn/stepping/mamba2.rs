//! Mamba-2's step: a state of [heads, head_dim, N] beside the convolution's last inputs.

use kernels::{Backend, OpError, simd};

use super::{Dense, RmsStep, convolve, turned};
use crate::nn::Mamba2Sizes;
use crate::nn::mamba2::{Mamba2Arrays, NORM_EPS};

/// The weights, A already e-to-the.
#[derive(Debug, Clone)]
pub struct Mamba2Step {
    in_proj: Dense,
    conv_weight: Vec<f32>,
    conv_bias: Vec<f32>,
    dt_bias: Vec<f32>,
    /// −e^A_log [heads]
    rates: Vec<f32>,
    skip: Vec<f32>,
    norm: RmsStep,
    out_proj: Dense,
    sizes: Mamba2Sizes,
}

impl Mamba2Step {
    pub(super) fn of<D: Backend>(arrays: &Mamba2Arrays<'_, D>) -> Result<Self, OpError> {
        let Mamba2Sizes { width, inner, taps, .. } = arrays.sizes;
        Ok(Mamba2Step {
            in_proj: Dense::new(&arrays.in_proj.download()?, &[], width),
            conv_weight: turned(&arrays.conv_weight.download()?, taps),
            conv_bias: arrays.conv_bias.download()?,
            dt_bias: arrays.dt_bias.download()?,
            rates: arrays.a_log.download()?.iter().map(|a_log| -a_log.exp()).collect(),
            skip: arrays.skip.download()?,
            norm: RmsStep::new(arrays.norm.download()?, NORM_EPS),
            out_proj: Dense::new(&arrays.out_proj.download()?, &[], inner),
            sizes: arrays.sizes,
        })
    }

    /// Channels that are convolved: x, B and C.
    fn mixed(&self) -> usize {
        self.sizes.inner + 2 * self.sizes.state
    }

    pub(super) fn state_len(&self) -> usize {
        self.mixed() * (self.sizes.taps - 1) + self.sizes.inner * self.sizes.state
    }

    pub(super) fn step(&self, u: &[f32], states: &mut [f32]) -> Vec<f32> {
        let Mamba2Sizes { inner, taps, .. } = self.sizes;
        let (mixed, row) = (self.mixed(), self.in_proj.outputs());
        let projected = self.in_proj.run(u);
        let mut out = Vec::with_capacity(projected.len() / row * inner);
        for (projected, memory) in projected.chunks_exact(row).zip(states.chunks_exact_mut(self.state_len()))
        {
            let (gate, rest) = projected.split_at(inner);
            let (x, dt) = rest.split_at(mixed);
            let (history, memory) = memory.split_at_mut(mixed * (taps - 1));
            let mut x = x.to_vec();
            convolve(history, &self.conv_weight, &self.conv_bias, &mut x);
            let mut y = vec![0.0; inner];
            simd::dispatch(
                #[inline(always)]
                || self.scan(&x, dt, memory, &mut y),
            );
            y.iter_mut().zip(gate).for_each(|(y, gate)| *y *= gate * simd::sigmoid(*gate));
            out.extend(y);
        }
        self.out_proj.run(&self.norm.run(&out))
    }

    /// One step of all heads of a stream.
    #[inline(always)]
    fn scan(&self, x: &[f32], dt: &[f32], memory: &mut [f32], y: &mut [f32]) {
        let Mamba2Sizes { inner, head_dim, state, .. } = self.sizes;
        let (x, rest) = x.split_at(inner);
        let (b, c) = rest.split_at(state);
        let channels = x.chunks_exact(head_dim).zip(y.chunks_exact_mut(head_dim));
        for (head, ((x, y), memory)) in channels.zip(memory.chunks_exact_mut(head_dim * state)).enumerate() {
            let step = simd::softplus(dt[head] + self.dt_bias[head]);
            let decay = simd::exp(step * self.rates[head]);
            for ((x, y), memory) in x.iter().zip(y).zip(memory.chunks_exact_mut(state)) {
                let driven = step * x;
                // Side by side and not by index: a check of bounds in the innermost loop stops vectors.
                for (kept, b) in memory.iter_mut().zip(b) {
                    *kept = driven.mul_add(*b, decay * *kept);
                }
                *y = self.skip[head].mul_add(*x, simd::dot(memory, c));
            }
        }
    }
}
