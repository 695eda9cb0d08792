//! Why a text could not be read aloud, and why none could.

use std::io;
use std::path::PathBuf;

/// Nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum G2pError {
    /// The program is not there, or cannot be started.
    #[error("cannot start `{}`: {source}", program.display())]
    Start {
        /// As it was asked for.
        program: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It ended with an error, as for a voice that it does not have.
    #[error("`{}` cannot read with the voice `{voice}`: {said}", program.display())]
    Refused {
        /// As it was asked for.
        program: PathBuf,
        /// The voice asked for.
        voice: String,
        /// Its last words.
        said: String,
    },
    /// The rules that are built in cannot be used.
    #[error("the espeak-ng that is built in cannot read with the voice `{voice}`: {said}")]
    BuiltIn {
        /// The voice asked for.
        voice: &'static str,
        /// Why.
        said: String,
    },
    /// They are not.
    #[error("this program was built without espeak-ng's rules")]
    NotBuiltIn,
    /// Its answers are not one to a line.
    #[error("`{}` gave {answers} answers to {pieces} lines", program.display())]
    Answers {
        /// As it was asked for.
        program: PathBuf,
        /// Lines it was given.
        pieces: usize,
        /// Answers that were found in what it said.
        answers: usize,
    },
}

impl G2pError {
    /// Whether somebody asked for what this program does not have.
    pub fn is_request(&self) -> bool {
        matches!(self, Self::NotBuiltIn)
    }

    /// Whether the program is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What can be done about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Start { .. } => Some(
                "`apt install espeak-ng` brings it; `--espeak PATH` names one elsewhere, `--backend characters` does without",
            ),
            Self::Refused { .. } => Some("`espeak-ng --voices` lists the voices that it has"),
            Self::NotBuiltIn => Some(
                "build it with `--features espeak` (then it is under the GPL), or name the program: `--espeak PATH`",
            ),
            Self::BuiltIn { .. } | Self::Answers { .. } => None,
        }
    }
}

/// Why one text has no phonemes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// There is nothing in it that is said.
    #[error("nothing in it is said aloud")]
    Silent,
    /// A character whose reading depends on the word, which no program here knows.
    #[error("how `{0}` is read depends on the word: Japanese has to be written in kana")]
    Kanji(char),
}
