//! The CPU kernel: layer norm's walk over rows, each summed as it is reached.

use rayon::prelude::*;

use super::AddNorm;
use crate::device::scratch;
use crate::layer_norm::cpu::{BLOCK, Block, Row, add_partials, normalise};
use crate::op::{CpuOp, Gradient, Held};
use crate::{simd, threads};

/// The rows' statistics, and r where it does not go on.
#[derive(Default)]
pub struct Saved {
    rows: Vec<Row>,
    sum: Vec<f32>,
}

impl Held for Saved {
    fn held_bytes(&self) -> usize {
        self.rows.held_bytes() + self.sum.held_bytes()
    }
}

impl CpuOp for AddNorm {
    type Saved = Saved;

    fn keeps_input(&self, index: usize) -> bool {
        index == 2
    }

    fn keeps_output(&self, index: usize) -> bool {
        self.hands_on && index == 0
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        index < 2
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Saved {
        let [x, f, weight, bias] = inputs else { unreachable!("four inputs") };
        let Some((y, handed_on)) = outputs.split_last_mut() else { unreachable!("y is always made") };
        let (mut saved, channels) = (Saved::default(), weight.len());
        if y.is_empty() {
            return saved;
        }
        if save {
            saved.rows = vec![Row::default(); x.len() / channels];
            saved.sum = scratch(if self.hands_on { 0 } else { x.len() });
        }
        let len = threads::block_rows(channels, BLOCK) * channels;
        let sum = match handed_on {
            [sum] => &mut **sum,
            _ => &mut saved.sum[..],
        };
        let (mut sums, mut rows) = (sum.chunks_mut(len), saved.rows.chunks_mut(len / channels));
        let places: Vec<_> = x.chunks(len).map(|_| (sums.next(), rows.next().unwrap_or_default())).collect();
        let operands = x.par_chunks(len).zip(f.par_chunks(len)).zip(places);
        y.par_chunks_mut(len).zip(operands).enumerate().for_each(|(block, (y, ((x, f), (sum, rows))))| {
            let mut places = Places { sum, own: Vec::new(), rows, y };
            simd::dispatch(
                #[inline(always)]
                || self.rows(block * len, [x, f, weight, bias], &mut places),
            );
        });
        saved
    }

    fn backward(
        &self,
        saved: Saved,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let [dx, df, dweight, dbias] = dinputs else { unreachable!("four inputs") };
        let (weight, dy) = (inputs[2], doutputs[doutputs.len() - 1]);
        if dy.is_empty() {
            return;
        }
        // What goes on stands behind the inputs.
        let sum = if self.hands_on { inputs[4] } else { &saved.sum };
        let of_sum = if self.hands_on { Some(doutputs[0]) } else { None };
        let channels = weight.len();
        let len = threads::block_rows(channels, BLOCK) * channels;
        let fresh = [&dx, &df].map(|gradient| gradient.as_ref().is_some_and(Gradient::is_fresh));
        let mut of_x = dx.iter_mut().flat_map(|dx| dx.chunks_mut(len));
        let mut of_f = df.iter_mut().flat_map(|df| df.chunks_mut(len));
        let wanted: Vec<[Option<&mut [f32]>; 2]> =
            dy.chunks(len).map(|_| [of_x.next(), of_f.next()]).collect();
        let wants_parameters = dweight.is_some() || dbias.is_some();
        let operands = sum.par_chunks(len).zip(dy.par_chunks(len)).zip(saved.rows.par_chunks(len / channels));
        let partials: Vec<Vec<f32>> = wanted
            .into_par_iter()
            .zip(operands)
            .enumerate()
            .map(|(block, (wanted, ((x, dout), saved)))| {
                let start = block * len;
                let of_sum = of_sum.map(|of_sum| &of_sum[start..start + x.len()]);
                let block = Block { x, dout, weight, saved };
                simd::dispatch(
                    #[inline(always)]
                    || {
                        if wanted.iter().any(Option::is_some) {
                            self.pull_back(&block, of_sum, start, wanted, fresh);
                        }
                        if wants_parameters { block.parameter_gradients() } else { Vec::new() }
                    },
                )
            })
            .collect();
        add_partials([dweight, dbias], &partials, channels);
    }
}

/// Where a block of rows goes.
struct Places<'a> {
    /// r, where somebody wants it.
    sum: Option<&'a mut [f32]>,
    /// One row of it, where nobody does.
    own: Vec<f32>,
    rows: &'a mut [Row],
    y: &'a mut [f32],
}

impl AddNorm {
    /// A block of rows that begins at element `start`.
    #[inline(always)]
    fn rows(&self, start: usize, [x, f, weight, bias]: [&[f32]; 4], places: &mut Places<'_>) {
        let channels = weight.len();
        if places.sum.is_none() {
            places.own = scratch(channels);
        }
        let operands = x.chunks_exact(channels).zip(f.chunks_exact(channels));
        for (i, ((x, f), y)) in operands.zip(places.y.chunks_exact_mut(channels)).enumerate() {
            let at = i * channels;
            let sum = match &mut places.sum {
                Some(sum) => &mut sum[at..at + channels],
                None => &mut places.own[..],
            };
            self.add(x, f, start + at, sum);
            let row = normalise(sum, weight, bias, self.eps, y);
            if let Some(slot) = places.rows.get_mut(i) {
                *slot = row;
            }
        }
    }

    /// r from row `start / C` on.
    #[inline(always)]
    fn add(&self, x: &[f32], f: &[f32], start: usize, sum: &mut [f32]) {
        match self.factors {
            None => sum.iter_mut().zip(x.iter().zip(f)).for_each(|(sum, (x, f))| *sum = x + f),
            Some(factors) => {
                let stretch = factors.starting_at(start);
                for (i, (sum, (x, &f))) in sum.iter_mut().zip(x.iter().zip(f)).enumerate() {
                    *sum = x + stretch.of(i, f);
                }
            }
        }
    }

    /// dx and df of a block that begins at element `start`.
    #[inline(always)]
    fn pull_back(
        &self,
        block: &Block<'_>,
        of_sum: Option<&[f32]>,
        start: usize,
        [dx, df]: [Option<&mut [f32]>; 2],
        [fresh_x, fresh_f]: [bool; 2],
    ) {
        let mut dsum = match of_sum {
            Some(of_sum) => of_sum.to_vec(),
            None => scratch(block.x.len()),
        };
        block.add_dx(&mut dsum, of_sum.is_none());
        if let Some(dx) = dx {
            put(dx, fresh_x, &dsum, |_, d| d);
        }
        let Some(df) = df else { return };
        match self.factors {
            None => put(df, fresh_f, &dsum, |_, d| d),
            Some(factors) => {
                let stretch = factors.starting_at(start);
                put(df, fresh_f, &dsum, |i, d| stretch.of(i, d));
            }
        }
    }
}

/// Sets `to`, or adds to it, what `made` makes of each element of `from`.
#[inline(always)]
fn put(to: &mut [f32], fresh: bool, from: &[f32], made: impl Fn(usize, f32) -> f32) {
    let each = to.iter_mut().zip(from).enumerate();
    if fresh {
        each.for_each(|(i, (to, &from))| *to = made(i, from));
    } else {
        each.for_each(|(i, (to, &from))| *to += made(i, from));
    }
}
