//! Why there is no transcript.

use std::path::{Path, PathBuf};

use crate::audio::features::FeatureError;
use crate::model::weights::WeightsError;

/// Why a model could not be opened, or a sound not be transcribed.
#[derive(Debug, thiserror::Error)]
pub enum TranscribeError {
    /// The weights cannot be read, or do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A file beside the weights is damaged, missing or of another model.
    #[error("`{}` is not Whisper's: {reason}", path.display())]
    Beside {
        /// The file.
        path: PathBuf,
        /// What is wrong, as a fragment of a sentence.
        reason: String,
    },
    /// A language that the model does not know.
    #[error("the model knows no language called `{name}`")]
    Language {
        /// As asked for.
        name: String,
        /// The names of those that it knows.
        known: Vec<&'static str>,
    },
    /// A file of transcripts that is none.
    #[error("`{}` is no file of transcripts: {reason}", path.display())]
    Book {
        /// The file.
        path: PathBuf,
        /// What is wrong, as a fragment of a sentence.
        reason: String,
    },
    /// The front end has no such bands.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The model's arithmetic failed.
    #[error("{0}")]
    Op(#[from] candle_core::Error),
    /// Somebody asked to stop.
    #[error("stopped on request")]
    Stopped,
}

impl TranscribeError {
    /// A file beside the weights is not what it should be.
    pub(super) fn beside(path: &Path, reason: impl ToString) -> Self {
        TranscribeError::Beside { path: path.to_owned(), reason: reason.to_string() }
    }
}
