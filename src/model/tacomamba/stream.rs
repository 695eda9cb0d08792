//! One mel frame after another, with a memory that does not grow.

use kernels::{Backend, OpError};

use super::Tacomamba;
use super::decoder::Prenet;
use crate::nn::Params;
use crate::nn::stepping::{Dense, StackStep, States};

/// The frame before, on its way in.
#[derive(Debug, Clone)]
pub(super) struct PrenetStep {
    layers: [Dense; 2],
    out: Dense,
    dropout: f32,
}

/// The decoder's weights, for stepping.
#[derive(Debug, Clone)]
pub struct SpeechStep {
    prenet: Option<PrenetStep>,
    stack: StackStep,
    out: Dense,
}

impl SpeechStep {
    /// The decoder of `network` with its weights among `params`.
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<D: Backend>(network: &Tacomamba, params: &Params<D>) -> Result<Self, OpError> {
        let decoder = &network.decoder;
        Ok(SpeechStep {
            prenet: decoder.prenet.as_ref().map(|prenet| PrenetStep::of(prenet, params)).transpose()?,
            stack: StackStep::of(decoder.layers.iter().map(AsRef::as_ref), &decoder.norm, params)?,
            out: Dense::of(&decoder.out, params)?,
        })
    }

    /// Values that are remembered of an utterance; all 0 before its first frame.
    pub fn state_len(&self) -> usize {
        self.stack.state_len()
    }

    /// Mel bands.
    pub fn bands(&self) -> usize {
        self.out.outputs()
    }

    /// The next frame of each utterance. `draw` gives a number in [0, 1) for an utterance: what of the frame before is dropped.
    ///
    /// # Shapes
    /// conditions [utterances, width], before [utterances, bands] (0 at first), states layer by layer [layers][utterances, state] →
    /// [utterances, bands]
    pub fn step(
        &self,
        conditions: &[f32],
        before: &[f32],
        states: &mut States,
        draw: &mut dyn FnMut(usize) -> f32,
    ) -> Vec<f32> {
        let mut x = conditions.to_vec();
        if let Some(prenet) = &self.prenet {
            let heard = prenet.run(before, states.streams(), draw);
            x.iter_mut().zip(heard).for_each(|(x, heard)| *x += heard);
        }
        self.out.run(&self.stack.step(x, states))
    }

    /// What is remembered before the first frame.
    pub fn states(&self, utterances: usize) -> States {
        self.stack.states(utterances)
    }
}

impl PrenetStep {
    /// The weights of `prenet` in the layout that a step wants.
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<D: Backend>(prenet: &Prenet, params: &Params<D>) -> Result<Self, OpError> {
        let [first, second] = &prenet.layers;
        Ok(PrenetStep {
            layers: [Dense::of(first, params)?, Dense::of(second, params)?],
            out: Dense::of(&prenet.out, params)?,
            dropout: prenet.dropout,
        })
    }

    /// What the frames before say: before [utterances, bands] → [utterances, width]; `draw` drops as in training, which is what Tacotron 2 does.
    pub fn run(&self, before: &[f32], utterances: usize, draw: &mut dyn FnMut(usize) -> f32) -> Vec<f32> {
        let mut x = before.to_vec();
        for layer in &self.layers {
            x = layer.run(&x);
            let width = x.len() / utterances.max(1);
            for (utterance, row) in x.chunks_exact_mut(width).enumerate() {
                for value in row {
                    *value = value.max(0.0);
                    if self.dropout > 0.0 {
                        *value *=
                            if draw(utterance) < self.dropout { 0.0 } else { 1.0 / (1.0 - self.dropout) };
                    }
                }
            }
        }
        self.out.run(&x)
    }
}
