//! The specification: f64, one element at a time, as the algorithm is published (moments corrected before use).

use super::AdamW;

/// A parameter and its moments.
pub(super) struct Element {
    pub param: f64,
    pub moment1: f64,
    pub moment2: f64,
}

/// One update.
pub(super) fn step(element: &mut Element, grad: f64, constants: &AdamW) {
    let AdamW { lr, beta1, beta2, eps, weight_decay, step, grad_scale } = *constants;
    let grad = grad * grad_scale;
    element.moment1 = beta1 * element.moment1 + (1.0 - beta1) * grad;
    element.moment2 = beta2 * element.moment2 + (1.0 - beta2) * grad * grad;
    let corrected1 = element.moment1 / (1.0 - beta1.powf(step as f64));
    let corrected2 = element.moment2 / (1.0 - beta2.powf(step as f64));
    element.param -= lr * weight_decay * element.param + lr * corrected1 / (corrected2.sqrt() + eps);
}
