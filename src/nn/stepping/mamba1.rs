//! Mamba's step: a state of [N, inner] beside the convolution's last inputs, channels together as vectors want them.

use kernels::{Backend, simd};

use super::{Dense, convolve, turned};
use crate::nn::Mamba1Sizes;
use crate::nn::mamba1::Mamba1Arrays;

/// The weights, A already e-to-the.
#[derive(Debug, Clone)]
pub struct Mamba1Step {
    in_proj: Dense,
    conv_weight: Vec<f32>,
    conv_bias: Vec<f32>,
    x_proj: Dense,
    dt_proj: Dense,
    /// −e^A_log [N, inner]
    rates: Vec<f32>,
    skip: Vec<f32>,
    out_proj: Dense,
    sizes: Mamba1Sizes,
}

impl Mamba1Step {
    pub(super) fn of<D: Backend>(arrays: &Mamba1Arrays<'_, D>) -> Self {
        let Mamba1Sizes { width, inner, rank, state, taps, .. } = arrays.sizes;
        let dense = |array: &kernels::Array<D>, inputs| Dense::new(&array.to_vec(), &[], inputs);
        Mamba1Step {
            in_proj: dense(arrays.in_proj, width),
            conv_weight: turned(&arrays.conv_weight.to_vec(), taps),
            conv_bias: arrays.conv_bias.to_vec(),
            x_proj: dense(arrays.x_proj, inner),
            dt_proj: Dense::new(&arrays.dt_weight.to_vec(), &arrays.dt_bias.to_vec(), rank),
            rates: turned(&arrays.a_log.to_vec(), state).iter().map(|a_log| -a_log.exp()).collect(),
            skip: arrays.skip.to_vec(),
            out_proj: dense(arrays.out_proj, inner),
            sizes: arrays.sizes,
        }
    }

    pub(super) fn state_len(&self) -> usize {
        self.sizes.inner * (self.sizes.taps - 1 + self.sizes.state)
    }

    pub(super) fn step(&self, u: &[f32], states: &mut [f32]) -> Vec<f32> {
        let Mamba1Sizes { width, inner, state, taps, rank, .. } = self.sizes;
        let streams = u.len() / width;
        let both = self.in_proj.run(u);
        let mut x = vec![0.0; streams * inner];
        for (stream, memory) in states.chunks_exact_mut(self.state_len()).enumerate() {
            let x = &mut x[stream * inner..][..inner];
            x.copy_from_slice(&both[stream * 2 * inner..][..inner]);
            convolve(&mut memory[..inner * (taps - 1)], &self.conv_weight, &self.conv_bias, x);
        }
        let projected = self.x_proj.run(&x);
        let row = rank + 2 * state;
        let low: Vec<f32> = projected.chunks_exact(row).flat_map(|row| &row[..rank]).copied().collect();
        let delta = self.dt_proj.run(&low);
        for (stream, memory) in states.chunks_exact_mut(self.state_len()).enumerate() {
            let (b, c) = projected[stream * row + rank..][..2 * state].split_at(state);
            let gate = &both[(2 * stream + 1) * inner..][..inner];
            let (delta, x) = (&delta[stream * inner..][..inner], &mut x[stream * inner..][..inner]);
            let memory = &mut memory[inner * (taps - 1)..];
            simd::dispatch(
                #[inline(always)]
                || self.scan(delta, [b, c], gate, memory, x),
            );
        }
        self.out_proj.run(&x)
    }

    /// One step of all channels of a stream; `x` becomes what comes out.
    #[inline(always)]
    fn scan(&self, delta: &[f32], [b, c]: [&[f32]; 2], gate: &[f32], memory: &mut [f32], x: &mut [f32]) {
        let Mamba1Sizes { inner, state, .. } = self.sizes;
        let mut steps = vec![0.0; inner];
        let mut driven = vec![0.0; inner];
        let mut y = vec![0.0; inner];
        for channel in 0..inner {
            steps[channel] = simd::softplus(delta[channel]);
            driven[channel] = steps[channel] * x[channel];
            y[channel] = self.skip[channel] * x[channel];
        }
        for n in 0..state {
            let (memory, rates) = (&mut memory[n * inner..][..inner], &self.rates[n * inner..][..inner]);
            for channel in 0..inner {
                let kept = simd::exp(steps[channel] * rates[channel]) * memory[channel];
                memory[channel] = driven[channel].mul_add(b[n], kept);
                y[channel] = memory[channel].mul_add(c[n], y[channel]);
            }
        }
        for channel in 0..inner {
            x[channel] = y[channel] * gate[channel] * simd::sigmoid(gate[channel]);
        }
    }
}
