//! The specification: f64, one row at a time.

use crate::layer_norm;

/// r and y from x, f, weight, bias and the factor of each element of f.
pub(super) fn forward(eps: f64, factors: &[f64], inputs: &[Vec<f64>]) -> [Vec<f64>; 2] {
    let [x, f, weight, bias] = inputs else { unreachable!("four inputs") };
    let r: Vec<f64> = x.iter().zip(f).zip(factors).map(|((x, f), m)| x + m * f).collect();
    let y = layer_norm::reference::forward(eps, &[r.clone(), weight.clone(), bias.clone()]).swap_remove(0);
    [r, y]
}
