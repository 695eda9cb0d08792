//! The CPU kernels: fixed blocks of rows over the threads, one group of channels at a time in the first cache.
//!
//! One kernel serves both ops; where the gate sits is known at compile time, so the plain norm pays nothing for it.

use rayon::prelude::*;

use super::{GatedRmsNorm, RmsNorm};
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 14;

impl CpuOp for RmsNorm {
    /// r of each row.
    type Saved = Vec<f32>;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Vec<f32> {
        let [x, weight] = inputs else { unreachable!("two inputs") };
        Norm::<false, false> { x, z: &[], weight, size: weight.len() }.forward(self.eps, outputs[0], save)
    }

    fn backward(
        &self,
        saved: Vec<f32>,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let ([x, weight], [dx, dweight]) = (inputs, dinputs) else { unreachable!("two inputs") };
        let norm = Norm::<false, false> { x, z: &[], weight, size: weight.len() };
        norm.backward(&saved, doutputs[0], dx.as_deref_mut(), None, dweight.as_deref_mut());
    }
}

impl CpuOp for GatedRmsNorm {
    /// r of each group of each row.
    type Saved = Vec<f32>;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Vec<f32> {
        let [x, z, weight] = inputs else { unreachable!("three inputs") };
        let size = weight.len() / self.groups;
        if self.norm_before_gate {
            Norm::<false, true> { x, z, weight, size }.forward(self.eps, outputs[0], save)
        } else {
            Norm::<true, false> { x, z, weight, size }.forward(self.eps, outputs[0], save)
        }
    }

    fn backward(
        &self,
        saved: Vec<f32>,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let ([x, z, weight], [dx, dz, dweight]) = (inputs, dinputs) else { unreachable!("three inputs") };
        let size = weight.len() / self.groups;
        let (dx, dz, dweight) = (dx.as_deref_mut(), dz.as_deref_mut(), dweight.as_deref_mut());
        if self.norm_before_gate {
            Norm::<false, true> { x, z, weight, size }.backward(&saved, doutputs[0], dx, dz, dweight);
        } else {
            Norm::<true, false> { x, z, weight, size }.backward(&saved, doutputs[0], dx, dz, dweight);
        }
    }
}

/// The operands of one call, or of one block of it. `z` is empty without a gate.
#[derive(Clone, Copy)]
struct Norm<'a, const GATE_FIRST: bool, const GATE_LAST: bool> {
    x: &'a [f32],
    z: &'a [f32],
    weight: &'a [f32],
    /// Channels per group, γ.
    size: usize,
}

/// What one block's backward writes; `dweight` is the block's own partial sum, empty when nobody wants it.
struct Gradients<'a> {
    dx: Option<&'a mut [f32]>,
    dz: Option<&'a mut [f32]>,
    dweight: Vec<f32>,
}

/// Values of one group of channels that backward needs twice.
struct Scratch {
    /// x̂
    hat: Vec<f32>,
    q: Vec<f32>,
    /// silu(z) and its derivative.
    gate: Vec<f32>,
    slope: Vec<f32>,
}

impl<'a, const GATE_FIRST: bool, const GATE_LAST: bool> Norm<'a, GATE_FIRST, GATE_LAST> {
    /// The elements of a block: a whole number of rows.
    fn block_len(&self) -> usize {
        threads::block_rows(self.weight.len(), BLOCK) * self.weight.len()
    }

    /// The operands of the block that starts at element `start`.
    fn block(&self, start: usize, len: usize) -> Self {
        let z = self.z.get(start..start + len).unwrap_or_default();
        Norm { x: &self.x[start..start + len], z, ..*self }
    }

    fn forward(&self, eps: f32, out: &mut [f32], save: bool) -> Vec<f32> {
        if out.is_empty() {
            return Vec::new();
        }
        let len = self.block_len();
        let mut saved = vec![0.0; if save { out.len() / self.size } else { 0 }];
        let mut saved_blocks = saved.chunks_mut(len / self.size);
        let saved_blocks: Vec<&mut [f32]> =
            out.chunks(len).map(|_| saved_blocks.next().unwrap_or_default()).collect();
        out.par_chunks_mut(len).zip(saved_blocks).enumerate().for_each(|(block, (out, saved))| {
            let block = self.block(block * len, out.len());
            simd::dispatch(
                #[inline(always)]
                || {
                    for (i, out) in out.chunks_exact_mut(block.size).enumerate() {
                        let r = block.normalise(i, eps, out);
                        if let Some(slot) = saved.get_mut(i) {
                            *slot = r;
                        }
                    }
                },
            );
        });
        saved
    }

    /// The block's group `i`: x, z and weight.
    #[inline(always)]
    fn group(&self, i: usize) -> [&'a [f32]; 3] {
        let start = i * self.size;
        let z = if GATE_FIRST || GATE_LAST { &self.z[start..][..self.size] } else { &[] };
        [&self.x[start..][..self.size], z, &self.weight[start % self.weight.len()..][..self.size]]
    }

    /// Fills one group of `out` and returns its r.
    #[inline(always)]
    fn normalise(&self, i: usize, eps: f32, out: &mut [f32]) -> f32 {
        let [x, z, weight] = self.group(i);
        if GATE_FIRST {
            for ((out, x), &z) in out.iter_mut().zip(x).zip(z) {
                *out = x * (z * simd::sigmoid(z));
            }
        } else {
            out.copy_from_slice(x);
        }
        let r = 1.0 / (simd::sum_squares(out) / self.size as f32 + eps).sqrt();
        if GATE_LAST {
            for ((out, weight), &z) in out.iter_mut().zip(weight).zip(z) {
                *out *= r * weight * (z * simd::sigmoid(z));
            }
        } else {
            for (out, weight) in out.iter_mut().zip(weight) {
                *out *= r * weight;
            }
        }
        r
    }

    fn backward(
        &self,
        saved: &[f32],
        dout: &[f32],
        dx: Option<&mut [f32]>,
        dz: Option<&mut [f32]>,
        dweight: Option<&mut [f32]>,
    ) {
        if dout.is_empty() {
            return;
        }
        let len = self.block_len();
        let mut dx_blocks = dx.into_iter().flat_map(|dx| dx.chunks_mut(len));
        let mut dz_blocks = dz.into_iter().flat_map(|dz| dz.chunks_mut(len));
        let blocks: Vec<_> = dout.chunks(len).map(|_| (dx_blocks.next(), dz_blocks.next())).collect();
        let partial_len = if dweight.is_some() { self.weight.len() } else { 0 };
        let partials: Vec<Vec<f32>> = blocks
            .into_par_iter()
            .zip(dout.par_chunks(len))
            .enumerate()
            .map(|(block, ((dx, dz), dout))| {
                let groups = &saved[block * (len / self.size)..];
                let block = self.block(block * len, dout.len());
                let mut gradients = Gradients { dx, dz, dweight: vec![0.0; partial_len] };
                simd::dispatch(
                    #[inline(always)]
                    || block.backward_block(groups, dout, &mut gradients),
                );
                gradients.dweight
            })
            .collect();
        let Some(dweight) = dweight else { return };
        for partial in &partials {
            dweight.iter_mut().zip(partial).for_each(|(sum, part)| *sum += part);
        }
    }

    #[inline(always)]
    fn backward_block(&self, saved: &[f32], dout: &[f32], gradients: &mut Gradients<'_>) {
        let scratch = || vec![0.0f32; self.size];
        let mut scratch = Scratch { hat: scratch(), q: scratch(), gate: scratch(), slope: scratch() };
        for (i, (dout, &r)) in dout.chunks_exact(self.size).zip(saved).enumerate() {
            self.prepare(i, r, dout, &mut scratch);
            let span = i * self.size..(i + 1) * self.size;
            if !gradients.dweight.is_empty() {
                let first = span.start % self.weight.len();
                self.add_dweight(dout, &scratch, &mut gradients.dweight[first..][..self.size]);
            }
            let dx = gradients.dx.as_deref_mut().map(|dx| &mut dx[span.clone()]);
            let dz = gradients.dz.as_deref_mut().map(|dz| &mut dz[span]);
            self.add_gradients(i, r, dout, &mut scratch, dx, dz);
        }
    }

    /// x̂, q and the gate of one group.
    #[inline(always)]
    fn prepare(&self, i: usize, r: f32, dout: &[f32], scratch: &mut Scratch) {
        let ([x, z, weight], n) = (self.group(i), self.size);
        let (hat, q) = (&mut scratch.hat[..n], &mut scratch.q[..n]);
        let (gate, slope, dout) = (&mut scratch.gate[..n], &mut scratch.slope[..n], &dout[..n]);
        if GATE_FIRST || GATE_LAST {
            for c in 0..n {
                let s = simd::sigmoid(z[c]);
                gate[c] = z[c] * s;
                slope[c] = s * (1.0 + z[c] * (1.0 - s));
            }
        }
        for c in 0..n {
            hat[c] = if GATE_FIRST { x[c] * gate[c] * r } else { x[c] * r };
            q[c] = if GATE_LAST { dout[c] * gate[c] * weight[c] } else { dout[c] * weight[c] };
        }
    }

    #[inline(always)]
    fn add_dweight(&self, dout: &[f32], scratch: &Scratch, dweight: &mut [f32]) {
        let n = self.size;
        let (hat, gate) = (&scratch.hat[..n], &scratch.gate[..n]);
        let (dout, dweight) = (&dout[..n], &mut dweight[..n]);
        for c in 0..n {
            let dv = if GATE_LAST { dout[c] * gate[c] } else { dout[c] };
            dweight[c] += dv * hat[c];
        }
    }

    #[inline(always)]
    fn add_gradients(
        &self,
        i: usize,
        r: f32,
        dout: &[f32],
        scratch: &mut Scratch,
        dx: Option<&mut [f32]>,
        dz: Option<&mut [f32]>,
    ) {
        let ([x, _, weight], n) = (self.group(i), self.size);
        let (hat, dt) = (&scratch.hat[..n], &mut scratch.q[..n]);
        let (gate, slope, dout) = (&scratch.gate[..n], &scratch.slope[..n], &dout[..n]);
        let mean = simd::dot(dt, hat) / n as f32;
        for c in 0..n {
            dt[c] = r * (dt[c] - hat[c] * mean);
        }
        if let Some(dx) = dx {
            let dx = &mut dx[..n];
            for c in 0..n {
                dx[c] += if GATE_FIRST { dt[c] * gate[c] } else { dt[c] };
            }
        }
        if let Some(dz) = dz {
            let dz = &mut dz[..n];
            for c in 0..n {
                let dgate = if GATE_FIRST { dt[c] * x[c] } else { dout[c] * hat[c] * weight[c] };
                dz[c] += dgate * slope[c];
            }
        }
    }
}
