//! A language model of sound: a text's symbols and behind them codes of its sound, in one causal stack of Mamba-2 layers.
//!
//! - row i is the sum of what its symbol, the code of each level, the symbols of the cue and the voice stand for, each by a table of its own; where one
//!   has nothing to say, by that table's last row
//! - h = Norm(Layers(rows)); from the text's last row on each tells the next codes: for each level softmax over its codes and the end
//!
//! Which codes a row tells and is told says the pattern ([`Sequences`]): all of a frame at once, or each level a frame later than the one before (Copet et al.
//! 2023, arXiv 2306.05284). Not for: codes of sound (`codec`), losses (`task`), drawing codes (`generate`). Start at [`CodecLm`]; one step after another is
//! in `stream.rs`.

mod sequences;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kernels::add::add;
use kernels::embedding::embedding;
use kernels::{Array, Backend, OpError, Tape};

use crate::nn::{CausalLayer, Init, Linear, Mamba2Sizes, MixerSizes, ParamId, Params, Pass, RmsNorm, Scope};
use crate::plan::{CodecLmPlan, MixerPlan};

pub use sequences::{CodedText, Sequences};
pub use stream::{CodecStep, Telling};

const NORM_EPS: f32 = 1e-5;

/// The network: where its parameters are and how they act.
#[derive(Debug, Clone)]
pub struct CodecLm {
    plan: CodecLmPlan,
    /// [symbols + 1, width]; the last row: no symbol.
    text: ParamId,
    /// Of each level [codes + 2, width]; the last rows: the end, and no code.
    codes: Vec<ParamId>,
    /// Of each symbol of the cue [symbols + 1, width].
    cue: Vec<ParamId>,
    /// [voices, width]
    speakers: Option<ParamId>,
    layers: Vec<Arc<CausalLayer>>,
    norm: RmsNorm,
    heads: Linear,
}

impl CodecLm {
    /// Parameters `text.weight`, `codes.{level}.weight`, `cue.{i}.weight`, `speaker.weight`, `layers.{i}.*`, `norm.weight` and `heads.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &CodecLmPlan) -> Self {
        let width = plan.width;
        let init = Init::Normal { std: (width as f32).powf(-0.5) };
        let table = |scope: &mut Scope<'_>, rows: usize| scope.param("weight", [rows, width], init);
        let layer = |at: usize| {
            let mut layers = scope.child("layers");
            let mut scope = layers.child(at);
            let (sizes, dropout) = (mixer_sizes(plan), plan.dropout);
            Arc::new(CausalLayer::declare(&mut scope, sizes, width, plan.layers, NORM_EPS, dropout))
        };
        let layers = (0..plan.layers).map(layer).collect();
        CodecLm {
            plan: plan.clone(),
            text: table(&mut scope.child("text"), plan.symbols + 1),
            codes: (0..plan.levels)
                .map(|level| table(&mut scope.child("codes").child(level), plan.codebook_size + 2))
                .collect(),
            cue: (0..plan.cue_symbols)
                .map(|at| table(&mut scope.child("cue").child(at), plan.symbols + 1))
                .collect(),
            speakers: (plan.speakers > 0).then(|| table(&mut scope.child("speaker"), plan.speakers)),
            layers,
            norm: RmsNorm::declare(&mut scope.child("norm"), width, NORM_EPS),
            heads: Linear::torch(&mut scope.child("heads"), width, plan.levels * plan.scores(), true),
        }
    }

    /// The plan this network was made from.
    pub fn plan(&self) -> &CodecLmPlan {
        &self.plan
    }

    /// A pass over known sound: each step's codes are told after the true ones before it.
    ///
    /// # Shapes
    /// → scores [B, steps, levels · (codes + 1)]
    ///
    /// # Errors
    /// A symbol, a code or a voice is unknown, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        sequences: &Sequences,
    ) -> Result<Array<D>, OpError> {
        let told = self.hidden(pass, sequences)?;
        pass.within("heads", |pass| self.heads.forward(pass, &told))
    }

    /// What stands under the heads at each step of known sound.
    ///
    /// # Shapes
    /// → [B, steps, width]
    ///
    /// # Errors
    /// As [`CodecLm::forward`].
    pub fn hidden<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        sequences: &Sequences,
    ) -> Result<Array<D>, OpError> {
        let shape = [sequences.batch(), sequences.len];
        let mut x = embedding(pass.tape, pass.param(self.text), &sequences.symbols, shape)?;
        let told = sequences.codes.iter().chain(&sequences.cue);
        for (&table, ids) in self.codes.iter().chain(&self.cue).zip(told) {
            let more = embedding(pass.tape, pass.param(table), ids, shape)?;
            x = add(pass.tape, &x, &more)?;
        }
        if let Some(speakers) = self.speakers {
            let ids: Vec<u32> =
                sequences.speakers.iter().flat_map(|&one| std::iter::repeat_n(one, sequences.len)).collect();
            let voice = embedding(pass.tape, pass.param(speakers), &ids, shape)?;
            x = add(pass.tape, &x, &voice)?;
        }
        for (at, layer) in self.layers.iter().enumerate() {
            let layer = Arc::clone(layer);
            let block = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x);
            x = pass.within(format_args!("layers.{at}"), |pass| pass.block(&x, block))?;
        }
        let x = pass.within("norm", |pass| self.norm.forward(pass, &x))?;
        let rows = x.reshaped([sequences.batch() * sequences.len, self.plan.width])?;
        embedding(pass.tape, &rows, &sequences.told, [sequences.batch(), sequences.steps])
    }

    /// What the codes of each frame stand for, added up over all levels but the last, which has the least to say; over the only one where there is one.
    ///
    /// # Shapes
    /// codes [frames, levels] → [frames, width]
    ///
    /// # Errors
    /// A code is unknown, or the device failed.
    pub fn rows<D: Backend>(&self, params: &Params<D>, codes: &[u32]) -> Result<Vec<f32>, OpError> {
        let (levels, width) = (self.plan.levels, self.plan.width);
        let frames = codes.len() / levels;
        let mut sums = vec![0.0; frames * width];
        for (level, &table) in self.codes.iter().enumerate().take((levels - 1).max(1)) {
            let ids: Vec<u32> = codes.iter().skip(level).step_by(levels).copied().collect();
            let rows = embedding(&mut Tape::silent(), params.array(table), &ids, [1, frames])?.download()?;
            sums.iter_mut().zip(rows).for_each(|(sum, x)| *sum += x);
        }
        Ok(sums)
    }
}

/// The sizes of a mixer of the plan.
fn mixer_sizes(plan: &CodecLmPlan) -> MixerSizes {
    let MixerPlan::Mamba2 { inner, head_dim, state, taps, chunk, .. } = plan.mixer else {
        unreachable!("a plan of this family has Mamba-2")
    };
    MixerSizes::Mamba2(Mamba2Sizes { width: plan.width, inner, head_dim, state, taps, chunk, simple: false })
}
