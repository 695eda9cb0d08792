//! Backward: each task's walk over its chunks from the last, then the gradients that heads share.
//!
//! Tasks write dx and d dt for their own heads. What several heads contribute to (dB, dC and the gradient of C·Bᵀ) they
//! leave in partials, which are summed in the order of the tasks.

mod walk;
mod within;

use rayon::prelude::*;

use super::{Layout, Rows, Saved};
use crate::matmul::{View, matmul_serial};
use crate::op::Gradient;
use crate::simd;
use crate::ssd::columns;
use walk::Walk;

pub(super) fn run(
    layout: &Layout,
    saved: &Saved,
    inputs: &[&[f32]],
    dy: &[f32],
    dinputs: &mut [Option<Gradient<'_>>],
) {
    let [xbc, dt, a_log, d, dt_bias] = inputs else { unreachable!("five inputs") };
    let [dxbc, ddt, da_log, dd, ddt_bias] = dinputs else { unreachable!("five inputs") };
    let operands = Operands { layout, saved, xbc, dt, a_log, d, dt_bias, dy };
    let groups = layout.constants.groups;
    let widths = [vec![layout.width(); layout.blocks], vec![layout.constants.state; 2 * groups]].concat();
    let sequences = layout.batch * widths.len();
    let mut columns = columns::split_wanted(dxbc.as_deref_mut(), layout.time, &widths, sequences);
    let mut shared = Vec::with_capacity(layout.batch * 2 * groups);
    let mut own = Vec::with_capacity(layout.tasks());
    for (index, part) in columns.drain(..).enumerate() {
        if index % widths.len() < layout.blocks { own.push(part) } else { shared.push(part) }
    }
    let ddt = columns::split_wanted(
        ddt.as_deref_mut(),
        layout.time,
        &vec![layout.block; layout.blocks],
        layout.tasks(),
    );
    let partials: Vec<Partial> = own
        .into_par_iter()
        .zip(ddt)
        .enumerate()
        .map(|(index, (dx, ddt))| Walk::new(&operands, layout.task(index)).run(dx, ddt))
        .collect();
    add_per_head(layout, &partials, |p| &p.da_log, da_log);
    add_per_head(layout, &partials, |p| &p.dd, dd);
    add_per_head(layout, &partials, |p| &p.ddt_bias, ddt_bias);
    add_shared(&operands, &partials, shared);
}

struct Operands<'a> {
    layout: &'a Layout,
    saved: &'a Saved,
    xbc: &'a [f32],
    dt: &'a [f32],
    a_log: &'a [f32],
    d: &'a [f32],
    dt_bias: &'a [f32],
    dy: &'a [f32],
}

/// What a task adds to gradients it shares with others.
struct Partial {
    /// Through the states, [T, N] each.
    db: Vec<f32>,
    dc: Vec<f32>,
    /// The gradient of C·Bᵀ, [chunks, Q, Q].
    dproducts: Vec<f32>,
    /// Per head of the task.
    da_log: Vec<f64>,
    dd: Vec<f64>,
    ddt_bias: Vec<f64>,
}

/// Sums per-head scalars over the sequences.
fn add_per_head(
    layout: &Layout,
    partials: &[Partial],
    part: impl Fn(&Partial) -> &Vec<f64>,
    gradient: &mut Option<Gradient<'_>>,
) {
    let Some(gradient) = gradient else { return };
    for (head, gradient) in gradient.iter_mut().enumerate() {
        let tasks = partials.iter().skip(head / layout.block).step_by(layout.blocks);
        let sum: f64 = tasks.map(|partial| part(partial)[head % layout.block]).sum();
        *gradient += sum as f32;
    }
}

/// dC += Σ_tasks (dC + dCB B) and dB += Σ_tasks (dB + dCBᵀ C), by sequence, group and chunk.
fn add_shared(operands: &Operands<'_>, partials: &[Partial], shared: Vec<Vec<&mut [f32]>>) {
    let layout = operands.layout;
    let groups = layout.constants.groups;
    // `shared` holds, per sequence, dB of each group and then dC of each group.
    let mut jobs = Vec::new();
    for (index, mut columns) in shared.into_iter().enumerate() {
        let (sequence, group) = (index / (2 * groups), index % groups);
        let is_c = index % (2 * groups) >= groups;
        let mut chunk = 0;
        while !columns.is_empty() {
            let rest = columns.split_off(layout.span(chunk).len());
            jobs.push((sequence, group, chunk, is_c, columns));
            columns = rest;
            chunk += 1;
        }
    }
    jobs.into_par_iter().for_each(|(sequence, group, chunk, is_c, gradient)| {
        let per_group = layout.blocks / groups;
        let first = sequence * layout.blocks + group * per_group;
        add_shared_chunk(operands, &partials[first..][..per_group], (sequence, group, chunk), is_c, gradient);
    });
}

fn add_shared_chunk(
    operands: &Operands<'_>,
    partials: &[Partial],
    (sequence, group, chunk): (usize, usize, usize),
    is_c: bool,
    gradient: Vec<&mut [f32]>,
) {
    let layout = operands.layout;
    let (span, state) = (layout.span(chunk), layout.constants.state);
    let rows = Rows { sequence, first: span.start, len: span.len() };
    let mut dproduct = vec![0.0; layout.tile()];
    let mut sum = vec![0.0; rows.len * state];
    for partial in partials {
        add(&mut dproduct, &partial.dproducts[chunk * layout.tile()..]);
        add(&mut sum, &(if is_c { &partial.dc } else { &partial.db })[span.start * state..]);
    }
    let dproduct = View::strided(&dproduct, rows.len, rows.len, layout.stride);
    if is_c {
        matmul_serial(1.0, dproduct, layout.b(operands.xbc, rows, group), 1.0, &mut sum, state);
    } else {
        matmul_serial(1.0, dproduct.t(), layout.c(operands.xbc, rows, group), 1.0, &mut sum, state);
    }
    for (gradient, sum) in gradient.into_iter().zip(sum.chunks_exact(state)) {
        add(gradient, sum);
    }
}

/// sum += part, over the length of `sum`.
fn add(sum: &mut [f32], part: &[f32]) {
    simd::dispatch(
        #[inline(always)]
        || sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part),
    );
}
