//! One step after another, with a memory that does not grow.

use kernels::{Backend, OpError};

use super::CodecLm;
use super::sequences::cue_at;
use crate::nn::Params;
use crate::nn::stepping::{Dense, StackStep, States};
use crate::plan::CodecLmPlan;

/// The network's weights, for stepping.
#[derive(Debug, Clone)]
pub struct CodecStep {
    plan: CodecLmPlan,
    text: Vec<f32>,
    codes: Vec<Vec<f32>>,
    cue: Vec<Vec<f32>>,
    speakers: Vec<f32>,
    stack: StackStep,
    heads: Dense,
}

/// A text that is being told.
#[derive(Debug, Clone)]
pub struct Telling {
    symbols: Vec<u32>,
    speaker: u32,
    /// How many frames the cue takes it to have.
    frames: usize,
    step: usize,
    states: States,
}

impl CodecStep {
    /// The weights of `network` among `params`.
    ///
    /// # Errors
    /// The device that has the weights failed.
    pub fn of<D: Backend>(network: &CodecLm, params: &Params<D>) -> Result<Self, OpError> {
        let values = |id| params.array(id).download();
        Ok(CodecStep {
            plan: network.plan.clone(),
            text: values(network.text)?,
            codes: network.codes.iter().map(|&id| values(id)).collect::<Result<_, _>>()?,
            cue: network.cue.iter().map(|&id| values(id)).collect::<Result<_, _>>()?,
            speakers: network.speakers.map_or_else(|| Ok(Vec::new()), values)?,
            stack: StackStep::of(network.layers.iter().map(AsRef::as_ref), &network.norm, params)?,
            heads: Dense::of(&network.heads, params)?,
        })
    }

    /// Takes in a text, of which the cue holds that its sound has so many frames; the scores of the first step.
    ///
    /// # Shapes
    /// → [levels · (codes + 1)]
    pub fn begin(&self, symbols: &[u32], speaker: u32, frames: usize) -> (Vec<f32>, Telling) {
        let states = self.stack.states(1);
        let mut telling = Telling { symbols: symbols.to_vec(), speaker, frames, step: 0, states };
        let mut told = Vec::new();
        for (at, symbol) in symbols.iter().enumerate() {
            told = self.row(*symbol, None, at + 1 == symbols.len(), &mut telling);
        }
        (self.heads.run(&told), telling)
    }

    /// Takes in the codes of a step, one for each level (one more than the end for none); the scores of the next.
    ///
    /// # Shapes
    /// codes [levels] → [levels · (codes + 1)]
    pub fn hear(&self, codes: &[u32], telling: &mut Telling) -> Vec<f32> {
        telling.step += 1;
        let told = self.row(self.plan.symbols as u32, Some(codes), true, telling);
        self.heads.run(&told)
    }

    /// A row through the stack; `cued`: it tells a step.
    fn row(&self, symbol: u32, codes: Option<&[u32]>, cued: bool, telling: &mut Telling) -> Vec<f32> {
        let width = self.plan.width;
        let mut x = vec![0.0; width];
        let mut add = |table: &[f32], row: u32| {
            let row = &table[row as usize * width..][..width];
            x.iter_mut().zip(row).for_each(|(x, value)| *x += value);
        };
        add(&self.text, symbol);
        let nothing = self.plan.codebook_size as u32 + 1;
        for (level, table) in self.codes.iter().enumerate() {
            add(table, codes.map_or(nothing, |codes| codes[level]));
        }
        for (at, table) in self.cue.iter().enumerate() {
            let Telling { symbols, frames, step, .. } = &*telling;
            add(
                table,
                if cued { cue_at(&self.plan, symbols, *frames, *step, at) } else { self.plan.symbols as u32 },
            );
        }
        if !self.speakers.is_empty() {
            add(&self.speakers, telling.speaker);
        }
        self.stack.step(x, &mut telling.states)
    }
}
