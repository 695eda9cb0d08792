//! One mel frame after another, with a memory that does not grow.

use kernels::Backend;

use super::Tacomamba;
use super::decoder::Prenet;
use crate::nn::Params;
use crate::nn::stepping::{Dense, MixerStep, RmsStep};

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
    layers: Vec<(RmsStep, MixerStep)>,
    norm: RmsStep,
    out: Dense,
}

impl SpeechStep {
    /// The decoder of `network` with its weights among `params`.
    pub fn of<D: Backend>(network: &Tacomamba, params: &Params<D>) -> Self {
        let decoder = &network.decoder;
        let layers = decoder.layers.iter();
        SpeechStep {
            prenet: decoder.prenet.as_ref().map(|prenet| PrenetStep::of(prenet, params)),
            layers: layers
                .map(|layer| (RmsStep::of(&layer.norm, params), MixerStep::of(&layer.mixer, params)))
                .collect(),
            norm: RmsStep::of(&decoder.norm, params),
            out: Dense::of(&decoder.out, params),
        }
    }

    /// Values that are remembered of an utterance; all 0 before its first frame.
    pub fn state_len(&self) -> usize {
        self.layers.iter().map(|(_, mixer)| mixer.state_len()).sum()
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
            let heard = prenet.run(before, states.utterances, draw);
            x.iter_mut().zip(heard).for_each(|(x, heard)| *x += heard);
        }
        for ((norm, mixer), memory) in self.layers.iter().zip(&mut states.layers) {
            let mixed = mixer.step(&norm.run(&x), memory);
            x.iter_mut().zip(mixed).for_each(|(x, mixed)| *x += mixed);
        }
        self.out.run(&self.norm.run(&x))
    }

    /// What is remembered before the first frame.
    pub fn states(&self, utterances: usize) -> States {
        States::of(&self.layers, utterances)
    }
}

impl PrenetStep {
    /// The weights of `prenet` in the layout that a step wants.
    pub fn of<D: Backend>(prenet: &Prenet, params: &Params<D>) -> Self {
        PrenetStep {
            layers: prenet.layers.each_ref().map(|layer| Dense::of(layer, params)),
            out: Dense::of(&prenet.out, params),
            dropout: prenet.dropout,
        }
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

/// What is remembered of several utterances.
#[derive(Debug, Clone, PartialEq)]
pub struct States {
    /// [layers][utterances, state]
    layers: Vec<Vec<f32>>,
    utterances: usize,
}

impl States {
    /// What layers remember before the first frame.
    pub(super) fn of(layers: &[(RmsStep, MixerStep)], utterances: usize) -> Self {
        let layers = layers.iter().map(|(_, mixer)| vec![0.0; utterances * mixer.state_len()]);
        States { layers: layers.collect(), utterances }
    }

    /// What each layer remembers.
    pub(super) fn layers_mut(&mut self) -> &mut [Vec<f32>] {
        &mut self.layers
    }

    /// Utterances that are remembered.
    pub fn utterances(&self) -> usize {
        self.utterances
    }

    /// Forgets all utterances from the `kept`-th on.
    pub fn keep_first(&mut self, kept: usize) {
        for layer in &mut self.layers {
            layer.truncate(layer.len() / self.utterances.max(1) * kept);
        }
        self.utterances = self.utterances.min(kept);
    }
}
