//! The constants of one update, worked out in f64 once for all elements.

use super::AdamW;

/// What the constants come to at one step.
pub(super) struct Step {
    pub grad_scale: f32,
    /// 1 − lr·weight_decay
    pub keep: f32,
    /// 1 − beta1
    pub rise1: f32,
    pub beta2: f32,
    /// 1 − beta2
    pub rise2: f32,
    /// lr / (1 − beta1ⁿ)
    pub rate: f32,
    /// √(1 − beta2ⁿ)
    pub correction: f32,
    pub eps: f32,
}

impl Step {
    pub fn new(constants: &AdamW) -> Self {
        let AdamW { lr, beta1, beta2, eps, weight_decay, step, grad_scale } = *constants;
        let bias = |beta: f64| 1.0 - beta.powf(step as f64);
        Step {
            grad_scale: grad_scale as f32,
            keep: (1.0 - lr * weight_decay) as f32,
            rise1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            rise2: (1.0 - beta2) as f32,
            rate: (lr / bias(beta1)) as f32,
            correction: bias(beta2).sqrt() as f32,
            eps: eps as f32,
        }
    }
}
