//! Layers one frame after another: what generating needs, on the processor, several streams at a time.
//!
//! A layer's weights are copied out of [`Params`](super::Params) once; what it remembers of a stream is a slice of a length that does not grow. Of several streams each
//! weight is read once a frame. Sums have one order, so a stream's frames do not depend on those beside it. Not for: training, or whole sequences at
//! once (the layers themselves). Start at [`MixerStep`].

mod dense;
mod mamba1;
mod mamba2;

#[cfg(test)]
mod tests;

use kernels::Backend;

use super::{Mixer, Params};

pub use dense::{Dense, RmsStep};
use mamba1::Mamba1Step;
use mamba2::Mamba2Step;

/// A causal mixer's step.
#[derive(Debug, Clone)]
pub enum MixerStep {
    Mamba1(Mamba1Step),
    Mamba2(Mamba2Step),
}

impl MixerStep {
    /// The mixer with its weights among `params`.
    pub fn of<D: Backend>(mixer: &Mixer, params: &Params<D>) -> Self {
        match mixer {
            Mixer::Mamba1(mixer) => MixerStep::Mamba1(Mamba1Step::of(&mixer.arrays(params))),
            Mixer::Mamba2(mixer) => MixerStep::Mamba2(Mamba2Step::of(&mixer.arrays(params))),
        }
    }

    /// Values that it remembers of a stream; all 0 before the first frame.
    pub fn state_len(&self) -> usize {
        match self {
            MixerStep::Mamba1(step) => step.state_len(),
            MixerStep::Mamba2(step) => step.state_len(),
        }
    }

    /// The next frame of each stream.
    ///
    /// # Shapes
    /// u [streams, width], states [streams, state_len] → [streams, width]
    pub fn step(&self, u: &[f32], states: &mut [f32]) -> Vec<f32> {
        match self {
            MixerStep::Mamba1(step) => step.step(u, states),
            MixerStep::Mamba2(step) => step.step(u, states),
        }
    }
}

/// The last inputs of a causal convolution and the new one, through its taps and SiLU.
///
/// # Shapes
/// history [channels, taps − 1], weight [channels, taps], bias [channels], x [channels], changed in its place
fn convolve(history: &mut [f32], weight: &[f32], bias: &[f32], x: &mut [f32]) {
    let kept = history.len() / x.len();
    let rows = history.chunks_exact_mut(kept).zip(weight.chunks_exact(kept + 1));
    for ((x, (history, weight)), bias) in x.iter_mut().zip(rows).zip(bias) {
        let mut sum = weight[kept].mul_add(*x, *bias);
        for (past, weight) in history.iter().zip(weight) {
            sum = weight.mul_add(*past, sum);
        }
        history.rotate_left(1);
        history[kept - 1] = *x;
        *x = sum * kernels::simd::sigmoid(sum);
    }
}
