//! The specification: f64, one value at a time.

use super::Lstm;

/// h_t and the last c.
pub(super) fn forward(op: &Lstm, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, input, hidden, input_bias, hidden_bias, first_h, first_c] = inputs else {
        unreachable!("seven inputs")
    };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut y, mut last) = (Vec::new(), Vec::new());
    for b in 0..op.batch {
        let mut h = first_h[b * op.hidden..][..op.hidden].to_vec();
        let mut c = first_c[b * op.hidden..][..op.hidden].to_vec();
        for t in 0..op.time {
            let x = &x[(b * op.time + t) * op.inputs..][..op.inputs];
            let gate = |row: usize| {
                let seen: f64 = x.iter().zip(&input[row * op.inputs..]).map(|(x, w)| x * w).sum();
                let kept: f64 = h.iter().zip(&hidden[row * op.hidden..]).map(|(h, w)| h * w).sum();
                seen + kept + input_bias[row] + hidden_bias[row]
            };
            let gates: Vec<f64> = (0..4 * op.hidden).map(gate).collect();
            for at in 0..op.hidden {
                let [i, f, g, o] = [0, 1, 2, 3].map(|part| gates[part * op.hidden + at]);
                c[at] = sigmoid(f) * c[at] + sigmoid(i) * g.tanh();
                h[at] = sigmoid(o) * c[at].tanh();
            }
            y.extend(&h);
        }
        last.extend(c);
    }
    vec![y, last]
}
