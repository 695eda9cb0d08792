//! The walk that the distillation losses share: every frame of a student beside its teacher's, with its weight.
//!
//! A frame of weight 0 is not read. Blocks of frames have a fixed size and their sums are added in order.

use rayon::prelude::*;

use crate::{simd, threads};

/// Elements per task.
const BLOCK: usize = 1 << 14;

/// Two arrays of frames, [weights.len(), width] each.
pub(crate) struct Frames<'a> {
    pub student: &'a [f32],
    pub teacher: &'a [f32],
    pub weights: &'a [f32],
}

impl Frames<'_> {
    /// Σ weight · loss(student frame, teacher frame). The loss must be `#[inline(always)]`.
    pub fn weighted_sum(&self, loss: impl Fn(&[f32], &[f32]) -> f32 + Sync) -> f64 {
        if self.student.is_empty() {
            return 0.0;
        }
        let width = self.width();
        let block = threads::block_rows(width, BLOCK);
        let students = self.student.par_chunks(block * width);
        let teachers = self.teacher.par_chunks(block * width);
        let parts: Vec<f64> = students
            .zip(teachers)
            .zip(self.weights.par_chunks(block))
            .map(|((student, teacher), weights)| {
                simd::dispatch(
                    #[inline(always)]
                    || {
                        let mut sum = 0.0f64;
                        for (r, &weight) in weights.iter().enumerate() {
                            if weight != 0.0 {
                                let span = r * width..(r + 1) * width;
                                let loss = loss(&student[span.clone()], &teacher[span]);
                                sum += f64::from(weight) * f64::from(loss);
                            }
                        }
                        sum
                    },
                )
            })
            .collect();
        parts.iter().sum()
    }

    /// Calls `add(student frame, teacher frame, weight, gradient of the student frame)` for each frame. It must be
    /// `#[inline(always)]`.
    pub fn add_gradients(&self, dstudent: &mut [f32], add: impl Fn(&[f32], &[f32], f32, &mut [f32]) + Sync) {
        if self.student.is_empty() {
            return;
        }
        let width = self.width();
        let block = threads::block_rows(width, BLOCK);
        dstudent.par_chunks_mut(block * width).enumerate().for_each(|(index, dstudent)| {
            let first = index * block;
            simd::dispatch(
                #[inline(always)]
                || {
                    for (r, dframe) in (first..).zip(dstudent.chunks_exact_mut(width)) {
                        if self.weights[r] != 0.0 {
                            let span = r * width..(r + 1) * width;
                            let (student, teacher) = (&self.student[span.clone()], &self.teacher[span]);
                            add(student, teacher, self.weights[r], dframe);
                        }
                    }
                },
            );
        });
    }

    fn width(&self) -> usize {
        self.student.len() / self.weights.len()
    }
}
