//! Forward: each task's walk through time, block by block.

use rayon::prelude::*;

use super::{BLOCK, Checkpoints, LANES, Lanes, Operands, Task, ZERO, steps};
use crate::simd;
use crate::ssd::columns;
use crate::ssd::decay::exp2_decay;

pub(super) fn run(operands: &Operands<'_>, out: &mut [f32], save: bool) -> Checkpoints {
    let parts = columns::split(out, operands.op.time, &operands.widths());
    let per_task = if save { operands.blocks() * operands.state_len() } else { 0 };
    let mut checkpoints = vec![0.0; parts.len() * per_task];
    let kept: Vec<&mut [f32]> = if save {
        checkpoints.chunks_exact_mut(per_task).collect()
    } else {
        parts.iter().map(|_| &mut [][..]).collect()
    };
    parts.into_par_iter().zip(kept).enumerate().for_each(|(index, (mut out, kept))| {
        let task = operands.task(index);
        simd::dispatch(
            #[inline(always)]
            || walk(operands, task, &mut out, kept),
        );
    });
    Checkpoints(checkpoints)
}

#[inline(always)]
fn walk(operands: &Operands<'_>, task: Task, out: &mut [&mut [f32]], kept: &mut [f32]) {
    let (rates, state) = (operands.rates(task), operands.op.state);
    let d = operands.per_channel(operands.d, task);
    let bias = operands.per_channel(operands.delta_bias, task);
    let mut kept = kept.chunks_exact_mut(operands.state_len());
    let mut h = vec![ZERO; state];
    let (mut u, mut raw, mut z) = ([ZERO; BLOCK], [ZERO; BLOCK], [ZERO; BLOCK]);
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        if let Some(kept) = kept.next() {
            kept.copy_from_slice(h.as_flattened());
        }
        let first = block * BLOCK;
        let span = first..first + out.len();
        operands.fetch(operands.u, task, span.clone(), &mut u);
        operands.fetch(operands.delta, task, span.clone(), &mut raw);
        operands.fetch(operands.z, task, span, &mut z);
        for (i, out) in out.iter_mut().enumerate() {
            let delta = steps(&raw[i], &bias);
            let b = operands.states(operands.b, task, first + i);
            let c = operands.states(operands.c, task, first + i);
            let (mut scaled, mut y) = (ZERO, ZERO);
            for l in 0..LANES {
                scaled[l] = delta[l] * u[i][l];
                y[l] = d[l] * u[i][l];
            }
            for n in 0..state {
                advance(&delta, &scaled, &rates[n], (b[n], c[n]), &mut h[n], &mut y);
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
    for l in 0..LANES {
        h[l] = exp2_decay(delta[l] * rates[l]).mul_add(h[l], scaled[l] * b);
        y[l] = c.mul_add(h[l], y[l]);
    }
}
