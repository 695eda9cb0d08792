//! The ablation: one causal stack over a text and its frames, which has to keep the text in mind and to find by itself what comes next.
//!
//! Sequence [beginning, text …, end, frames …]: symbols go through a table, frames through the prenet, each with a vector that says which it is. The
//! first frame is told where the end of the text stands, the next where the first frame stands, and so on; beside each frame, whether it is the last.
//! As decoders of text and speech in one stack have it (MELLE, arXiv 2407.08551), with Mamba in place of attention.

use std::sync::Arc;

use kernels::add_to_frames::add_to_frames;
use kernels::embedding::embedding;
use kernels::place_tokens::place_tokens;
use kernels::{Array, Backend, OpError};

use super::decoder::Decoder;
use super::encoder::Speakers;
use super::{MelFrames, TABLE, Texts};
use crate::nn::{Init, Linear, ParamId, Pass, Scope};
use crate::plan::TacomambaPlan;

/// What stands before a text.
pub(super) const BEGINNING: u32 = 149;

/// The network: where its parameters are and how they act.
#[derive(Debug, Clone)]
pub struct PrefixSpeech {
    plan: TacomambaPlan,
    pub(super) embedding: ParamId,
    /// What is added to symbols, and to frames [2, width].
    pub(super) kinds: ParamId,
    pub(super) speakers: Option<Speakers>,
    pub(super) decoder: Decoder,
    pub(super) stop: Linear,
}

/// What a pass over known speech gives.
pub struct Continued<D: Backend> {
    /// ŷ [B, T, bands].
    pub frames: Array<D>,
    /// Whether each frame is the last, as a logit [B, T].
    pub stops: Array<D>,
}

impl PrefixSpeech {
    /// Parameters `embedding.weight`, `kinds`, `speaker.*`, `decoder.*` and `stop.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &TacomambaPlan) -> Self {
        let width = plan.width;
        let init = Init::Normal { std: (width as f32).powf(-0.5) };
        PrefixSpeech {
            plan: plan.clone(),
            embedding: scope.child("embedding").param("weight", [TABLE, width], init),
            kinds: scope.param("kinds", [2, width], init),
            speakers: plan.speakers.map(|plan| Speakers::declare(&mut scope.child("speaker"), width, plan)),
            decoder: Decoder::declare(&mut scope.child("decoder"), plan),
            stop: Linear::torch(&mut scope.child("stop"), width, 1, true),
        }
    }

    /// The plan this network was made from.
    pub fn plan(&self) -> &TacomambaPlan {
        &self.plan
    }

    /// A pass over known speech: each frame is told after the true ones before it.
    ///
    /// # Errors
    /// A symbol or a voice is unknown, shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        texts: &Texts,
        spoken: &MelFrames,
        device: &D,
    ) -> Result<Continued<D>, OpError> {
        let batch = texts.lens.len();
        let text = self.text(pass, texts)?;
        let frames = self.heard(pass, spoken, device)?;
        let order = Order::of(texts, spoken);
        // One table of all rows, from which each sequence takes its own.
        let rows = text.len() / self.plan.width;
        let [text, frames] = [
            text.reshaped([rows, self.plan.width])?,
            frames.reshaped([1, batch * spoken.padded, self.plan.width])?,
        ];
        let nowhere = Array::zeros(device, [rows + batch * spoken.padded, self.plan.width])?;
        let table = place_tokens(pass.tape, &frames, &text, &nowhere, 0)?;
        let table = table.reshaped([rows + batch * spoken.padded, self.plan.width])?;
        let x = embedding(pass.tape, &table, &order.taken, [batch, order.len])?;
        let x = self.stack(pass, x)?;
        let x = x.reshaped([batch * order.len, self.plan.width])?;
        let told = embedding(pass.tape, &x, &order.told, [batch, spoken.padded])?;
        let frames = pass.within("decoder", |pass| self.decoder.out.forward(pass, &told))?;
        let stops = pass.within("stop", |pass| self.stop.forward(pass, &told))?;
        Ok(Continued { frames, stops: stops.reshaped([batch, spoken.padded])? })
    }

    /// Texts as the stack takes them [B, 1 + N, width].
    fn text<D: Backend>(&self, pass: &mut Pass<'_, D>, texts: &Texts) -> Result<Array<D>, OpError> {
        let (batch, padded) = (texts.lens.len(), texts.padded + 1);
        let symbols: Vec<u32> = texts
            .symbols
            .chunks(texts.padded.max(1))
            .flat_map(|text| std::iter::once(BEGINNING).chain(text.iter().copied()))
            .collect();
        let x = embedding(pass.tape, pass.param(self.embedding), &symbols, [batch, padded])?;
        let x = self.marked(pass, &x, 0, batch)?;
        match &self.speakers {
            Some(speakers) => speakers.voiced(pass, &x, texts),
            None => Ok(x),
        }
    }

    /// Frames as the stack takes them [B, T, width].
    fn heard<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        spoken: &MelFrames,
        device: &D,
    ) -> Result<Array<D>, OpError> {
        let batch = spoken.lens.len();
        let shape = [batch, spoken.padded, self.plan.mel.bands];
        let frames = Array::from_vec(device, spoken.values.clone(), shape)?;
        let Some(prenet) = &self.decoder.prenet else { unreachable!("a plan of this design has a prenet") };
        let x = pass.within("decoder", |pass| pass.within("prenet", |pass| prenet.forward(pass, &frames)))?;
        self.marked(pass, &x, 1, batch)
    }

    /// x with the vector of its kind.
    fn marked<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        kind: u32,
        batch: usize,
    ) -> Result<Array<D>, OpError> {
        let kinds = embedding(pass.tape, pass.param(self.kinds), &vec![kind; batch], [batch, 1])?;
        add_to_frames(pass.tape, x, &kinds.reshaped([batch, self.plan.width])?)
    }

    /// Layers and norm.
    fn stack<D: Backend>(&self, pass: &mut Pass<'_, D>, x: Array<D>) -> Result<Array<D>, OpError> {
        pass.within("decoder", |pass| {
            let mut x = x;
            for (at, layer) in self.decoder.layers.iter().enumerate() {
                let layer = Arc::clone(layer);
                let block = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x);
                x = pass.within(format_args!("layers.{at}"), |pass| pass.block(&x, block))?;
            }
            pass.within("norm", |pass| self.decoder.norm.forward(pass, &x))
        })
    }
}

/// Which rows of the table each sequence takes, and which rows of what comes out tell frames.
struct Order {
    /// Rows of the longest sequence.
    len: usize,
    /// [B, len] of all texts' rows, then all frames'; behind an end the first of the text.
    taken: Vec<u32>,
    /// [B, T] of [B · len].
    told: Vec<u32>,
}

impl Order {
    fn of(texts: &Texts, spoken: &MelFrames) -> Self {
        let (batch, width) = (texts.lens.len(), texts.padded + 1);
        let ends = || texts.lens.iter().zip(&spoken.lens);
        let len = ends().map(|(symbols, frames)| symbols + frames).max().unwrap_or(0);
        let (mut taken, mut told) = (Vec::new(), Vec::new());
        for (row, (&symbols, &frames)) in ends().enumerate() {
            let text = row * width..row * width + symbols + 1;
            let first = batch * width + row * spoken.padded;
            taken.extend(text.clone().chain(first..first + frames.saturating_sub(1)).map(|row| row as u32));
            taken.resize((row + 1) * len, text.start as u32);
            told.extend((0..frames).map(|frame| (row * len + symbols + frame) as u32));
            told.resize((row + 1) * spoken.padded, (row * len) as u32);
        }
        Order { len, taken, told }
    }
}
