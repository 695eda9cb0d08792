//! Backward: each task's walk through the blocks from the last, then the sums over tasks.
//!
//! A task writes du, dδ and dz of its own channels. dB and dC, to which every tile of channels contributes, and the
//! parameters' gradients, to which every sequence does, are left in partials and summed in the order of the tasks.

mod walk;

use rayon::prelude::*;

use super::{Lanes, Operands};
use crate::op::Gradient;
use crate::simd;
use crate::ssd::columns;
use walk::Walk;

pub(super) fn run(
    operands: &Operands<'_>,
    checkpoints: &[f32],
    dout: &[f32],
    dinputs: &mut [Option<Gradient<'_>>],
) {
    let [du, ddelta, da_log, db, dc, dd, dz, dbias] = dinputs else { unreachable!("eight inputs") };
    let widths = operands.widths();
    let tasks = operands.sequences() * widths.len();
    let split = |data: Option<_>| columns::split_wanted(data, operands.op.time, &widths, tasks);
    let (du, ddelta, dz) = (split(du.as_deref_mut()), split(ddelta.as_deref_mut()), split(dz.as_deref_mut()));
    let rows = du.into_par_iter().zip(ddelta).zip(dz);
    let kept = checkpoints.par_chunks_exact(operands.blocks() * operands.state_len());
    let partials: Vec<Partial> = rows
        .zip(kept)
        .enumerate()
        .map(|(index, (((du, ddelta), dz), kept))| {
            let mut walk = Walk::new(operands, operands.task(index), dout);
            let mut gradients = Columns { du, ddelta, dz };
            simd::dispatch(
                #[inline(always)]
                || walk.run(kept, &mut gradients),
            );
            walk.partial
        })
        .collect();
    add_parameters(operands, &partials, [da_log, dd, dbias]);
    add_shared(operands, &partials, |partial| &partial.db, db);
    add_shared(operands, &partials, |partial| &partial.dc, dc);
}

/// The rows of a task's own gradients; none where not wanted.
struct Columns<'a> {
    du: Vec<&'a mut [f32]>,
    ddelta: Vec<&'a mut [f32]>,
    dz: Vec<&'a mut [f32]>,
}

/// What a task adds to gradients it shares with others.
struct Partial {
    /// [T, N] each.
    db: Vec<f32>,
    dc: Vec<f32>,
    /// State-major.
    da_log: Vec<Lanes>,
    dd: Lanes,
    dbias: Lanes,
}

/// Sums the parameters' gradients over the sequences.
fn add_parameters(
    operands: &Operands<'_>,
    partials: &[Partial],
    [da_log, dd, dbias]: [&mut Option<Gradient<'_>>; 3],
) {
    let state = operands.op.state;
    for (index, partial) in partials.iter().enumerate() {
        let task = operands.task(index);
        for lane in 0..task.width {
            let channel = task.first + lane;
            if let Some(dd) = dd {
                dd[channel] += partial.dd[lane];
            }
            if let Some(dbias) = dbias {
                dbias[channel] += partial.dbias[lane];
            }
            if let Some(da_log) = da_log {
                let rows = da_log[channel * state..][..state].iter_mut();
                rows.zip(&partial.da_log).for_each(|(da_log, part)| *da_log += part[lane]);
            }
        }
    }
}

/// Sums dB or dC over the tiles of each sequence.
fn add_shared(
    operands: &Operands<'_>,
    partials: &[Partial],
    part: impl Fn(&Partial) -> &Vec<f32> + Sync,
    gradient: &mut Option<Gradient<'_>>,
) {
    const PIECE: usize = 1 << 13;
    let Some(gradient) = gradient else { return };
    let tiles = partials.len() / operands.sequences();
    let sequence = operands.op.time * operands.op.state;
    gradient.par_chunks_mut(sequence).zip(partials.par_chunks(tiles)).for_each(|(gradient, partials)| {
        gradient.par_chunks_mut(PIECE).enumerate().for_each(|(piece, gradient)| {
            for partial in partials {
                let part = &part(partial)[piece * PIECE..];
                gradient.iter_mut().zip(part).for_each(|(gradient, part)| *gradient += part);
            }
        });
    });
}
