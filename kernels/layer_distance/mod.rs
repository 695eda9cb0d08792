//! How far a student's hidden states are from its teacher's, each frame normalised first: distillation of layers.
//!
//! Forward, with LN₀(x) = (x − mean_C x) / √(var_C x + ε), the parameter-free layer norm with the population variance,
//! ŝ = LN₀(student) and t̂ = LN₀(teacher): out = Σ_{b,t} w_bt mean_C (t̂_bt − ŝ_bt)².
//! Backward, with d = ŝ − t̂ (whose mean over C is 0) and ρ = 1/√(var_C student + ε):
//! dstudent = dout w_bt (2/C) ρ (d − ŝ mean_C(d ŝ)). No gradient flows to the teacher. A frame of weight 0 is not read.
//!
//! # Shapes
//! student [B, T, C] · teacher [B, T, C] · weights B·T → [1]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::kl_divergence::weighted_frames;
use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Tape};

/// What scales the distance of each frame.
#[derive(Debug, Clone)]
pub struct LayerDistance {
    /// One weight per frame, B·T, batch-major.
    pub weights: Vec<f32>,
    /// ε of the layer norm.
    pub eps: f32,
}

impl Op for LayerDistance {
    const NAME: &'static str = "layer_distance";
}

/// Σ w·mean_C (LN₀(teacher) − LN₀(student))² over the frames of two hidden states [B, T, C], as [1].
///
/// # Errors
/// The two shapes differ, there is not one weight per frame, or the device failed.
pub fn layer_distance<D: Run<LayerDistance>>(
    tape: &mut Tape<D>,
    student: &Array<D>,
    teacher: &Array<D>,
    op: LayerDistance,
) -> Result<Array<D>, OpError> {
    weighted_frames(LayerDistance::NAME, student, teacher, op.weights.len())?;
    apply_one(tape, op, &[student, &teacher.detached()], [1])
}
