//! The CPU kernel: a task takes a few neighbouring channels, so that whole pieces of rows are gathered and scattered, and every sequence of them.

use std::sync::Arc;

use rayon::prelude::*;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::FftConv;
use crate::op::{CpuOp, Gradient};
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
            || call.scratch(),
            |scratch, (task, mut rows)| {
                for (at, h) in call.channels(task).enumerate() {
                    let kernel = call.kernel_spectrum(k, h, scratch);
                    for (b, rows) in rows.iter_mut().enumerate() {
                        call.gather(u, b, h, scratch);
                        let signal = call.transform(scratch);
                        let product = signal.iter().zip(&kernel).map(|(u, k)| u * k);
                        call.restore(product, scratch);
                        for (t, (row, y)) in rows.iter_mut().zip(&scratch.signal).enumerate() {
                            row[at] = d[h].mul_add(u[call.at(b, t, h)], *y);
                        }
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
                || call.scratch(),
                |scratch, (task, mut rows)| {
                    let channels = call.channels(task).enumerate();
                    channels
                        .map(|(at, h)| call.channel_back([u, k, dy], d[h], h, (at, &mut rows), scratch))
                        .collect()
                },
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

/// Buffers of a thread.
struct Scratch {
    /// A signal with zeros behind it.
    signal: Vec<f32>,
    spectrum: Vec<Complex32>,
    work: Vec<Complex32>,
}

/// The transforms of one call.
struct Call<'a> {
    op: &'a FftConv,
    /// Samples of a transform: no fewer than two signals have.
    len: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

impl<'a> Call<'a> {
    fn new(op: &'a FftConv) -> Self {
        let len = smooth(2 * op.time);
        let mut planner = RealFftPlanner::new();
        Call { op, len, forward: planner.plan_fft_forward(len), inverse: planner.plan_fft_inverse(len) }
    }

    fn scratch(&self) -> Scratch {
        let work = self.forward.get_scratch_len().max(self.inverse.get_scratch_len());
        Scratch {
            signal: vec![0.0; self.len],
            spectrum: vec![Complex32::default(); self.len / 2 + 1],
            work: vec![Complex32::default(); work],
        }
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

    /// Where sample `t` of channel `h` of sequence `b` lies.
    fn at(&self, b: usize, t: usize, h: usize) -> usize {
        (b * self.op.time + t) * self.op.channels + h
    }

    /// A channel into the signal, zeros behind it.
    fn gather(&self, from: &[f32], b: usize, h: usize, scratch: &mut Scratch) {
        let (signal, behind) = scratch.signal.split_at_mut(self.op.time);
        let values = from[self.at(b, 0, h)..].iter().step_by(self.op.channels);
        signal.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
        behind.fill(0.0);
    }

    /// The signal's spectrum; the signal is left in disorder.
    fn transform<'s>(&self, scratch: &'s mut Scratch) -> &'s [Complex32] {
        let Scratch { signal, spectrum, work } = scratch;
        let done = self.forward.process_with_scratch(signal, spectrum, work);
        debug_assert!(done.is_ok(), "the lengths are the plan's");
        spectrum
    }

    /// The kernel of channel `h`, both directions in one period.
    fn kernel_spectrum(&self, k: &[f32], h: usize, scratch: &mut Scratch) -> Vec<Complex32> {
        let (time, channels) = (self.op.time, self.op.channels);
        scratch.signal[..time].copy_from_slice(&k[h * time..][..time]);
        scratch.signal[time..].fill(0.0);
        if self.op.both {
            let ahead = k[(channels + h) * time..][..time].iter();
            scratch.signal.iter_mut().rev().zip(ahead).for_each(|(to, k)| *to = *k);
        }
        self.transform(scratch).to_vec()
    }

    /// The signal whose spectrum is given.
    fn restore(&self, spectrum: impl Iterator<Item = Complex32>, scratch: &mut Scratch) {
        let Scratch { signal, spectrum: room, work } = scratch;
        let spectrum: Vec<Complex32> = spectrum.collect();
        room.copy_from_slice(&spectrum);
        // What rounding left: these two are real.
        room[0].im = 0.0;
        if self.len.is_multiple_of(2) {
            room[self.len / 2].im = 0.0;
        }
        let done = self.inverse.process_with_scratch(room, signal, work);
        debug_assert!(done.is_ok(), "the lengths are the plan's");
        let scale = 1.0 / self.len as f32;
        signal.iter_mut().for_each(|x| *x *= scale);
    }

    /// Adds to the channel's du, column `at` of `rows`, and returns what it adds to dk and dD.
    fn channel_back(
        &self,
        [u, k, dy]: [&[f32]; 3],
        d: f32,
        h: usize,
        (at, rows): (usize, &mut [Vec<&mut [f32]>]),
        scratch: &mut Scratch,
    ) -> Partial {
        let kernel = self.kernel_spectrum(k, h, scratch);
        let mut correlation = vec![Complex32::default(); kernel.len()];
        let mut dd = 0.0;
        for (b, rows) in rows.iter_mut().enumerate() {
            self.gather(u, b, h, scratch);
            let signal = self.transform(scratch).to_vec();
            self.gather(dy, b, h, scratch);
            let gradient = self.transform(scratch).to_vec();
            for ((sum, u), dy) in correlation.iter_mut().zip(&signal).zip(&gradient) {
                *sum += u.conj() * dy;
            }
            self.restore(gradient.iter().zip(&kernel).map(|(dy, k)| dy * k.conj()), scratch);
            for (t, (row, du)) in rows.iter_mut().zip(&scratch.signal).enumerate() {
                row[at] += d.mul_add(dy[self.at(b, t, h)], *du);
            }
            let products = (0..self.op.time).map(|t| self.at(b, t, h));
            dd += products.map(|at| f64::from(dy[at]) * f64::from(u[at])).sum::<f64>();
        }
        self.restore(correlation.into_iter(), scratch);
        let mut dk = scratch.signal[..self.op.time].to_vec();
        if self.op.both {
            dk.extend(scratch.signal.iter().rev().take(self.op.time));
        }
        Partial { dk, dd }
    }
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
