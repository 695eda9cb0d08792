//! Layers one frame after another: what generating needs, on the processor, several streams at a time.
//!
//! A layer's weights are copied out of [`Params`](super::Params) once; what it remembers of a stream is a slice of a length that does not grow. Of several streams each
//! weight is read once a frame. Sums have one order, so a stream's frames do not depend on those beside it. Not for: training, or whole sequences at
//! once (the layers themselves). Start at [`MixerStep`].

mod dense;
mod mamba1;
mod mamba2;
mod stack;

#[cfg(test)]
mod tests;

use kernels::{Backend, OpError, simd};

use super::{Mixer, Params};

pub use dense::{Dense, RmsStep};
use mamba1::Mamba1Step;
use mamba2::Mamba2Step;
pub use stack::{StackStep, States};

/// A causal mixer's step.
#[derive(Debug, Clone)]
pub enum MixerStep {
    Mamba1(Mamba1Step),
    Mamba2(Mamba2Step),
}

impl MixerStep {
    /// The mixer with its weights among `params`.
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<D: Backend>(mixer: &Mixer, params: &Params<D>) -> Result<Self, OpError> {
        Ok(match mixer {
            Mixer::Mamba1(mixer) => MixerStep::Mamba1(Mamba1Step::of(&mixer.arrays(params))?),
            Mixer::Mamba2(mixer) => MixerStep::Mamba2(Mamba2Step::of(&mixer.arrays(params))?),
        })
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
/// history [taps − 1, channels], weight [taps, channels], bias [channels], x [channels], changed in its place
fn convolve(history: &mut [f32], weight: &[f32], bias: &[f32], x: &mut [f32]) {
    let channels = x.len();
    let (past, now) = weight.split_at(weight.len() - channels);
    let mut sums = bias.to_vec();
    simd::dispatch(
        #[inline(always)]
        || {
            add_products(&mut sums, now, x);
            for (weight, history) in past.chunks_exact(channels).zip(history.chunks_exact(channels)) {
                add_products(&mut sums, weight, history);
            }
            sums.iter_mut().for_each(|sum| *sum *= simd::sigmoid(*sum));
        },
    );
    history.copy_within(channels.min(history.len()).., 0);
    if let Some(last) = history.len().checked_sub(channels) {
        history[last..].copy_from_slice(x);
    }
    x.copy_from_slice(&sums);
}

#[inline(always)]
fn add_products(sums: &mut [f32], weight: &[f32], x: &[f32]) {
    for ((sum, weight), x) in sums.iter_mut().zip(weight).zip(x) {
        *sum = weight.mul_add(*x, *sum);
    }
}

/// [rows, columns] as [columns, rows]: a vector of channels then lies together.
fn turned(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    (0..values.len()).map(|at| values[at % rows * columns + at / rows]).collect()
}
