//! The CPU kernel: classes in the vector lanes; the two softmaxes are formed again in backward.

use super::KlDivergence;
use super::frames::Frames;
use crate::cross_entropy::rows;
use crate::op::{CpuOp, Gradient};
use crate::simd;

impl CpuOp for KlDivergence {
    type Saved = ();

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let frames = Frames { student: inputs[0], teacher: inputs[1], weights: &self.weights };
        let scale = 1.0 / self.temperature;
        let total = frames.weighted_sum(
            #[inline(always)]
            |student, teacher| divergence(student, teacher, scale),
        );
        outputs[0][0] = total as f32;
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let Some(dstudent) = dinputs[0].as_deref_mut() else { return };
        let frames = Frames { student: inputs[0], teacher: inputs[1], weights: &self.weights };
        let scale = 1.0 / self.temperature;
        let dout = doutputs[0][0] * scale;
        frames.add_gradients(
            dstudent,
            #[inline(always)]
            |student, teacher, weight, dframe| add_gradient(student, teacher, scale, dout * weight, dframe),
        );
    }
}

/// Σ_v p_v (ln p_v − ln q_v) of one frame.
#[inline(always)]
fn divergence(student: &[f32], teacher: &[f32], scale: f32) -> f32 {
    let log_sum_t = rows::log_sum_exp(teacher, scale) as f32;
    let log_sum_s = rows::log_sum_exp(student, scale) as f32;
    rows::sum_of_pairs(
        student,
        teacher,
        #[inline(always)]
        |s, t| {
            let log_p = t * scale - log_sum_t;
            let p = simd::exp(log_p);
            // A class that the teacher excludes (logit −∞) has p ln p = 0; NaN stays NaN.
            if p == 0.0 { 0.0 } else { p * (log_p - (s * scale - log_sum_s)) }
        },
    )
}

/// `dframe` += factor (q − p).
#[inline(always)]
fn add_gradient(student: &[f32], teacher: &[f32], scale: f32, factor: f32, dframe: &mut [f32]) {
    let log_sum_t = rows::log_sum_exp(teacher, scale) as f32;
    let log_sum_s = rows::log_sum_exp(student, scale) as f32;
    for (dx, (s, t)) in dframe.iter_mut().zip(student.iter().zip(teacher)) {
        let (p, q) = (simd::exp(t * scale - log_sum_t), simd::exp(s * scale - log_sum_s));
        *dx += factor * (q - p);
    }
}
