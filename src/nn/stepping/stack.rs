//! A causal stack's step: its layers and the norm behind them, of several streams at a time.

use kernels::{Backend, OpError};

use super::{MixerStep, RmsStep};
use crate::nn::{CausalLayer, Params, RmsNorm};

/// The weights of a stack, for stepping.
#[derive(Debug, Clone)]
pub struct StackStep {
    layers: Vec<(RmsStep, MixerStep)>,
    norm: RmsStep,
}

/// What is remembered of several streams.
#[derive(Debug, Clone, PartialEq)]
pub struct States {
    /// [layers][streams, state]
    layers: Vec<Vec<f32>>,
    streams: usize,
}

impl StackStep {
    /// `layers` and `norm` with their weights among `params`.
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<'a, D: Backend>(
        layers: impl IntoIterator<Item = &'a CausalLayer>,
        norm: &RmsNorm,
        params: &Params<D>,
    ) -> Result<Self, OpError> {
        let step = |layer: &CausalLayer| {
            Ok((RmsStep::of(&layer.norm, params)?, MixerStep::of(&layer.mixer, params)?))
        };
        let layers = layers.into_iter().map(step).collect::<Result<_, OpError>>()?;
        Ok(StackStep { layers, norm: RmsStep::of(norm, params)? })
    }

    /// Values that are remembered of a stream; all 0 before its first frame.
    pub fn state_len(&self) -> usize {
        self.layers.iter().map(|(_, mixer)| mixer.state_len()).sum()
    }

    /// What is remembered before the first frame.
    pub fn states(&self, streams: usize) -> States {
        let layers = self.layers.iter().map(|(_, mixer)| vec![0.0; streams * mixer.state_len()]);
        States { layers: layers.collect(), streams }
    }

    /// The next frame of each stream.
    ///
    /// # Shapes
    /// x [streams, width] → the same
    pub fn step(&self, mut x: Vec<f32>, states: &mut States) -> Vec<f32> {
        for ((norm, mixer), memory) in self.layers.iter().zip(&mut states.layers) {
            let mixed = mixer.step(&norm.run(&x), memory);
            x.iter_mut().zip(mixed).for_each(|(x, mixed)| *x += mixed);
        }
        self.norm.run(&x)
    }
}

impl States {
    /// Streams that are remembered.
    pub fn streams(&self) -> usize {
        self.streams
    }

    /// Forgets all streams from the `kept`-th on.
    pub fn keep_first(&mut self, kept: usize) {
        for layer in &mut self.layers {
            layer.truncate(layer.len() / self.streams.max(1) * kept);
        }
        self.streams = self.streams.min(kept);
    }
}
