//! The CPU kernel: a task takes a few neighbouring channels, so that whole pieces of rows are gathered and scattered, and every sequence of them.

use rayon::prelude::*;
use realfft::num_complex::Complex32;

use super::FftConv;
use crate::device::scratch;
use crate::fft::{Scratch, Transforms};
use crate::op::{CpuOp, Gradient};
use crate::simd;
use crate::ssd::columns;

/// Channels of a task: a cache line of each row.
const CHANNELS: usize = 16;

impl CpuOp for FftConv {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let [u, k, d] = inputs else { unreachable!("three inputs") };
        if u.is_empty() {
            return;
        }
        let call = Call::new(self);
        let rows = call.by_task(Some(&mut *outputs[0]), u.len());
        rows.into_par_iter().enumerate().for_each_init(
            || call.transforms.scratch(),
            |scratch, (task, mut rows)| {
                let channels = call.channels(task);
                let kernels: Vec<_> = channels.clone().map(|h| call.kernel_spectrum(k, h, scratch)).collect();
                for (b, rows) in rows.iter_mut().enumerate() {
                    let mut panel = call.panel(u, b, channels.clone());
                    for ((signal, kernel), h) in
                        panel.chunks_exact_mut(self.time).zip(&kernels).zip(channels.clone())
                    {
                        call.transform(signal, scratch);
                        times(&mut scratch.spectrum, kernel);
                        call.transforms.inverse_unscaled(scratch);
                        add_direct(signal, d[h], &scratch.signal);
                    }
                    for (t, row) in rows.iter_mut().enumerate() {
                        row.iter_mut().zip(panel[t..].iter().step_by(self.time)).for_each(|(to, y)| *to = *y);
                    }
                }
            },
        );
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let ([u, k, d], [du, dk, dd]) = (inputs, dinputs) else { unreachable!("three inputs") };
        let dy = doutputs[0];
        if dy.is_empty() {
            return;
        }
        let call = Call::new(self);
        let rows = call.by_task(du.as_deref_mut(), u.len());
        let partials: Vec<Vec<Partial>> = rows
            .into_par_iter()
            .enumerate()
            .map_init(
                || call.transforms.scratch(),
                |scratch, (task, mut rows)| call.back([u, k, d, dy], task, &mut rows, scratch),
            )
            .collect();
        for (h, partial) in partials.iter().flatten().enumerate() {
            if let Some(dd) = dd {
                dd[h] += partial.dd as f32;
            }
            let Some(dk) = dk else { continue };
            for (direction, part) in partial.dk.chunks_exact(self.time).enumerate() {
                let to = &mut dk[(direction * self.channels + h) * self.time..][..self.time];
                to.iter_mut().zip(part).for_each(|(to, part)| *to += part);
            }
        }
    }
}

/// What one channel adds to the kernel's and the direct term's gradients.
struct Partial {
    /// [R, L].
    dk: Vec<f32>,
    dd: f64,
}

/// One call and its transforms.
struct Call<'a> {
    op: &'a FftConv,
    /// Of no fewer samples than two signals have.
    transforms: Transforms,
}

impl<'a> Call<'a> {
    fn new(op: &'a FftConv) -> Self {
        Call { op, transforms: Transforms::of(smooth(2 * op.time)) }
    }

    fn widths(&self) -> Vec<usize> {
        let channels = self.op.channels;
        (0..channels).step_by(CHANNELS).map(|first| CHANNELS.min(channels - first)).collect()
    }

    fn channels(&self, task: usize) -> std::ops::Range<usize> {
        task * CHANNELS..((task + 1) * CHANNELS).min(self.op.channels)
    }

    /// The rows of each task's channels, sequence by sequence; none where nobody wants them.
    fn by_task<'d>(&self, data: Option<&'d mut [f32]>, len: usize) -> Vec<Vec<Vec<&'d mut [f32]>>> {
        let widths = self.widths();
        let batch = len / (self.op.time * self.op.channels);
        let parts = columns::split_wanted(data, self.op.time, &widths, batch * widths.len());
        let mut tasks: Vec<Vec<Vec<&mut [f32]>>> = widths.iter().map(|_| Vec::with_capacity(batch)).collect();
        for (index, part) in parts.into_iter().enumerate() {
            tasks[index % widths.len()].push(part);
        }
        tasks
    }

    /// Channels of a sequence, one after the other: [channels, L].
    fn panel(&self, from: &[f32], b: usize, channels: std::ops::Range<usize>) -> Vec<f32> {
        let time = self.op.time;
        let mut panel = scratch(channels.len() * time);
        for (t, row) in
            from[b * time * self.op.channels..].chunks_exact(self.op.channels).take(time).enumerate()
        {
            for (c, value) in row[channels.clone()].iter().enumerate() {
                panel[c * time + t] = *value;
            }
        }
        panel
    }

    /// Fills the spectrum from a signal of L samples.
    fn transform(&self, from: &[f32], scratch: &mut Scratch) {
        let (signal, behind) = scratch.signal.split_at_mut(from.len());
        signal.copy_from_slice(from);
        behind.fill(0.0);
        self.transforms.forward(scratch);
    }

    /// The kernel of channel `h`, both directions in one period; with the scale that the inverse transform leaves out.
    fn kernel_spectrum(&self, k: &[f32], h: usize, scratch: &mut Scratch) -> Vec<Complex32> {
        let (time, channels) = (self.op.time, self.op.channels);
        scratch.signal[..time].copy_from_slice(&k[h * time..][..time]);
        scratch.signal[time..].fill(0.0);
        if self.op.both {
            let ahead = k[(channels + h) * time..][..time].iter();
            scratch.signal.iter_mut().rev().zip(ahead).for_each(|(to, k)| *to = *k);
        }
        self.transforms.forward(scratch);
        let scale = self.transforms.scale();
        scratch.spectrum.iter().map(|k| k * scale).collect()
    }

    /// Adds to the rows of the task's du, and returns what its channels add to dk and dD.
    fn back(
        &self,
        [u, k, d, dy]: [&[f32]; 4],
        task: usize,
        rows: &mut [Vec<&mut [f32]>],
        scratch: &mut Scratch,
    ) -> Vec<Partial> {
        let (time, channels) = (self.op.time, self.channels(task));
        let kernels: Vec<_> = channels.clone().map(|h| self.kernel_spectrum(k, h, scratch)).collect();
        let mut correlations = vec![vec![Complex32::default(); scratch.spectrum.len()]; kernels.len()];
        let mut dd = vec![0.0f64; kernels.len()];
        let mut spectrum = scratch.spectrum.clone();
        for (b, rows) in rows.iter_mut().enumerate() {
            let signals = self.panel(u, b, channels.clone());
            let mut gradients = self.panel(dy, b, channels.clone());
            let pairs = signals.chunks_exact(time).zip(gradients.chunks_exact_mut(time));
            for (c, (signal, gradient)) in pairs.enumerate() {
                dd[c] += f64::from(simd::dispatch(
                    #[inline(always)]
                    || simd::dot(signal, gradient),
                ));
                self.transform(signal, scratch);
                spectrum.copy_from_slice(&scratch.spectrum);
                self.transform(gradient, scratch);
                correlate(&mut correlations[c], &spectrum, &mut scratch.spectrum, &kernels[c]);
                self.transforms.inverse_unscaled(scratch);
                add_direct(gradient, d[channels.start + c], &scratch.signal);
            }
            for (t, row) in rows.iter_mut().enumerate() {
                row.iter_mut().zip(gradients[t..].iter().step_by(time)).for_each(|(to, du)| *to += *du);
            }
        }
        let each = correlations.iter().zip(dd);
        each.map(|(correlation, dd)| Partial { dk: self.kernel_gradient(correlation, scratch), dd }).collect()
    }

    /// dk [R, L] of one channel from the correlation's spectrum.
    fn kernel_gradient(&self, correlation: &[Complex32], scratch: &mut Scratch) -> Vec<f32> {
        scratch.spectrum.copy_from_slice(correlation);
        self.transforms.inverse(scratch);
        let mut dk = scratch.signal[..self.op.time].to_vec();
        if self.op.both {
            dk.extend(scratch.signal.iter().rev().take(self.op.time));
        }
        dk
    }
}

/// a ← a k, term by term.
fn times(a: &mut [Complex32], k: &[Complex32]) {
    simd::dispatch(
        #[inline(always)]
        || {
            a.iter_mut().zip(k).for_each(
                #[inline(always)]
                |(a, k)| *a = product(*a, *k),
            )
        },
    );
}

/// sum ← sum + ū dy and dy ← dy k̄, term by term.
fn correlate(sum: &mut [Complex32], u: &[Complex32], dy: &mut [Complex32], k: &[Complex32]) {
    simd::dispatch(
        #[inline(always)]
        || {
            for ((sum, u), (dy, k)) in sum.iter_mut().zip(u).zip(dy.iter_mut().zip(k)) {
                *sum += product(*dy, u.conj());
                *dy = product(*dy, k.conj());
            }
        },
    );
}

/// u ← d u + y.
fn add_direct(u: &mut [f32], d: f32, y: &[f32]) {
    simd::dispatch(
        #[inline(always)]
        || {
            u.iter_mut().zip(y).for_each(
                #[inline(always)]
                |(u, y)| *u = d.mul_add(*u, *y),
            )
        },
    );
}

/// a b.
#[inline(always)]
fn product(a: Complex32, b: Complex32) -> Complex32 {
    Complex32::new(a.re.mul_add(b.re, -(a.im * b.im)), a.re.mul_add(b.im, a.im * b.re))
}

/// The next even number from `least` on without a prime factor above 5.
fn smooth(least: usize) -> usize {
    let rest = |mut n: usize| {
        for prime in [2, 3, 5] {
            while n.is_multiple_of(prime) {
                n /= prime;
            }
        }
        n
    };
    (least.max(2)..).find(|&n| n % 2 == 0 && rest(n) == 1).unwrap_or(least)
}
