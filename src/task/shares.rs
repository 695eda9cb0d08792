//! What a loss is divided by, and how much of an update a micro-batch is.
//!
//! With `loss_normalize_type = "sample"` an update's losses are divided by its label characters N, which already makes the CTC term a
//! mean. Distillation and classification count frames and utterances instead, and are scaled to survive that division.

use crate::data::Batch;
use crate::plan::{Behaviour, ModelPlan};

/// Counts over all micro-batches of one update, known before the first is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shares {
    /// Valid frames: F.
    pub frames: usize,
    /// Label characters.
    pub chars: usize,
    /// Utterances.
    pub utterances: usize,
}

impl Shares {
    /// The counts of an update's batches.
    pub fn of(batches: &[Batch], model: &ModelPlan) -> Self {
        let mut shares = Shares::default();
        for batch in batches {
            shares.frames += batch.samples.iter().map(|&samples| model.frames(samples)).sum::<usize>();
            shares.chars += batch.labels.iter().map(|labels| labels.chars).sum::<usize>();
            shares.utterances += batch.len();
        }
        shares
    }

    /// What a sum over frames is multiplied with, so that after the division by N it is a mean over frames.
    ///
    /// `reference` takes the micro-batch's own `chars` in place of the update's: the term then shrinks as 1/k with k
    /// micro-batches (CALD's published behaviour).
    pub fn frame_scale(&self, alpha_scaling: Behaviour, chars: f64) -> f64 {
        let chars = match alpha_scaling {
            Behaviour::Sound => self.chars as f64,
            Behaviour::Reference => chars,
        };
        chars / self.frames.max(1) as f64
    }

    /// What a sum over utterances is multiplied with, so that after the division by N it is a mean over utterances; 1 for
    /// the reference, whose classifier loss is divided by characters.
    pub fn utterance_scale(&self, classifier_norm: Behaviour) -> f64 {
        match classifier_norm {
            Behaviour::Sound => self.chars as f64 / self.utterances.max(1) as f64,
            Behaviour::Reference => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_references_distillation_weight_shrinks_with_accumulation() {
        // One update of 40 characters and 200 frames, in one micro-batch or in two of 20 characters.
        let shares = Shares { frames: 200, chars: 40, utterances: 4 };
        let one = shares.frame_scale(Behaviour::Reference, 40.0);
        let half = shares.frame_scale(Behaviour::Reference, 20.0);
        assert_eq!((one, half), (0.2, 0.1));
        assert_eq!(shares.frame_scale(Behaviour::Sound, 20.0), one);
        assert_eq!(shares.utterance_scale(Behaviour::Sound), 10.0);
        assert_eq!(shares.utterance_scale(Behaviour::Reference), 1.0);
    }
}
