//! A network part by part, without running it: what it is made of, and what its parts keep until backward.
//!
//! Counted are arrays as ops make and keep them; so a change of what an op keeps belongs here, too: a test in `train` holds wav2vec2 to it.
//! Not for: what a whole run takes (`crate::train::memory_bytes`). Start at [`Parts`], which every network answers.

mod codec_lm;
mod tacomamba;
mod tiers;
mod wav2vec2;

use serde::Serialize;

use super::declare;
use crate::nn::Declaration;
use crate::plan::{MixerPlan, ModelPlan};

/// What is told of a network without running it.
pub trait Parts {
    /// Its parts for one utterance of `samples`, in the order data meets them.
    fn parts(&self, samples: usize) -> Vec<Part>;

    /// What its parts take of a batch in training, in the order of forward.
    fn stages(&self, step: &Step<'_>) -> Vec<Stage>;
}

/// A part of a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Name prefix of its parameters.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Shape of its output for one utterance: frames × channels.
    pub output: [usize; 2],
    pub params: usize,
}

impl Part {
    /// A part whose parameters are still to be counted.
    pub(super) fn new(name: impl Into<String>, kind: impl Into<String>, output: [usize; 2]) -> Self {
        Part { name: name.into(), kind: kind.into(), output, params: 0 }
    }

    fn has(&self, declaration: &Declaration) -> bool {
        let rest = declaration.name.strip_prefix(&self.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// The parts of a model for an utterance of `samples`, in the order data meets them.
pub fn parts(model: &ModelPlan, samples: usize) -> Vec<Part> {
    let (network, declarations) = declare(model);
    let counted = |part: Part| {
        let own = declarations.iter().filter(|declaration| part.has(declaration));
        Part { params: own.map(|declaration| declaration.shape.len()).sum(), ..part }
    };
    network.told().parts(samples).into_iter().map(counted).collect()
}

/// What one batch asks of a network in training.
pub struct Step<'a> {
    /// Samples of the batch, padding included.
    pub samples: f64,
    /// Blocks keep their input only, and run again in backward.
    pub recomputes: bool,
    /// Each layer's output has a gradient from the objective itself.
    pub layers_compared: bool,
    /// Parameters that learn under a name prefix.
    pub learning: &'a dyn Fn(&str) -> f64,
}

/// What a part takes of a batch, in floats.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stage {
    /// Parameters that learn.
    pub params: f64,
    /// There from forward until its backward.
    pub kept: f64,
    /// There while its forward runs, what it keeps included.
    pub made: f64,
    /// Comes on top while its backward runs: gradients, scratch, and what it computes again.
    pub under_way: f64,
    /// A gradient that the objective has for its output from the start.
    pub owed: f64,
}

/// A layer of which only the output of `width` floats stays: the input of the next.
pub(super) fn again(mixed: Stage, fed: Stage, width: f64) -> Stage {
    Stage {
        params: mixed.params + fed.params,
        kept: width,
        made: mixed.made.max(fed.made + 2.0 * width),
        under_way: (mixed.kept + mixed.under_way).max(mixed.kept + fed.kept + fed.under_way),
        owed: fed.owed,
    }
}

/// Steps between the states that the scans keep, and channels of one of their tasks.
const MAMBA1_BLOCK: f64 = 16.0;
const MAMBA1_TILE: usize = 64;
const MAMBA2_CHUNK: f64 = 64.0;
const MAMBA2_TASK: f64 = 192.0;

/// What mixes frames, both ways where it has a way, with the sum and the norm behind it.
pub(super) fn mixing(width: usize, mixer: MixerPlan, frames: f64) -> Stage {
    let (kept, under_way) = one_way(width, mixer);
    match mixer {
        MixerPlan::Attention { .. } => among(width, kept, under_way, frames),
        // The other way's frames are turned round before.
        MixerPlan::Mamba1 { .. } | MixerPlan::Mamba2 { .. } => {
            among(width, 2.0 * kept + width as f64, under_way, frames)
        }
    }
}

/// What mixes frames from the first to the last, with the sum and the norm beside it.
pub(super) fn mixing_ahead(width: usize, mixer: MixerPlan, frames: f64) -> Stage {
    let (kept, under_way) = one_way(width, mixer);
    among(width, kept, under_way, frames)
}

/// A mixer that keeps so much of a frame, among a sum and a norm.
fn among(width: usize, kept: f64, under_way: f64, frames: f64) -> Stage {
    let behind = 2.0 * width as f64;
    Stage {
        params: 0.0,
        kept: (kept + behind) * frames,
        made: (kept + 2.0 * behind) * frames,
        under_way: under_way * frames,
        owed: 0.0,
    }
}

/// What a mixer keeps of a frame that it walks over once, and what its backward takes besides.
fn one_way(width: usize, mixer: MixerPlan) -> (f64, f64) {
    let width = width as f64;
    match mixer {
        // q, k, v, the mixture, and a sum for each query and head; their gradients.
        MixerPlan::Attention { heads } => (4.0 * width + heads as f64, 6.0 * width),
        MixerPlan::Mamba1 { inner, state, rank, .. } => {
            let tiled = inner.next_multiple_of(MAMBA1_TILE) as f64;
            let (inner, state) = (inner as f64, state as f64);
            // x, gate, the convolution's output, Δ, the scan's output; Δ's low rank, B and C; states.
            let kept = 5.0 * inner + rank as f64 + 2.0 * state + tiled * state / MAMBA1_BLOCK;
            (kept, 6.0 * inner + 3.0 * width)
        }
        MixerPlan::Mamba2 { inner, head_dim, state, chunk, .. } => {
            let heads = inner.checked_div(head_dim).unwrap_or(0) as f64;
            let (inner, state) = (inner as f64, state as f64);
            let chunk = MAMBA2_CHUNK.min(chunk as f64);
            // Gate, the scan's output and its norm; x, B and C before and behind the convolution; dt, Δ and its sums; C·B; states.
            let kept = 5.0 * inner + 4.0 * state + 4.0 * heads + chunk + inner * state / chunk;
            let partials = (inner / MAMBA2_TASK).ceil() * (2.0 * state + chunk);
            (kept, 5.0 * inner + partials + 3.0 * width)
        }
    }
}

/// The sum before a norm, the norm's output, what the first product makes, and the next sum and norm. What GELU makes of it is made twice.
pub(super) fn feed_forward(width: usize, inner: usize, frames: f64) -> Stage {
    let (width, inner) = (width as f64 * frames, inner as f64 * frames);
    let kept = 2.0 * width + inner;
    Stage { params: 0.0, kept, made: kept + 2.0 * width + inner, under_way: 2.0 * width + inner, owed: 0.0 }
}

/// A mixer in words.
pub(super) fn mixer_name(mixer: MixerPlan) -> String {
    match mixer {
        MixerPlan::Attention { heads } => format!("attention × {heads}"),
        MixerPlan::Mamba1 { state, .. } => format!("bidirectional Mamba, {state} states"),
        MixerPlan::Mamba2 { inner, head_dim, state, .. } => {
            format!("bidirectional Mamba-2 × {}, {state} states", inner / head_dim)
        }
    }
}
