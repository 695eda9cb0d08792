//! Linear layers and norms of single frames.

use kernels::{Backend, simd};

use crate::nn::{Linear, Params, RmsNorm};

/// A linear layer's weights.
#[derive(Debug, Clone)]
pub struct Dense {
    /// [outputs, inputs]
    weight: Vec<f32>,
    /// [outputs], or none
    bias: Vec<f32>,
    inputs: usize,
}

impl Dense {
    /// The layer with its weights among `params`.
    pub fn of<D: Backend>(linear: &Linear, params: &Params<D>) -> Self {
        let weight = params.array(linear.weight());
        let bias = linear.bias().map_or_else(Vec::new, |bias| params.array(bias).to_vec());
        Self::new(weight.to_vec(), bias, weight.shape().last())
    }

    pub(super) fn new(weight: Vec<f32>, bias: Vec<f32>, inputs: usize) -> Self {
        Dense { weight, bias, inputs }
    }

    /// Values that come out.
    pub fn outputs(&self) -> usize {
        self.weight.len() / self.inputs
    }

    /// # Shapes
    /// x [streams, inputs] → [streams, outputs]
    pub fn run(&self, x: &[f32]) -> Vec<f32> {
        let outputs = self.outputs();
        let mut y = vec![0.0; x.len() / self.inputs * outputs];
        simd::dispatch(
            #[inline(always)]
            || {
                for (output, row) in self.weight.chunks_exact(self.inputs).enumerate() {
                    let bias = self.bias.get(output).copied().unwrap_or(0.0);
                    for (x, y) in x.chunks_exact(self.inputs).zip(y.chunks_exact_mut(outputs)) {
                        y[output] = bias + simd::dot(row, x);
                    }
                }
            },
        );
        y
    }
}

/// A root-mean-square norm's gain.
#[derive(Debug, Clone)]
pub struct RmsStep {
    gain: Vec<f32>,
    eps: f32,
}

impl RmsStep {
    /// The norm with its gain among `params`.
    pub fn of<D: Backend>(norm: &RmsNorm, params: &Params<D>) -> Self {
        let (gain, eps) = norm.gain();
        Self::new(params.array(gain).to_vec(), eps)
    }

    pub(super) fn new(gain: Vec<f32>, eps: f32) -> Self {
        RmsStep { gain, eps }
    }

    /// # Shapes
    /// x [streams, channels] → the same
    pub fn run(&self, x: &[f32]) -> Vec<f32> {
        let mut y = x.to_vec();
        for row in y.chunks_exact_mut(self.gain.len()) {
            let mean = simd::sum_squares(row) / row.len() as f32;
            let scale = 1.0 / (mean + self.eps).sqrt();
            row.iter_mut().zip(&self.gain).for_each(|(value, gain)| *value *= scale * gain);
        }
        y
    }
}
