//! The ablation one frame after another: the text once, then frames until it says that one is the last.

use kernels::{Backend, OpError};

use super::prefix::{BEGINNING, PrefixSpeech};
use super::stream::PrenetStep;
use crate::nn::Params;
use crate::nn::stepping::{Dense, StackStep, States};

/// The network's weights, for stepping.
#[derive(Debug, Clone)]
pub struct PrefixStep {
    /// [symbols, width]
    table: Vec<f32>,
    /// Of symbols, and of frames.
    kinds: [Vec<f32>; 2],
    /// What is added to the symbols of each voice [voices, width]; none where there is one.
    voices: Vec<f32>,
    prenet: PrenetStep,
    stack: StackStep,
    out: Dense,
    stop: Dense,
}

impl PrefixStep {
    /// The weights of `network` among `params`.
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<D: Backend>(network: &PrefixSpeech, params: &Params<D>) -> Result<Self, OpError> {
        let decoder = &network.decoder;
        let Some(prenet) = &decoder.prenet else { unreachable!("a plan of this design has a prenet") };
        let kinds = params.array(network.kinds).download()?;
        let (of_symbols, of_frames) = kinds.split_at(kinds.len() / 2);
        let voices = match &network.speakers {
            Some(speakers) => {
                Dense::of(&speakers.linear, params)?.run(&params.array(speakers.embedding).download()?)
            }
            None => Vec::new(),
        };
        Ok(PrefixStep {
            table: params.array(network.embedding).download()?,
            kinds: [of_symbols.to_vec(), of_frames.to_vec()],
            voices,
            prenet: PrenetStep::of(prenet, params)?,
            stack: StackStep::of(decoder.layers.iter().map(AsRef::as_ref), &decoder.norm, params)?,
            out: Dense::of(&decoder.out, params)?,
            stop: Dense::of(&network.stop, params)?,
        })
    }

    /// Mel bands.
    pub fn bands(&self) -> usize {
        self.out.outputs()
    }

    /// Takes in a text; what the first frame is told from [width], and what is remembered.
    pub fn begin(&self, symbols: &[u32], speaker: u32) -> (Vec<f32>, States) {
        let width = self.kinds[0].len();
        let mut states = self.stack.states(1);
        let voice = self.voices.chunks(width.max(1)).nth(speaker as usize);
        let mut told = vec![0.0; width];
        for symbol in std::iter::once(&BEGINNING).chain(symbols) {
            let mut x = self.table[*symbol as usize * width..][..width].to_vec();
            x.iter_mut().zip(&self.kinds[0]).for_each(|(x, kind)| *x += kind);
            x.iter_mut().zip(voice.into_iter().flatten()).for_each(|(x, voice)| *x += voice);
            told = self.stack.step(x, &mut states);
        }
        (told, states)
    }

    /// The next frame [bands], and whether it is the last.
    pub fn frame(&self, told: &[f32]) -> (Vec<f32>, bool) {
        (self.out.run(told), self.stop.run(told)[0] > 0.0)
    }

    /// Takes in a frame; what the next one is told from. `draw` gives numbers in [0, 1): what of the frame is dropped.
    pub fn hear(&self, frame: &[f32], states: &mut States, draw: &mut dyn FnMut(usize) -> f32) -> Vec<f32> {
        let mut x = self.prenet.run(frame, 1, draw);
        x.iter_mut().zip(&self.kinds[1]).for_each(|(x, kind)| *x += kind);
        self.stack.step(x, states)
    }
}
