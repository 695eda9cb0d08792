//! The specification: f64, one element at a time.

use super::PlaceTokens;

/// Frames and tokens in their places, each with its position.
pub(super) fn forward(op: &PlaceTokens, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, tokens, positions] = inputs else { unreachable!("three inputs") };
    let (rows, channels) = (op.tokens + op.time, op.channels);
    let batch = x.len().checked_div(op.time * channels).unwrap_or(1);
    let mut out = Vec::new();
    for b in 0..batch {
        for j in 0..rows {
            for c in 0..channels {
                let value = match j {
                    j if j < op.at => x[(b * op.time + j) * channels + c],
                    j if j < op.at + op.tokens => tokens[(j - op.at) * channels + c],
                    j => x[(b * op.time + j - op.tokens) * channels + c],
                };
                out.push(value + positions[j * channels + c]);
            }
        }
    }
    vec![out]
}
