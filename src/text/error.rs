//! Why a vocabulary could not be used.

use std::io;
use std::path::PathBuf;

/// A vocabulary file that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file could not be read.
    #[error("cannot read the vocabulary `{}`: {source}", path.display())]
    Io {
        /// The vocabulary file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not a JSON object from token to id.
    #[error("the vocabulary `{}` is not a JSON object of token to id: {detail}", path.display())]
    NotAVocabulary {
        /// The vocabulary file.
        path: PathBuf,
        /// What is wrong, and where.
        detail: String,
    },
    /// An id is missing, or two tokens share one.
    #[error(
        "the vocabulary `{}` holds {tokens} tokens, so their ids must be 0 to {}, each once; {detail}",
        path.display(),
        tokens - 1
    )]
    Ids {
        /// The vocabulary file.
        path: PathBuf,
        /// Tokens in the file.
        tokens: usize,
        /// The first id that is wrong.
        detail: String,
    },
    /// A token that CTC needs is not there.
    #[error("the vocabulary `{}` has no {role} token (`{}` or `{}`)", path.display(), names[0], names[1])]
    MissingToken {
        /// The vocabulary file.
        path: PathBuf,
        /// What the token is for.
        role: &'static str,
        /// The names it may have.
        names: [&'static str; 2],
    },
}

impl TextError {
    /// True where the file is absent rather than wrong.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
