//! The specification: f64, one element at a time.

use super::AddToFrames;

/// out from x, v.
pub(super) fn forward(op: &AddToFrames, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, v] = inputs else { unreachable!("two inputs") };
    let of = |i: usize| v[i / (op.time * op.channels) * op.channels + i % op.channels];
    vec![x.iter().enumerate().map(|(i, x)| x + of(i)).collect()]
}
