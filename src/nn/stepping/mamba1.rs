//! Mamba's step: a state of [N, inner] beside the convolution's last inputs, channels together as vectors want them.

use kernels::{Array, Backend, OpError, simd};

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
    pub(super) fn of<D: Backend>(arrays: &Mamba1Arrays<'_, D>) -> Result<Self, OpError> {
        let Mamba1Sizes { width, inner, rank, state, taps, .. } = arrays.sizes;
        let dense = |array: &Array<D>, inputs| Ok::<_, OpError>(Dense::new(&array.download()?, &[], inputs));
        Ok(Mamba1Step {
            in_proj: dense(arrays.in_proj, width)?,
            conv_weight: turned(&arrays.conv_weight.download()?, taps),
            conv_bias: arrays.conv_bias.download()?,
            x_proj: dense(arrays.x_proj, inner)?,
            dt_proj: Dense::new(&arrays.dt_weight.download()?, &arrays.dt_bias.download()?, rank),
            rates: turned(&arrays.a_log.download()?, state).iter().map(|a_log| -a_log.exp()).collect(),
            skip: arrays.skip.download()?,
            out_proj: dense(arrays.out_proj, inner)?,
            sizes: arrays.sizes,
        })
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
        let inner = self.sizes.inner;
        // Side by side and not by index: a check of bounds in the innermost loop stops vectors.
        let (mut steps, mut driven) = (vec![0.0; inner], vec![0.0; inner]);
        let both = steps.iter_mut().zip(&mut driven).zip(delta);
        for (((step, driven), delta), (x, skip)) in both.zip(x.iter_mut().zip(&self.skip)) {
            *step = simd::softplus(*delta);
            *driven = *step * *x;
            *x *= skip;
        }
        let rows = memory.chunks_exact_mut(inner).zip(self.rates.chunks_exact(inner));
        for ((memory, rates), (&b, &c)) in rows.zip(b.iter().zip(c)) {
            let channels = memory.iter_mut().zip(rates).zip(&steps).zip(&driven).zip(&mut *x);
            for ((((kept, rate), step), driven), y) in channels {
                *kept = driven.mul_add(b, simd::exp_below_zero(step * rate) * *kept);
                *y = kept.mul_add(c, *y);
            }
        }
        for (y, gate) in x.iter_mut().zip(gate) {
            *y = *y * gate * simd::sigmoid(*gate);
        }
    }
}
