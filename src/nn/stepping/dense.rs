//! Linear layers and norms of single frames.

use std::sync::Arc;

use kernels::stream::Matrix;
use kernels::{Backend, OpError, simd};

use crate::nn::{Linear, Params, RmsNorm};

/// A linear layer's weights, packed for single frames.
#[derive(Debug, Clone)]
pub struct Dense(Arc<Matrix>);

impl Dense {
    /// The layer with its weights among `params`.
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<D: Backend>(linear: &Linear, params: &Params<D>) -> Result<Self, OpError> {
        let weight = params.array(linear.weight());
        let bias = linear.bias().map_or_else(|| Ok(Vec::new()), |bias| params.array(bias).download())?;
        Ok(Self::new(&weight.download()?, &bias, weight.shape().last()))
    }

    /// weight [outputs, inputs], bias [outputs] or none
    pub(super) fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        let at = |output: usize, input: usize| weight[output * inputs + input];
        let bias = |output: usize| bias.get(output).copied().unwrap_or(0.0);
        Dense(Arc::new(Matrix::pack(weight.len() / inputs, inputs, at, bias)))
    }

    /// Values that come out.
    pub fn outputs(&self) -> usize {
        self.0.rows()
    }

    /// # Shapes
    /// x [streams, inputs] → [streams, outputs]
    pub fn run(&self, x: &[f32]) -> Vec<f32> {
        let (inputs, outputs, stride) = (self.0.columns(), self.0.rows(), self.0.stride());
        let streams = x.len() / inputs;
        let mut padded = vec![0.0; streams * stride];
        self.0.times(streams, x, 0, inputs, &mut padded);
        padded.chunks_exact(stride).flat_map(|row| &row[..outputs]).copied().collect()
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
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<D: Backend>(norm: &RmsNorm, params: &Params<D>) -> Result<Self, OpError> {
        let (gain, eps) = norm.gain();
        Ok(Self::new(params.array(gain).download()?, eps))
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
