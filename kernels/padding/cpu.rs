//! The CPU kernels: some hundred frames of a sequence per task, copied or added whole.

use std::ops::Range;

use rayon::prelude::*;

use super::{Batch, FirstFrame, MeanPool, ReversePadded, ZeroPadding};
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Frames of one task.
const PIECE: usize = 256;
/// Frames summed before the sum joins the total, so that long sequences lose no precision.
const FRAMES: usize = 64;

impl CpuOp for ZeroPadding {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        self.keep(inputs[0], outputs[0]);
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        match &mut dinputs[0] {
            Some(dx) if dx.is_fresh() => self.keep(doutputs[0], dx),
            Some(dx) => self.0.for_each(doutputs[0], dx, |Piece { valid, .. }, dout, dx| {
                simd::add(&mut dx[..valid.len()], &dout[valid]);
            }),
            None => {}
        }
    }
}

impl ZeroPadding {
    /// Valid frames as they are, zeros behind them.
    fn keep(&self, from: &[f32], to: &mut [f32]) {
        self.0.for_each(from, to, |Piece { valid, .. }, from, to| {
            let (kept, padding) = to.split_at_mut(valid.len());
            kept.copy_from_slice(&from[valid]);
            padding.fill(0.0);
        });
    }
}

impl CpuOp for ReversePadded {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        self.reverse(inputs[0], outputs[0]);
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let channels = self.0.channels;
        match &mut dinputs[0] {
            Some(dx) if dx.is_fresh() => self.reverse(doutputs[0], dx),
            Some(dx) => self.0.for_each(doutputs[0], dx, |Piece { mirrored, .. }, dout, dx| {
                let frames = dout[mirrored].chunks_exact(channels).rev();
                dx.chunks_exact_mut(channels).zip(frames).for_each(|(dx, dout)| simd::add(dx, dout));
            }),
            None => {}
        }
    }
}

impl ReversePadded {
    /// Valid frames last to first, zeros behind them.
    fn reverse(&self, from: &[f32], to: &mut [f32]) {
        let channels = self.0.channels;
        self.0.for_each(from, to, |Piece { mirrored, .. }, from, to| {
            let (valid, padding) = to.split_at_mut(mirrored.len());
            let frames = from[mirrored].chunks_exact(channels).rev();
            valid.chunks_exact_mut(channels).zip(frames).for_each(|(to, from)| to.copy_from_slice(from));
            padding.fill(0.0);
        });
    }
}

/// Some frames of a sequence: where its elements are that belong to the valid ones among them.
struct Piece {
    /// In their own place.
    valid: Range<usize>,
    /// In their place when the valid part is turned round.
    mirrored: Range<usize>,
}

impl Batch {
    /// Hands `work` every piece of `to`, and the sequence in `from` that it belongs to.
    fn for_each(&self, from: &[f32], to: &mut [f32], work: impl Fn(Piece, &[f32], &mut [f32]) + Sync) {
        if to.is_empty() {
            return;
        }
        let sequences = to.par_chunks_mut(self.sequence()).zip(from.par_chunks(self.sequence()));
        sequences.zip(&self.lens).for_each(|((to, from), &len)| {
            let (piece, end) = (PIECE * self.channels, len * self.channels);
            to.par_chunks_mut(piece).enumerate().for_each(|(index, to)| {
                let first = (index * piece).min(end);
                let last = (first + to.len()).min(end);
                work(Piece { valid: first..last, mirrored: end - last..end - first }, from, to);
            });
        });
    }
}

impl CpuOp for MeanPool {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let Batch { lens, channels, .. } = &self.0;
        if inputs[0].is_empty() {
            return;
        }
        let sequences = inputs[0].par_chunks(self.0.sequence()).zip(lens);
        outputs[0].par_chunks_mut(*channels).zip(sequences).for_each(|(out, (x, &len))| {
            for frames in x[..len * channels].chunks(FRAMES * channels) {
                let mut sum = vec![0.0; *channels];
                frames.chunks_exact(*channels).for_each(|frame| simd::add(&mut sum, frame));
                simd::add(out, &sum);
            }
            out.iter_mut().for_each(|out| *out /= len.max(1) as f32);
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (Some(dx), Batch { lens, channels, .. }) = (&mut dinputs[0], &self.0) else { return };
        if dx.is_empty() {
            return;
        }
        let doutputs = doutputs[0].par_chunks(*channels).zip(lens);
        dx.par_chunks_mut(self.0.sequence()).zip(doutputs).for_each(|(dx, (dout, &len))| {
            let share: Vec<f32> = dout.iter().map(|dout| dout / len as f32).collect();
            dx[..len * channels].chunks_exact_mut(*channels).for_each(|dx| simd::add(dx, &share));
        });
    }
}

impl CpuOp for FirstFrame {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        if outputs[0].is_empty() {
            return;
        }
        let sequences = inputs[0].chunks_exact(self.sequence);
        for (out, x) in outputs[0].chunks_exact_mut(self.channels).zip(sequences) {
            out.copy_from_slice(&x[..self.channels]);
        }
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let Some(dx) = &mut dinputs[0] else { return };
        if dx.is_empty() {
            return;
        }
        let doutputs = doutputs[0].chunks_exact(self.channels);
        for (dx, dout) in dx.chunks_exact_mut(self.sequence).zip(doutputs) {
            simd::add(&mut dx[..self.channels], dout);
        }
    }
}
