//! The CPU kernels: one sequence per task, whole frames copied or added.

use rayon::prelude::*;

use super::{Batch, FirstFrame, MeanPool, ReversePadded, ZeroPadding};
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Frames summed before the sum joins the total, so that long sequences lose no precision.
const FRAMES: usize = 64;

impl CpuOp for ZeroPadding {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        self.0.for_each(inputs[0], outputs[0], |len, x, out| {
            let valid = len * self.0.channels;
            out[..valid].copy_from_slice(&x[..valid]);
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let Some(dx) = &mut dinputs[0] else { return };
        self.0.for_each(doutputs[0], dx, |len, dout, dx| {
            let valid = len * self.0.channels;
            add(&mut dx[..valid], &dout[..valid]);
        });
    }
}

impl CpuOp for ReversePadded {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let channels = self.0.channels;
        self.0.for_each(inputs[0], outputs[0], |len, x, out| {
            let frames = x[..len * channels].chunks_exact(channels).rev();
            out.chunks_exact_mut(channels).zip(frames).for_each(|(out, x)| out.copy_from_slice(x));
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let Some(dx) = &mut dinputs[0] else { return };
        let channels = self.0.channels;
        self.0.for_each(doutputs[0], dx, |len, dout, dx| {
            let frames = dout[..len * channels].chunks_exact(channels).rev();
            dx.chunks_exact_mut(channels).zip(frames).for_each(|(dx, dout)| add(dx, dout));
        });
    }
}

impl Batch {
    /// Hands `work` each sequence: its valid length, its elements in `from` and in `to`.
    fn for_each(&self, from: &[f32], to: &mut [f32], work: impl Fn(usize, &[f32], &mut [f32]) + Sync) {
        if to.is_empty() {
            return;
        }
        let sequences = to.par_chunks_mut(self.sequence()).zip(from.par_chunks(self.sequence()));
        sequences.zip(&self.lens).for_each(|((to, from), &len)| work(len, from, to));
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
                frames.chunks_exact(*channels).for_each(|frame| add(&mut sum, frame));
                add(out, &sum);
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
            dx[..len * channels].chunks_exact_mut(*channels).for_each(|dx| add(dx, &share));
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
            add(&mut dx[..self.channels], dout);
        }
    }
}

/// `to += from`.
fn add(to: &mut [f32], from: &[f32]) {
    simd::dispatch(
        #[inline(always)]
        || {
            for (to, from) in to.iter_mut().zip(from) {
                *to += from;
            }
        },
    );
}
