//! What is learned, and how is it judged? Losses, metrics and predictions.
//!
//! [`Objective`] turns activations (and a teacher's) into loss terms and the gradients they start from; [`Judge`] collects
//! predictions into WER, CER and accuracies. Models of sound itself learn to tell the next sample ([`NextSample`]) or the noise that
//! was added to a clip ([`Denoising`]); models of spectrograms, to tell masked patches apart and to draw them ([`MaskedPatches`]); models of
//! speech, to tell the mel frames of a text ([`Speaking`]) or codes of its sound ([`Coding`]). Not for: when to do either (`train`). Start at [`Objective::micro_batch`].

mod code_judge;
mod coding;
mod confusion;
mod continuing;
mod denoising;
mod distil;
mod ensemble;
mod front_end;
mod judge;
mod losses;
mod masked_patches;
mod next_sample;
mod predict;
mod ranking;
mod reading;
mod shares;
mod speaking;

pub use code_judge::{CodeJudge, Told};
pub use coding::Coding;
pub use confusion::{Confusion, confusions, mistakes};
pub use denoising::{Denoised, Denoising, NoiseJudge, NoiseSchedule, Noised};
pub use ensemble::mean_scores;
pub use front_end::{front_end, front_end_values};
pub use judge::{Judge, Judging, Prediction, Scores};
pub use losses::{MicroBatch, Objective, ctc_losses};
pub use masked_patches::{Answered, Contrast, MaskedPatches, PatchJudge, Unmasked, contrast};
pub use next_sample::{Examples, Likelihood, NextSample, SoundJudge, levels};
pub use predict::{best, greedy};
pub use ranking::Ranking;
pub use reading::{Losses, Reading};
pub use shares::Shares;
pub use speaking::{Speaking, SpeechJudge, Spoken, Uttered, frames_of, speech_mel};
