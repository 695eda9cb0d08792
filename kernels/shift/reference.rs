//! The specification: f64, one sequence at a time.

use super::Shift;

/// out from x.
pub(super) fn forward(op: &Shift, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let later = |x: &[f64]| [&vec![0.0; op.frame], &x[..x.len() - op.frame]].concat();
    vec![inputs[0].chunks(op.sequence.max(1)).flat_map(later).collect()]
}
