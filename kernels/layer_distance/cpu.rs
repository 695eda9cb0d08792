//! The CPU kernel: bound by memory, so each frame is read from it once; its statistics are formed again in backward.

use super::LayerDistance;
use crate::cross_entropy::rows;
use crate::kl_divergence::frames::Frames;
use crate::op::{CpuOp, Gradient};
use crate::simd;

impl CpuOp for LayerDistance {
    type Saved = ();

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let frames = Frames { student: inputs[0], teacher: inputs[1], weights: &self.weights };
        let total = frames.weighted_sum(
            #[inline(always)]
            |student, teacher| distance(student, teacher, self.eps),
        );
        outputs[0][0] = total as f32;
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let Some(dstudent) = dinputs[0].as_deref_mut() else { return };
        let frames = Frames { student: inputs[0], teacher: inputs[1], weights: &self.weights };
        let dout = doutputs[0][0];
        frames.add_gradients(
            dstudent,
            #[inline(always)]
            |student, teacher, weight, dframe| {
                add_gradient(student, teacher, self.eps, dout * weight, dframe);
            },
        );
    }
}

/// What turns x into LN₀(x) = (x − mean) · inverse_std.
#[derive(Clone, Copy)]
struct Norm {
    mean: f32,
    inverse_std: f32,
}

impl Norm {
    #[inline(always)]
    fn of(row: &[f32], eps: f32) -> Self {
        let channels = row.len() as f32;
        let mean = simd::sum(row) / channels;
        let squares = rows::sum_of(
            row,
            #[inline(always)]
            |x| (x - mean) * (x - mean),
        );
        Norm { mean, inverse_std: 1.0 / (squares / channels + eps).sqrt() }
    }

    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        (x - self.mean) * self.inverse_std
    }
}

/// mean_C (t̂ − ŝ)² of one frame.
#[inline(always)]
fn distance(student: &[f32], teacher: &[f32], eps: f32) -> f32 {
    let (norm_s, norm_t) = (Norm::of(student, eps), Norm::of(teacher, eps));
    let squares = rows::sum_of_pairs(
        student,
        teacher,
        #[inline(always)]
        |s, t| {
            let difference = norm_t.apply(t) - norm_s.apply(s);
            difference * difference
        },
    );
    squares / student.len() as f32
}

/// `dframe` += factor (2/C) ρ (d − ŝ mean_C(d ŝ)).
#[inline(always)]
fn add_gradient(student: &[f32], teacher: &[f32], eps: f32, factor: f32, dframe: &mut [f32]) {
    let (norm_s, norm_t) = (Norm::of(student, eps), Norm::of(teacher, eps));
    let products = rows::sum_of_pairs(
        student,
        teacher,
        #[inline(always)]
        |s, t| {
            let s = norm_s.apply(s);
            s * (s - norm_t.apply(t))
        },
    );
    let along = products / student.len() as f32;
    let factor = factor * 2.0 / student.len() as f32 * norm_s.inverse_std;
    for (dx, (&s, &t)) in dframe.iter_mut().zip(student.iter().zip(teacher)) {
        let s = norm_s.apply(s);
        *dx += factor * (s - norm_t.apply(t) - s * along);
    }
}
