//! The CPU kernel: fixed blocks of rows; statistics are formed again in backward, from rows that lie in the cache anyway.

use rayon::prelude::*;

use super::ScalarNorm;
use crate::op::{CpuOp, Gradient};
use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 14;

impl CpuOp for ScalarNorm {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let ([x, gain, shift], channels) = (inputs, self.channels) else { unreachable!("three inputs") };
        if x.is_empty() {
            return;
        }
        let block = threads::block_rows(channels, BLOCK) * channels;
        outputs[0].par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(out, x)| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                        let [mean, rstd] = statistics(x);
                        let (scale, centre) = (gain[0] * rstd, mean - shift[0]);
                        out.iter_mut().zip(x).for_each(|(out, x)| *out = scale * (x - centre));
                    }
                },
            );
        });
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let ([x, gain, shift], [dx, dgain, dshift]) = (inputs, dinputs) else { unreachable!("three inputs") };
        if x.is_empty() {
            return;
        }
        let block = threads::block_rows(self.channels, BLOCK) * self.channels;
        let fresh = dx.as_ref().is_some_and(Gradient::is_fresh);
        let mut dx_blocks = dx.iter_mut().flat_map(|dx| dx.chunks_mut(block));
        let dx_blocks: Vec<Option<&mut [f32]>> = x.chunks(block).map(|_| dx_blocks.next()).collect();
        let operands = x.par_chunks(block).zip(doutputs[0].par_chunks(block));
        // One pair of sums per block, added in the blocks' order.
        let partials: Vec<[f64; 2]> = dx_blocks
            .into_par_iter()
            .zip(operands)
            .map(|(dx, (x, dout))| {
                let block = Block { x, dout, gain: gain[0], shift: shift[0], channels: self.channels };
                simd::dispatch(
                    #[inline(always)]
                    || block.pull_back(dx, fresh),
                )
            })
            .collect();
        for (gradient, index) in [(dgain, 0), (dshift, 1)] {
            if let Some(gradient) = gradient {
                gradient[0] += partials.iter().map(|partial| partial[index]).sum::<f64>() as f32;
            }
        }
    }
}

/// Mean and inverse deviation of a row.
#[inline(always)]
fn statistics(x: &[f32]) -> [f32; 2] {
    let mean = simd::sum(x) / x.len() as f32;
    [mean, 1.0 / (simd::squared_differences(x, mean) / x.len() as f32).sqrt()]
}

/// Some rows on their way back.
struct Block<'a> {
    x: &'a [f32],
    dout: &'a [f32],
    gain: f32,
    shift: f32,
    channels: usize,
}

impl Block<'_> {
    /// Adds to dx, where it is wanted, or sets it; what the rows add to the gain's gradient and to the shift's.
    #[inline(always)]
    fn pull_back(&self, dx: Option<&mut [f32]>, fresh: bool) -> [f64; 2] {
        let (channels, scale) = (self.channels, 1.0 / self.channels as f32);
        let mut sums = [0.0f64; 2];
        let mut dx = dx;
        for (row, (x, dout)) in
            self.x.chunks_exact(channels).zip(self.dout.chunks_exact(channels)).enumerate()
        {
            let [mean, rstd] = statistics(x);
            // Σ dout (x − μ + m) = Σ dout (x − μ) + m Σ dout.
            let of_dout = simd::sum(dout);
            let along = self.shift.mul_add(of_dout, centred_dot(dout, x, mean));
            sums[0] += f64::from(rstd * along);
            sums[1] += f64::from(self.gain * rstd * of_dout);
            let Some(dx) = &mut dx else { continue };
            let (factor, level, slope) = (self.gain * rstd, of_dout * scale, along * scale * rstd * rstd);
            for ((dx, x), dout) in dx[row * channels..][..channels].iter_mut().zip(x).zip(dout) {
                let before = if fresh { 0.0 } else { *dx };
                *dx = factor.mul_add((x - mean).mul_add(-slope, dout - level), before);
            }
        }
        sums
    }
}

/// Σ a (x − mean), in running lanes.
#[inline(always)]
fn centred_dot(a: &[f32], x: &[f32], mean: f32) -> f32 {
    const LANES: usize = 64;
    let ((a_blocks, a_rest), (x_blocks, x_rest)) = (a.as_chunks::<LANES>(), x.as_chunks::<LANES>());
    let mut lanes = [0.0f32; LANES];
    for (a, x) in a_blocks.iter().zip(x_blocks) {
        for l in 0..LANES {
            lanes[l] = a[l].mul_add(x[l] - mean, lanes[l]);
        }
    }
    for ((lane, a), x) in lanes.iter_mut().zip(a_rest).zip(x_rest) {
        *lane = a.mul_add(x - mean, *lane);
    }
    simd::sum(&lanes)
}
