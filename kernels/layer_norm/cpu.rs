//! The CPU kernel: fixed blocks of rows over the threads; the passes over a row find it in the first cache.

use rayon::prelude::*;

use super::LayerNorm;
use crate::device::scratch;
use crate::gelu::fused;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
pub(crate) const BLOCK: usize = 1 << 14;

/// μ and r of one row.
#[derive(Clone, Copy, Default)]
pub struct Row {
    mean: f32,
    rstd: f32,
}

impl CpuOp for LayerNorm {
    type Saved = Vec<Row>;

    fn keeps_input(&self, index: usize) -> bool {
        index != 2 || self.gelu
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Vec<Row> {
        let [x, weight, bias] = inputs else { unreachable!("three inputs") };
        let (out, channels) = (&mut outputs[0], weight.len());
        if out.is_empty() {
            return Vec::new();
        }
        let rows = threads::block_rows(channels, BLOCK);
        let mut saved = vec![Row::default(); if save { x.len() / channels } else { 0 }];
        let mut saved_blocks = saved.chunks_mut(rows);
        let saved_blocks: Vec<&mut [Row]> =
            x.chunks(rows * channels).map(|_| saved_blocks.next().unwrap_or_default()).collect();
        let blocks = out.par_chunks_mut(rows * channels).zip(x.par_chunks(rows * channels));
        blocks.zip(saved_blocks).for_each(|((out, x), saved)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    let each = x.chunks_exact(channels).zip(out.chunks_exact_mut(channels));
                    for (i, (x, out)) in each.enumerate() {
                        let row = normalise(x, weight, bias, self.eps, out);
                        if self.gelu {
                            fused::activate_within(out);
                        }
                        if let Some(slot) = saved.get_mut(i) {
                            *slot = row;
                        }
                    }
                },
            );
        });
        saved
    }

    fn backward(
        &self,
        saved: Vec<Row>,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let ([x, weight, bias], [dx, dweight, dbias]) = (inputs, dinputs) else {
            unreachable!("three inputs")
        };
        let channels = weight.len();
        if x.is_empty() {
            return;
        }
        let rows = threads::block_rows(channels, BLOCK);
        let fresh = dx.as_ref().is_some_and(Gradient::is_fresh);
        let mut dx_blocks = dx.iter_mut().flat_map(|dx| dx.chunks_mut(rows * channels));
        let dx_blocks: Vec<Option<&mut [f32]>> =
            x.chunks(rows * channels).map(|_| dx_blocks.next()).collect();
        let wants_parameters = dweight.is_some() || dbias.is_some();
        let operands = x.par_chunks(rows * channels).zip(doutputs[0].par_chunks(rows * channels));
        let partials: Vec<Vec<f32>> = dx_blocks
            .into_par_iter()
            .zip(operands.zip(saved.par_chunks(rows)))
            .map(|(dx, ((x, dout), saved))| {
                let mut block = Block { x, dout, weight, saved };
                let mut dnormed = Vec::new();
                simd::dispatch(
                    #[inline(always)]
                    || {
                        if self.gelu {
                            dnormed = block.before_gelu(bias);
                            block.dout = &dnormed;
                        }
                        if let Some(dx) = dx {
                            block.add_dx(dx, fresh);
                        }
                        if wants_parameters { block.parameter_gradients() } else { Vec::new() }
                    },
                )
            })
            .collect();
        add_partials([dweight, dbias], &partials, channels);
    }
}

/// Adds the sums of all blocks, each dweight and then dbias, to the gradients that are wanted.
pub(crate) fn add_partials(
    gradients: [&mut Option<Gradient<'_>>; 2],
    partials: &[Vec<f32>],
    channels: usize,
) {
    for (gradient, offset) in gradients.into_iter().zip([0, channels]) {
        let Some(gradient) = gradient else { continue };
        for partial in partials {
            gradient.iter_mut().zip(&partial[offset..]).for_each(|(sum, part)| *sum += part);
        }
    }
}

/// One row forward.
#[inline(always)]
pub(crate) fn normalise(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) -> Row {
    let row = Row::of(x, eps);
    row.apply(x, weight, bias, out);
    row
}

/// The same where the row lies.
#[inline(always)]
pub(crate) fn normalise_within(row: &mut [f32], weight: &[f32], bias: &[f32], eps: f32) {
    let (n, Row { mean, rstd }) = (row.len(), Row::of(row, eps));
    let (weight, bias) = (&weight[..n], &bias[..n]);
    for i in 0..n {
        row[i] = ((row[i] - mean) * rstd).mul_add(weight[i], bias[i]);
    }
}

impl Row {
    #[inline(always)]
    fn of(x: &[f32], eps: f32) -> Self {
        let n = x.len() as f32;
        let mean = simd::sum(x) / n;
        let rstd = 1.0 / (simd::squared_differences(x, mean) / n + eps).sqrt();
        Row { mean, rstd }
    }

    #[inline(always)]
    fn apply(self, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
        let n = x.len();
        let (weight, bias, out) = (&weight[..n], &bias[..n], &mut out[..n]);
        for i in 0..n {
            out[i] = ((x[i] - self.mean) * self.rstd).mul_add(weight[i], bias[i]);
        }
    }
}

/// Running lanes of the sums over a row.
const LANES: usize = 64;

/// What backward reads of one block of rows.
pub(crate) struct Block<'a> {
    pub x: &'a [f32],
    pub dout: &'a [f32],
    pub weight: &'a [f32],
    pub saved: &'a [Row],
}

impl<'a> Block<'a> {
    /// The rows: x, dout and the statistics.
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (&'a [f32], &'a [f32], Row)> + use<'a> {
        let channels = self.weight.len();
        let rows = self.x.chunks_exact(channels).zip(self.dout.chunks_exact(channels)).zip(self.saved);
        rows.map(|((x, dout), &row)| (x, dout, row))
    }

    /// The gradient of what goes into GELU.
    #[inline(always)]
    fn before_gelu(&self, bias: &[f32]) -> Vec<f32> {
        let mut dnormed = scratch(self.x.len());
        for ((x, dout, row), dnormed) in self.rows().zip(dnormed.chunks_exact_mut(self.weight.len())) {
            row.apply(x, self.weight, bias, dnormed);
            fused::pull_back(dnormed, dout);
        }
        dnormed
    }

    /// Adds to `dx`, or sets it where it is fresh.
    #[inline(always)]
    pub(crate) fn add_dx(&self, dx: &mut [f32], fresh: bool) {
        let channels = self.weight.len();
        let scale = 1.0 / channels as f32;
        let weight = self.weight;
        for ((x, dout, Row { mean, rstd }), dx) in self.rows().zip(dx.chunks_exact_mut(channels)) {
            let [of_q, of_product] = gradient_sums(x, dout, weight, mean);
            let (shift, slope) = (of_q * scale, of_product * scale * rstd * rstd);
            let (x, dout, dx) = (&x[..channels], &dout[..channels], &mut dx[..channels]);
            for c in 0..channels {
                let before = if fresh { 0.0 } else { dx[c] };
                let of_row = (x[c] - mean).mul_add(-slope, dout[c].mul_add(weight[c], -shift));
                dx[c] = rstd.mul_add(of_row, before);
            }
        }
    }

    /// dweight of the block's rows, then dbias.
    #[inline(always)]
    pub(crate) fn parameter_gradients(&self) -> Vec<f32> {
        let mut partial = vec![0.0f32; 2 * self.weight.len()];
        let (dweight, dbias) = partial.split_at_mut(self.weight.len());
        for (x, dout, Row { mean, rstd }) in self.rows() {
            for ((dweight, dbias), (x, dout)) in dweight.iter_mut().zip(&mut *dbias).zip(x.iter().zip(dout)) {
                *dweight = dout.mul_add((x - mean) * rstd, *dweight);
                *dbias += dout;
            }
        }
        partial
    }
}

/// Σ q and Σ q (x − mean) over one row.
#[inline(always)]
fn gradient_sums(x: &[f32], dout: &[f32], weight: &[f32], mean: f32) -> [f32; 2] {
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (dout_blocks, dout_rest) = dout.as_chunks::<LANES>();
    let (weight_blocks, weight_rest) = weight.as_chunks::<LANES>();
    let (mut of_q, mut of_product) = ([0.0f32; LANES], [0.0f32; LANES]);
    for ((x, dout), weight) in x_blocks.iter().zip(dout_blocks).zip(weight_blocks) {
        for l in 0..LANES {
            let q = dout[l] * weight[l];
            of_q[l] += q;
            of_product[l] = q.mul_add(x[l] - mean, of_product[l]);
        }
    }
    let mut sums = [simd::sum(&of_q), simd::sum(&of_product)];
    for ((x, dout), weight) in x_rest.iter().zip(dout_rest).zip(weight_rest) {
        let q = dout * weight;
        sums[0] += q;
        sums[1] += q * (x - mean);
    }
    sums
}
