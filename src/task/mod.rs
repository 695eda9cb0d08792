//! What is learned, and how is it judged? Losses, metrics and predictions.
//!
//! [`Objective`] turns activations (and a teacher's) into loss terms and the gradients they start from; [`Judge`] collects
//! predictions into WER, CER and accuracies. Not for: when to do either (`train`). Start at [`Objective::micro_batch`].

mod confusion;
mod distil;
mod judge;
mod losses;
mod predict;
mod shares;

pub use confusion::{Confusion, confusions, mistakes};
pub use judge::{Judge, Judging, Prediction, Scores};
pub use losses::{MicroBatch, Objective, ctc_losses};
pub use predict::{best, greedy};
pub use shares::Shares;
