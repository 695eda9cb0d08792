//! The specification: f64, one element at a time.

/// x where it is positive, else eˣ − 1.
pub(super) fn forward(inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    vec![inputs[0].iter().map(|&x| if x > 0.0 { x } else { x.exp_m1() }).collect()]
}
