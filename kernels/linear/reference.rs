//! The specification.

/// y[r, o] = Σ_i x[r, i] w[o, i] + b[o].
pub fn linear(x: &[f64], weight: &[f64], bias: Option<&[f64]>, inputs: usize) -> Vec<f64> {
    let outputs = weight.len() / inputs;
    let mut y = Vec::with_capacity(x.len() / inputs * outputs);
    for row in x.chunks(inputs) {
        for o in 0..outputs {
            let products = row.iter().zip(&weight[o * inputs..]).map(|(x, w)| x * w);
            y.push(products.sum::<f64>() + bias.map_or(0.0, |bias| bias[o]));
        }
    }
    y
}
