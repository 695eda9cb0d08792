//! How good is what was made? Scores of clips by what a classifier hears in them, beside the same of real ones.
//!
//! [`Listener`] turns clips into class probabilities and features ([`Heard`]); [`score`] makes of them the metrics that papers on generated
//! speech report: IS, mIS, AM, FID, confidence, and how often each class is heard. They compare clips that the same classifier heard and nothing
//! else. Not for: making clips (`generate`), training or judging the classifier itself (`train`, `task`). Start at [`score`];
//! of speech beside recordings of it, at [`speech`];
//! of voices that are compared, at [`voices`].

mod cut;
mod fid;
mod heard;
mod listener;
mod scores;
mod spectrum;
pub mod speech;
pub mod voices;

pub use cut::{LEAST_TO_CUT, cut};
pub use fid::fid;
pub use heard::Heard;
pub use listener::Listener;
pub use scores::{Scores, am, inception, modified_inception, score};

use kernels::OpError;

use crate::data::DataError;

/// Clips that every score can be made of: two halves, and a covariance.
pub const FEWEST: usize = 2;

/// Why clips have no scores.
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// The model has no classifier head.
    #[error("a `{0}` model without classes cannot judge clips")]
    NoClasses(&'static str),
    /// Too few to compare.
    #[error("{clips} clips are too few: {needed} are the least")]
    Few { clips: usize, needed: usize },
    /// The classifier's answer is no number.
    #[error("the classifier's answer to `{0}` is no number")]
    NoNumber(String),
    /// A real clip cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Somebody asked to stop.
    #[error("stopped on request")]
    Asked,
    /// An op refused or the device failed.
    #[error(transparent)]
    Op(#[from] OpError),
}
