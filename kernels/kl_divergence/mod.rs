//! The weighted Kullback-Leibler divergence of softened class distributions: distillation of logits.
//!
//! Forward, with p = softmax(teacher/τ) and q = softmax(student/τ): out = Σ_{b,t} w_bt Σ_v p_btv (ln p_btv − ln q_btv).
//! There is no factor τ².
//! Backward: dstudent_btv = dout w_bt (q_btv − p_btv) / τ. No gradient flows to the teacher. A frame of weight 0 is not read.
//!
//! Not for: hard targets (`cross_entropy`).
//!
//! # Shapes
//! student [B, T, V] · teacher [B, T, V] · weights B·T → [1]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
pub(crate) mod frames;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply_one};
use crate::{Array, Device, OpError, Tape};

/// What scales the divergence of each frame.
#[derive(Debug, Clone)]
pub struct KlDivergence {
    /// τ, positive: both logits are divided by it.
    pub temperature: f32,
    /// One weight per frame, B·T, batch-major.
    pub weights: Vec<f32>,
}

impl Op for KlDivergence {
    const NAME: &'static str = "kl_divergence";
}

/// Σ w·KL(softmax(teacher/τ) ‖ softmax(student/τ)) over the frames of two logits [B, T, V], as [1].
///
/// # Errors
/// The two shapes differ, there is not one weight per frame, or the device failed.
pub fn kl_divergence<D: Run<KlDivergence>>(
    tape: &mut Tape<D>,
    student: &Array<D>,
    teacher: &Array<D>,
    op: KlDivergence,
) -> Result<Array<D>, OpError> {
    weighted_frames(KlDivergence::NAME, student, teacher, op.weights.len())?;
    apply_one(tape, op, &[student, &teacher.detached()], [1])
}

/// Refuses a pair [B, T, ..] whose frames are not as many as their weights.
pub(crate) fn weighted_frames<D: Device>(
    op: &'static str,
    student: &Array<D>,
    teacher: &Array<D>,
    weights: usize,
) -> Result<(), OpError> {
    let [batch, time, _] = student.dims(op, "student")?;
    if teacher.shape() != student.shape() {
        let want = format!("student has {}", student.shape());
        return Err(OpError::Shape { op, operand: "teacher", got: teacher.shape(), want });
    }
    if weights != batch * time {
        let want = format!("there are {weights} weights");
        return Err(OpError::Shape { op, operand: "student", got: student.shape(), want });
    }
    Ok(())
}
