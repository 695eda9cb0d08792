//! The specification: f64, one element at a time.

use super::TimeMask;

/// out from x, embedding.
pub(super) fn forward(op: &TimeMask, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, embedding] = inputs else { unreachable!("two inputs") };
    let masked = |i: usize| if op.mask[i / op.channels] { embedding[i % op.channels] } else { x[i] };
    vec![(0..x.len()).map(masked).collect()]
}
