//! The CPU kernel: statistics, then one pass that applies them; fixed stretches of frames over the threads.

use std::borrow::Cow;

use rayon::prelude::*;

use super::GroupNorm;
use super::statistics::{FRAMES, Group, of_sequence};
use crate::device::scratch;
use crate::gelu::fused;
use crate::op::{CpuOp, Gradient, Held};
use crate::simd;

/// The groups of every sequence.
#[derive(Default)]
pub struct Saved(pub(super) Vec<Vec<Group>>);

impl Held for Saved {
    fn held_bytes(&self) -> usize {
        self.0.iter().map(Held::held_bytes).sum()
    }
}

impl CpuOp for GroupNorm {
    type Saved = Saved;

    fn keeps_input(&self, index: usize) -> bool {
        index != 2 || self.gelu
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Saved {
        let [x, weight, bias] = inputs else { unreachable!("three inputs") };
        if x.is_empty() {
            return Saved::default();
        }
        let (channels, sequence) = (weight.len(), self.time * weight.len());
        let groups: Vec<Vec<Group>> = outputs[0]
            .par_chunks_mut(sequence)
            .zip(x.par_chunks(sequence))
            .map(|(out, x)| {
                let groups = of_sequence(x, channels, self.groups, self.eps);
                let affine = Affine::new(&groups, weight, bias);
                let stretches = out.par_chunks_mut(FRAMES * channels).zip(x.par_chunks(FRAMES * channels));
                stretches.for_each(|(out, x)| affine.apply(x, out, self.gelu));
                groups
            })
            .collect();
        if save { Saved(groups) } else { Saved::default() }
    }

    fn backward(
        &self,
        saved: Saved,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let ([x, weight, bias], [dx, dweight, dbias]) = (inputs, dinputs) else {
            unreachable!("three inputs")
        };
        if x.is_empty() {
            return;
        }
        let sequence = self.time * weight.len();
        let dout = match self.gelu {
            true => Cow::Owned(self.before_gelu(&saved, [x, weight, bias], doutputs[0])),
            false => Cow::Borrowed(doutputs[0]),
        };
        let mut dx_sequences = dx.iter_mut().flat_map(|dx| dx.chunks_mut(sequence));
        let dx_sequences: Vec<Option<&mut [f32]>> = x.chunks(sequence).map(|_| dx_sequences.next()).collect();
        let partials: Vec<Sums> = dx_sequences
            .into_par_iter()
            .zip(x.par_chunks(sequence).zip(dout.par_chunks(sequence)))
            .zip(&saved.0)
            .map(|((dx, (x, dout)), groups)| {
                let sums = Sums::new(x, dout, groups, weight.len());
                if let Some(dx) = dx {
                    Pullback::new(&sums, groups, weight, self.time).add(x, dout, dx);
                }
                sums
            })
            .collect();
        for sums in &partials {
            if let Some(dweight) = dweight {
                dweight.iter_mut().zip(&sums.with_hat).for_each(|(sum, part)| *sum += *part as f32);
            }
            if let Some(dbias) = dbias {
                dbias.iter_mut().zip(&sums.plain).for_each(|(sum, part)| *sum += *part as f32);
            }
        }
    }
}

impl GroupNorm {
    /// The gradient of what goes into GELU.
    fn before_gelu(&self, saved: &Saved, [x, weight, bias]: [&[f32]; 3], dout: &[f32]) -> Vec<f32> {
        let (sequence, stretch) = (self.time * weight.len(), FRAMES * weight.len());
        let mut dnormed = scratch(x.len());
        let operands = x.par_chunks(sequence).zip(dout.par_chunks(sequence)).zip(&saved.0);
        dnormed.par_chunks_mut(sequence).zip(operands).for_each(|(dnormed, ((x, dout), groups))| {
            let affine = Affine::new(groups, weight, bias);
            let operands = x.par_chunks(stretch).zip(dout.par_chunks(stretch));
            dnormed.par_chunks_mut(stretch).zip(operands).for_each(|(dnormed, (x, dout))| {
                affine.apply(x, dnormed, false);
                simd::dispatch(
                    #[inline(always)]
                    || fused::pull_back(dnormed, dout),
                );
            });
        });
        dnormed
    }
}

/// The group of each channel.
fn by_channel(groups: &[Group], channels: usize) -> impl Iterator<Item = Group> {
    let size = channels / groups.len();
    groups.iter().flat_map(move |&group| std::iter::repeat_n(group, size))
}

/// out = (x − centre) scale + shift for each channel. The centre is the mean rounded to f32; what rounding took is in the shift.
pub(crate) struct Affine {
    centre: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Affine {
    pub(crate) fn new(groups: &[Group], weight: &[f32], bias: &[f32]) -> Self {
        let channels = weight.len();
        let (mut centre, mut scale, mut shift) =
            (Vec::with_capacity(channels), Vec::with_capacity(channels), Vec::with_capacity(channels));
        for ((Group { mean, rstd }, &weight), &bias) in by_channel(groups, channels).zip(weight).zip(bias) {
            let rounded = mean as f32;
            let slope = rstd * f64::from(weight);
            centre.push(rounded);
            scale.push(slope as f32);
            shift.push((f64::from(bias) - (mean - f64::from(rounded)) * slope) as f32);
        }
        Affine { centre, scale, shift }
    }

    /// Turns frames into their GELU(norm) where they lie.
    pub(crate) fn apply_within(&self, x: &mut [f32]) {
        let n = self.centre.len();
        let (centre, scale, shift) = (&self.centre[..n], &self.scale[..n], &self.shift[..n]);
        simd::dispatch(
            #[inline(always)]
            || {
                for x in x.chunks_exact_mut(n) {
                    for c in 0..n {
                        x[c] = (x[c] - centre[c]).mul_add(scale[c], shift[c]);
                    }
                    fused::activate_within(x);
                }
            },
        );
    }

    fn apply(&self, x: &[f32], out: &mut [f32], gelu: bool) {
        let n = self.centre.len();
        let (centre, scale, shift) = (&self.centre[..n], &self.scale[..n], &self.shift[..n]);
        simd::dispatch(
            #[inline(always)]
            || {
                for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                    for c in 0..n {
                        out[c] = (x[c] - centre[c]).mul_add(scale[c], shift[c]);
                    }
                    if gelu {
                        fused::activate_within(out);
                    }
                }
            },
        );
    }
}

/// Sums over the frames of one sequence, for each channel.
struct Sums {
    /// Σ_t dout
    plain: Vec<f64>,
    /// Σ_t dout x̂
    with_hat: Vec<f64>,
}

impl Sums {
    fn new(x: &[f32], dout: &[f32], groups: &[Group], channels: usize) -> Self {
        let centre: Vec<f32> = by_channel(groups, channels).map(|group| group.mean as f32).collect();
        let len = FRAMES * channels;
        let stretches: Vec<Vec<f32>> =
            x.par_chunks(len).zip(dout.par_chunks(len)).map(|(x, dout)| sums(x, dout, &centre)).collect();
        let mut total = vec![0.0f64; 2 * channels];
        for stretch in &stretches {
            total.iter_mut().zip(stretch).for_each(|(total, &sum)| *total += f64::from(sum));
        }
        let mut with_hat = total.split_off(channels);
        let each = with_hat.iter_mut().zip(&total).zip(by_channel(groups, channels));
        for ((with_hat, plain), Group { mean, rstd }) in each {
            *with_hat = (*with_hat - (mean - f64::from(mean as f32)) * plain) * rstd;
        }
        Sums { plain: total, with_hat }
    }
}

/// Σ dout, then Σ dout (x − centre), of a stretch of frames.
fn sums(x: &[f32], dout: &[f32], centre: &[f32]) -> Vec<f32> {
    let n = centre.len();
    let mut both = vec![0.0f32; 2 * n];
    let (plain, centred) = both.split_at_mut(n);
    simd::dispatch(
        #[inline(always)]
        || {
            for (x, dout) in x.chunks_exact(n).zip(dout.chunks_exact(n)) {
                for c in 0..n {
                    plain[c] += dout[c];
                    centred[c] = dout[c].mul_add(x[c] - centre[c], centred[c]);
                }
            }
        },
    );
    both
}

/// dx = dout scale − (x − centre) slope − shift for each channel of one sequence.
struct Pullback {
    centre: Vec<f32>,
    scale: Vec<f32>,
    slope: Vec<f32>,
    shift: Vec<f32>,
}

impl Pullback {
    fn new(sums: &Sums, groups: &[Group], weight: &[f32], time: usize) -> Self {
        let (channels, size) = (weight.len(), weight.len() / groups.len());
        let elements = (time * size) as f64;
        let mean_of_q = |sums: &[f64], group: usize| {
            let channels = group * size..(group + 1) * size;
            channels.map(|c| sums[c] * f64::from(weight[c])).sum::<f64>() / elements
        };
        let new = || Vec::with_capacity(channels);
        let mut made = Pullback { centre: new(), scale: new(), slope: new(), shift: new() };
        for (g, &Group { mean, rstd }) in groups.iter().enumerate() {
            let rounded = mean as f32;
            let slope = rstd * rstd * mean_of_q(&sums.with_hat, g);
            let shift = rstd * mean_of_q(&sums.plain, g) - (mean - f64::from(rounded)) * slope;
            for weight in &weight[g * size..(g + 1) * size] {
                made.centre.push(rounded);
                made.scale.push((rstd * f64::from(*weight)) as f32);
                made.slope.push(slope as f32);
                made.shift.push(shift as f32);
            }
        }
        made
    }

    fn add(&self, x: &[f32], dout: &[f32], dx: &mut [f32]) {
        let n = self.centre.len();
        let (centre, scale) = (&self.centre[..n], &self.scale[..n]);
        let (slope, shift) = (&self.slope[..n], &self.shift[..n]);
        let operands = x.par_chunks(FRAMES * n).zip(dout.par_chunks(FRAMES * n));
        dx.par_chunks_mut(FRAMES * n).zip(operands).for_each(|(dx, (x, dout))| {
            simd::dispatch(
                #[inline(always)]
                || {
                    let frames = x.chunks_exact(n).zip(dout.chunks_exact(n));
                    for (dx, (x, dout)) in dx.chunks_exact_mut(n).zip(frames) {
                        for c in 0..n {
                            let of_row = (x[c] - centre[c]).mul_add(-slope[c], -shift[c]);
                            dx[c] += dout[c].mul_add(scale[c], of_row);
                        }
                    }
                },
            );
        });
    }
}
