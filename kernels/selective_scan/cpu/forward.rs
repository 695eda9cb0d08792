//! Forward: each task's walk through time, block by block, with a few tiles of channels side by side.

use std::slice::ChunksExactMut;

use rayon::prelude::*;

use super::{BLOCK, Checkpoints, LANES, Lanes, Operands, Task, ZERO, steps};
use crate::ssd::columns;
use crate::ssd::decay::exp2_decays;
use crate::{simd, threads};

/// Most tiles of a task: what it reads of a row lies together, and states and rates of its tiles stay in the first cache.
const TILES: usize = 3;

pub(super) fn run(operands: &Operands<'_>, out: &mut [f32], save: bool) -> Checkpoints {
    let widths = operands.widths();
    let parts = columns::split(out, operands.op.time, &widths);
    let per_tile = if save { operands.blocks() * operands.state_len() } else { 0 };
    let mut checkpoints = vec![0.0; parts.len() * per_tile];
    let mut kept = checkpoints.chunks_exact_mut(per_tile.max(1));
    let mut walks = Vec::new();
    let most = (parts.len() / threads::count()).clamp(1, TILES);
    for (index, out) in parts.into_iter().enumerate() {
        let tile = Tile { index, out, kept: kept.next().unwrap_or_default() };
        match walks.last_mut() {
            Some(tiles) if index % widths.len() != 0 && Vec::len(tiles) < most => tiles.push(tile),
            _ => walks.push(vec![tile]),
        }
    }
    walks.into_par_iter().for_each(|tiles| {
        simd::dispatch(
            #[inline(always)]
            || walk(operands, tiles),
        );
    });
    Checkpoints(checkpoints)
}

/// A tile of the channels of a sequence, and where its results go.
struct Tile<'a> {
    index: usize,
    out: Vec<&'a mut [f32]>,
    /// Empty where no states are kept.
    kept: &'a mut [f32],
}

/// All blocks of some tiles of one sequence.
#[inline(always)]
fn walk(operands: &Operands<'_>, tiles: Vec<Tile<'_>>) {
    let mut walkers: Vec<_> = tiles.into_iter().map(|tile| Walker::new(operands, tile)).collect();
    for block in 0..operands.blocks() {
        for walker in &mut walkers {
            walker.walk(operands, block * BLOCK);
        }
    }
}

/// A tile on its way.
struct Walker<'a> {
    task: Task,
    out: Vec<&'a mut [f32]>,
    kept: ChunksExactMut<'a, f32>,
    rates: Vec<Lanes>,
    d: Lanes,
    bias: Lanes,
    h: Vec<Lanes>,
}

impl<'a> Walker<'a> {
    fn new(operands: &Operands<'_>, Tile { index, out, kept }: Tile<'a>) -> Self {
        let task = operands.task(index);
        Walker {
            task,
            out,
            kept: kept.chunks_exact_mut(operands.state_len()),
            rates: operands.rates(task),
            d: operands.per_channel(operands.d, task),
            bias: operands.per_channel(operands.delta_bias, task),
            h: vec![ZERO; operands.op.state],
        }
    }

    /// The block that begins at `first`.
    #[inline(always)]
    fn walk(&mut self, operands: &Operands<'_>, first: usize) {
        if let Some(kept) = self.kept.next() {
            kept.copy_from_slice(self.h.as_flattened());
        }
        let task = self.task;
        let span = first..(first + BLOCK).min(operands.op.time);
        let (mut u, mut raw, mut z) = ([ZERO; BLOCK], [ZERO; BLOCK], [ZERO; BLOCK]);
        operands.fetch(operands.u, task, span.clone(), &mut u);
        operands.fetch(operands.delta, task, span.clone(), &mut raw);
        operands.fetch(operands.z, task, span.clone(), &mut z);
        for (i, out) in self.out[span].iter_mut().enumerate() {
            let delta = steps(&raw[i], &self.bias);
            let b = operands.states(operands.b, task, first + i);
            let c = operands.states(operands.c, task, first + i);
            let (mut scaled, mut y) = (ZERO, ZERO);
            for l in 0..LANES {
                scaled[l] = delta[l] * u[i][l];
                y[l] = self.d[l] * u[i][l];
            }
            for ((h, rates), (&b, &c)) in self.h.iter_mut().zip(&self.rates).zip(b.iter().zip(c)) {
                advance(&delta, &scaled, rates, (b, c), h, &mut y);
            }
            for l in 0..LANES {
                y[l] *= z[i][l] * simd::sigmoid(z[i][l]);
            }
            out.copy_from_slice(&y[..task.width]);
        }
    }
}

/// h ← e^{ΔA} h + Δ u B, and y += C h.
#[inline(always)]
fn advance(delta: &Lanes, scaled: &Lanes, rates: &Lanes, (b, c): (f32, f32), h: &mut Lanes, y: &mut Lanes) {
    let mut x = ZERO;
    for l in 0..LANES {
        x[l] = delta[l] * rates[l];
    }
    let decays = exp2_decays(x);
    for l in 0..LANES {
        h[l] = decays[l].mul_add(h[l], scaled[l] * b);
        y[l] = c.mul_add(h[l], y[l]);
    }
}
