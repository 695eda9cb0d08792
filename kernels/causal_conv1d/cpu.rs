//! The CPU kernel: channels in the vector lanes, blocks of time over the threads.
//!
//! Every element is read once from memory, a page of channels at a time: taps and running gradients of a tile stay in the second cache
//! while time passes. A block of backward recomputes the W − 1 values of q that lie behind its end.

use rayon::prelude::*;

use super::CausalConv1d;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 16;
/// Channels that are worked on together: a page of memory of each row, which the processor fetches ahead.
const TILE: usize = 1024;

impl CpuOp for CausalConv1d {
    type Saved = ();

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        match self.taps {
            2 => forward::<2>(self, inputs, outputs[0]),
            3 => forward::<3>(self, inputs, outputs[0]),
            _ => forward::<4>(self, inputs, outputs[0]),
        }
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        match self.taps {
            2 => backward::<2>(self, inputs, doutputs[0], dinputs),
            3 => backward::<3>(self, inputs, doutputs[0], dinputs),
            _ => backward::<4>(self, inputs, doutputs[0], dinputs),
        }
    }
}

/// Taps and bias, tap-major so that channels are contiguous, and a row of zeros for the time before the first sample.
struct Filter<'a, const W: usize> {
    taps: Vec<f32>,
    bias: &'a [f32],
    silence: Vec<f32>,
    channels: usize,
    silu: bool,
}

impl<'a, const W: usize> Filter<'a, W> {
    fn new(op: &CausalConv1d, weight: &[f32], bias: &'a [f32]) -> Self {
        let channels = op.channels;
        let taps = (0..W * channels).map(|i| weight[i % channels * W + i / channels]).collect();
        Filter { taps, bias, silence: vec![0.0; channels], channels, silu: op.silu }
    }

    #[inline(always)]
    fn tap(&self, k: usize, tile: Tile) -> &[f32] {
        &self.taps[k * self.channels + tile.first..][..tile.len]
    }

    /// The W rows that the output at `t` sees, oldest first.
    #[inline(always)]
    fn window<'x>(&'x self, x: &'x [f32], t: usize, tile: Tile) -> [&'x [f32]; W] {
        std::array::from_fn(|k| {
            let row = match (t + k).checked_sub(W - 1) {
                Some(t) => &x[t * self.channels..],
                None => &self.silence,
            };
            &row[tile.first..][..tile.len]
        })
    }
}

/// A range of channels.
#[derive(Clone, Copy)]
struct Tile {
    first: usize,
    len: usize,
}

fn tiles(channels: usize) -> impl Iterator<Item = Tile> {
    (0..channels).step_by(TILE).map(move |first| Tile { first, len: TILE.min(channels - first) })
}

fn forward<const W: usize>(op: &CausalConv1d, inputs: &[&[f32]], out: &mut [f32]) {
    if out.is_empty() {
        return;
    }
    let filter = Filter::<W>::new(op, inputs[1], inputs[2]);
    let sequence = op.time * op.channels;
    let rows = threads::block_rows(op.channels, BLOCK);
    out.par_chunks_mut(sequence).zip(inputs[0].par_chunks(sequence)).for_each(|(out, x)| {
        out.par_chunks_mut(rows * op.channels).enumerate().for_each(|(block, out)| {
            simd::dispatch(
                #[inline(always)]
                || forward_block(&filter, x, block * rows, out),
            );
        });
    });
}

#[inline(always)]
fn forward_block<const W: usize>(filter: &Filter<'_, W>, x: &[f32], first: usize, out: &mut [f32]) {
    for tile in tiles(filter.channels) {
        for (t, out) in (first..).zip(out.chunks_exact_mut(filter.channels)) {
            let out = &mut out[tile.first..][..tile.len];
            convolve(filter, x, t, tile, out);
            if filter.silu {
                for v in out.iter_mut() {
                    *v *= simd::sigmoid(*v);
                }
            }
        }
    }
}

/// v at time `t`.
#[inline(always)]
fn convolve<const W: usize>(filter: &Filter<'_, W>, x: &[f32], t: usize, tile: Tile, v: &mut [f32]) {
    let window = filter.window(x, t, tile);
    let taps: [&[f32]; W] = std::array::from_fn(|k| filter.tap(k, tile));
    let bias = &filter.bias[tile.first..][..tile.len];
    for c in 0..tile.len {
        let mut sum = bias[c];
        for k in 0..W {
            sum = taps[k][c].mul_add(window[k][c], sum);
        }
        v[c] = sum;
    }
}

fn backward<const W: usize>(
    op: &CausalConv1d,
    inputs: &[&[f32]],
    dout: &[f32],
    dinputs: &mut [Option<Gradient<'_>>],
) {
    if dout.is_empty() {
        return;
    }
    let [dx, dweight, dbias] = dinputs else { unreachable!("three inputs") };
    let filter = Filter::<W>::new(op, inputs[1], inputs[2]);
    let sequence = op.time * op.channels;
    let rows = threads::block_rows(op.channels, BLOCK);
    let blocks = op.time.div_ceil(rows);
    let mut dx_blocks: Vec<Option<&mut [f32]>> = match dx {
        Some(dx) => {
            dx.chunks_mut(sequence).flat_map(|dx| dx.chunks_mut(rows * op.channels).map(Some)).collect()
        }
        None => (0..dout.len() / sequence * blocks).map(|_| None).collect(),
    };
    // One partial per block: W rows of dw, then dbias. Summed in the blocks' order.
    let partials: Vec<Vec<f32>> = dx_blocks
        .par_iter_mut()
        .enumerate()
        .map(|(task, dx)| {
            let start = task / blocks * sequence;
            let (x, dout) = (&inputs[0][start..][..sequence], &dout[start..][..sequence]);
            let first = task % blocks * rows;
            let span = first..(first + rows).min(op.time);
            let mut partial = vec![0.0; (W + 1) * op.channels];
            simd::dispatch(
                #[inline(always)]
                || backward_block(&filter, x, dout, span, dx.as_deref_mut(), &mut partial),
            );
            partial
        })
        .collect();
    for partial in &partials {
        let (taps, bias) = partial.split_at(W * op.channels);
        if let Some(dweight) = dweight {
            for (i, dw) in dweight.iter_mut().enumerate() {
                *dw += taps[i % W * op.channels + i / W];
            }
        }
        if let Some(dbias) = dbias {
            dbias.iter_mut().zip(bias).for_each(|(db, part)| *db += part);
        }
    }
}

#[inline(always)]
fn backward_block<const W: usize>(
    filter: &Filter<'_, W>,
    x: &[f32],
    dout: &[f32],
    span: std::ops::Range<usize>,
    mut dx: Option<&mut [f32]>,
    partial: &mut [f32],
) {
    let channels = filter.channels;
    let time = x.len() / channels;
    let mut ring = vec![0.0; W * TILE];
    for tile in tiles(channels) {
        for t in span.start..span.end + W - 1 {
            let q = &mut ring[t % W * TILE..][..tile.len];
            if t >= time {
                q.fill(0.0);
            } else {
                let dout = &dout[t * channels + tile.first..][..tile.len];
                gradient_of_v(filter, x, t, tile, dout, q);
            }
            if t < span.end {
                add_filter_gradient(filter, x, t, tile, q, partial);
            }
            let (Some(dx), Some(target)) = (dx.as_deref_mut(), (t + 1).checked_sub(W)) else { continue };
            if target >= span.start {
                let row = (target - span.start) * channels;
                add_dx(filter, &ring, target, tile, &mut dx[row + tile.first..][..tile.len]);
            }
        }
    }
}

/// q at time `t`.
#[inline(always)]
fn gradient_of_v<const W: usize>(
    filter: &Filter<'_, W>,
    x: &[f32],
    t: usize,
    tile: Tile,
    dout: &[f32],
    q: &mut [f32],
) {
    if !filter.silu {
        q.copy_from_slice(dout);
        return;
    }
    convolve(filter, x, t, tile, q);
    for (q, dout) in q.iter_mut().zip(dout) {
        let s = simd::sigmoid(*q);
        *q = dout * s * (1.0 + *q * (1.0 - s));
    }
}

#[inline(always)]
fn add_filter_gradient<const W: usize>(
    filter: &Filter<'_, W>,
    x: &[f32],
    t: usize,
    tile: Tile,
    q: &[f32],
    partial: &mut [f32],
) {
    let window = filter.window(x, t, tile);
    let mut rows = partial.chunks_exact_mut(filter.channels);
    for x in window {
        let Some(dw) = rows.next() else { return };
        for ((dw, x), q) in dw[tile.first..][..tile.len].iter_mut().zip(x).zip(q) {
            *dw = q.mul_add(*x, *dw);
        }
    }
    let Some(db) = rows.next() else { return };
    for (db, q) in db[tile.first..][..tile.len].iter_mut().zip(q) {
        *db += q;
    }
}

/// dx at time `t` from q at t … t + W − 1, all in the ring.
#[inline(always)]
fn add_dx<const W: usize>(filter: &Filter<'_, W>, ring: &[f32], t: usize, tile: Tile, dx: &mut [f32]) {
    let taps: [&[f32]; W] = std::array::from_fn(|k| filter.tap(k, tile));
    let q: [&[f32]; W] = std::array::from_fn(|k| &ring[(t + W - 1 - k) % W * TILE..][..tile.len]);
    for c in 0..tile.len {
        let mut sum = 0.0;
        for k in 0..W {
            sum = taps[k][c].mul_add(q[k][c], sum);
        }
        dx[c] += sum;
    }
}
