//! Connectionist temporal classification, its log-softmax fused.
//!
//! With y_tv = softmax(x_t)_v and l' the target with a blank before, between and after its labels (S = 2L + 1 states),
//! p(target) sums Π_t y_{t,l'(s_t)} over all paths s that start in one of the first two states, end in one of the last two, and
//! stay, step to the next state, or skip a blank between two different labels.
//!
//! Forward: loss_b = −ln p(target_b), by α_t(s) = ln p(prefix up to s at t) from the first frame on.
//! Backward, with β_t(s) = ln p(rest | s at t) from the last frame back: dx_tv = dloss_b (y_tv − Σ_{s: l'(s)=v} e^{α_t(s)+β_t(s)} / p),
//! nothing for t ≥ `input_lens[b]`.
//!
//! A target that no path spells has loss +∞ and gradient NaN, or 0 and 0 with `zero_infinity` (as in PyTorch).
//!
//! Not for: decoding.
//!
//! # Shapes
//! logits [B, T, V] → losses [B]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
mod lattice;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Tape};

/// What was said in each utterance of a batch.
#[derive(Debug, Clone)]
pub struct CtcLoss {
    /// The class ids of each utterance, without blanks between them.
    pub targets: Vec<Vec<u32>>,
    /// Valid frames of each utterance.
    pub input_lens: Vec<usize>,
    /// The class that separates labels.
    pub blank: u32,
    /// Whether a target that cannot be aligned counts as loss 0 with gradient 0.
    pub zero_infinity: bool,
}

/// [`CtcLoss`] of logits of given extents: the op that devices run.
#[derive(Debug, Clone)]
pub struct CtcLossOver {
    constants: CtcLoss,
    /// Frames, T.
    time: usize,
    /// Classes, V.
    classes: usize,
}

impl Op for CtcLossOver {
    const NAME: &'static str = "ctc_loss";
}

/// −ln p(target | logits) of each utterance of `logits` [B, T, V], as [B]; not divided by any length.
///
/// # Errors
/// There is not one target and one length per utterance, a length exceeds T, a label or the blank is not below V, or the
/// device failed.
pub fn ctc_loss<D: Run<CtcLossOver>>(
    tape: &mut Tape<D>,
    logits: &Array<D>,
    op: CtcLoss,
) -> Result<Array<D>, OpError> {
    let [batch, time, classes] = logits.dims(CtcLossOver::NAME, "logits")?;
    if let Some(want) = op.misfit(batch, time, classes) {
        return Err(OpError::Shape { op: CtcLossOver::NAME, operand: "logits", got: logits.shape(), want });
    }
    apply_one(tape, CtcLossOver { constants: op, time, classes }, &[logits], [batch])
}

impl CtcLoss {
    /// What does not fit logits of this shape.
    fn misfit(&self, batch: usize, time: usize, classes: usize) -> Option<String> {
        if self.targets.len() != batch {
            return Some(format!("there are {} targets", self.targets.len()));
        }
        if self.input_lens.len() != batch {
            return Some(format!("there are {} lengths", self.input_lens.len()));
        }
        if let Some(b) = self.input_lens.iter().position(|&len| len > time) {
            return Some(format!("utterance {b} is {} frames long", self.input_lens[b]));
        }
        if self.blank as usize >= classes {
            return Some(format!("the blank is class {}", self.blank));
        }
        for (b, target) in self.targets.iter().enumerate() {
            if let Some(label) = target.iter().find(|&&label| label as usize >= classes) {
                return Some(format!("the target of utterance {b} holds class {label}"));
            }
        }
        None
    }
}
