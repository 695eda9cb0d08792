//! CALD's two distillation terms (arXiv 2410.06846): hidden states layer by layer, and CTC outputs.

use kernels::kl_divergence::{KlDivergence, kl_divergence};
use kernels::layer_distance::{LayerDistance, layer_distance};
use kernels::{Array, Backend, OpError, Tape};

use crate::model::Activations;
use crate::plan::{Behaviour, DistillPlan};

/// Fixed by the method.
const TEMPERATURE: f32 = 2.0;
const NORM_EPS: f32 = 1e-5;

/// A scalar on the tape, what it is weighted with, and its name in logs.
pub struct Term<D: Backend> {
    pub name: &'static str,
    pub value: Array<D>,
    /// Gradient of the objective with respect to the scalar.
    pub weight: f64,
    /// Share of the scalar that is logged as the loss: the weight without alpha.
    pub logged: f64,
}

/// Weights of frames: 1 on valid frames of the utterances counted, else 0; a mean per utterance divides by its frames.
pub struct FrameWeights {
    pub padded_frames: usize,
    pub frames: Vec<usize>,
    /// Utterances that count (finite CTC loss).
    pub counted: Vec<bool>,
    /// Weigh utterances equally instead of frames.
    pub per_utterance: bool,
}

impl FrameWeights {
    fn masked(&self) -> Vec<f32> {
        self.rows(|row, frame| frame < self.frames[row] && self.counted[row])
    }

    /// The reference's quirk in utterance mode: padding and uncounted utterances weigh as well.
    fn unmasked(&self) -> Vec<f32> {
        self.rows(|_, _| true)
    }

    fn rows(&self, weighs: impl Fn(usize, usize) -> bool) -> Vec<f32> {
        let mut weights = Vec::with_capacity(self.frames.len() * self.padded_frames);
        for row in 0..self.frames.len() {
            let counted = if self.counted[row] { self.frames[row] } else { 0 };
            let each = if self.per_utterance { 1.0 / counted.max(1) as f32 } else { 1.0 };
            weights.extend((0..self.padded_frames).map(|t| if weighs(row, t) { each } else { 0.0 }));
        }
        weights
    }
}

/// The distillation terms of one micro-batch; `scale` makes sums over frames what the objective wants.
///
/// # Errors
/// Student and teacher do not have the same shapes, or the device failed.
pub fn terms<D: Backend>(
    tape: &mut Tape<D>,
    plan: &DistillPlan,
    student: &Activations<D>,
    teacher: &Activations<D>,
    weights: &FrameWeights,
    scale: f64,
) -> Result<Vec<Term<D>>, OpError> {
    let mut terms = Vec::new();
    if plan.alpha_layer > 0.0 {
        let layers = student.hidden_states.len() - 1;
        // Entry 0, the encoder's input, is left out.
        for (s, t) in student.hidden_states.iter().zip(&teacher.hidden_states).skip(1) {
            let settings = LayerDistance { weights: weights.masked(), eps: NORM_EPS };
            let value = layer_distance(tape, s, t, settings)?;
            let logged = scale / layers as f64;
            terms.push(Term { name: "layer_distill", value, weight: plan.alpha_layer * logged, logged });
        }
    }
    if plan.alpha_logits > 0.0 {
        let unmasked = weights.per_utterance && plan.logits_mask == Behaviour::Reference;
        let frame_weights = if unmasked { weights.unmasked() } else { weights.masked() };
        let settings = KlDivergence { temperature: TEMPERATURE, weights: frame_weights };
        let value = kl_divergence(tape, student.ctc()?, teacher.ctc()?, settings)?;
        terms.push(Term { name: "logits_distill", value, weight: plan.alpha_logits * scale, logged: scale });
    }
    Ok(terms)
}
