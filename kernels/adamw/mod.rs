//! AdamW: one update of a parameter from its gradient, with decoupled weight decay.
//!
//! At step n ≥ 1, with g = grad·grad_scale and every constant in f64 until it meets an element:
//!
//! - p ← p (1 − lr·weight_decay)
//! - m ← m + (1 − beta1) (g − m) and v ← beta2 v + (1 − beta2) g²
//! - p ← p − lr / (1 − beta1ⁿ) · m / (√v / √(1 − beta2ⁿ) + eps)
//!
//! The order of operations is PyTorch's, so that 100 updates agree to f32 rounding. Not a tape op: nothing flows back through an
//! update. Not for: schedules, parameter groups, clipping; the caller folds a division by samples and a clip into `grad_scale`,
//! for which [`Update::sum_squares`] is there.
//!
//! # Shapes
//! param, moment1, moment2 of one shape · grad of as many values

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(test)]
mod reference;
mod step;
#[cfg(test)]
mod tests;

use crate::{Array, Device, OpError};

/// The constants of one update.
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    /// Learning rate of this step.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay, multiplied by `lr`.
    pub weight_decay: f64,
    /// Updates of this parameter, this one included: the first is 1.
    pub step: u64,
    /// Multiplies the gradient: 1 / samples, times the clip factor.
    pub grad_scale: f64,
}

/// A device that can update parameters.
pub trait Update: Device {
    /// Σ g² over all `grads` in f64, in a fixed order: one answer of the device, however many they are. Not finite exactly when an element is not.
    ///
    /// # Errors
    /// The device failed.
    fn sum_squares(grads: &[&Self::Vec]) -> Result<f64, OpError>;

    /// Whether every element of `grad` is finite.
    ///
    /// # Errors
    /// The device failed.
    fn is_finite(grad: &Self::Vec) -> Result<bool, OpError> {
        Ok(Self::sum_squares(&[grad])?.is_finite())
    }

    /// Updates `param` and its moments in place. Clones that share a buffer with one of them keep their values.
    ///
    /// # Errors
    /// The shapes do not fit each other, or the device failed.
    fn adamw_step(
        param: &mut Array<Self>,
        grad: &Self::Vec,
        moment1: &mut Array<Self>,
        moment2: &mut Array<Self>,
        constants: AdamW,
    ) -> Result<(), OpError>;
}

/// Refuses moments or a gradient that are not the parameter's.
fn require_one_shape<D: Device>(
    param: &Array<D>,
    grad_len: usize,
    moments: [&Array<D>; 2],
) -> Result<(), OpError> {
    const OP: &str = "adamw";
    for (operand, moment) in ["moment1", "moment2"].into_iter().zip(moments) {
        if moment.shape() != param.shape() {
            let want = format!("the parameter has {}", param.shape());
            return Err(OpError::Shape { op: OP, operand, got: moment.shape(), want });
        }
    }
    if grad_len != param.len() {
        let want = format!("its gradient has {grad_len} values");
        return Err(OpError::Shape { op: OP, operand: "the parameter", got: param.shape(), want });
    }
    Ok(())
}
