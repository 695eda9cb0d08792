//! What can be wrong with a corpus, always with the file and, where there is one, the line.

use std::io;
use std::path::{Path, PathBuf};

use super::meta::{self, LineProblem};
use crate::audio::AudioError;

/// Why a corpus, or an utterance of it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The folder of the corpus is not there.
    #[error("there is no corpus at `{}`", dir.display())]
    Missing { dir: PathBuf },
    /// The folder is there, one of its files is not.
    #[error("the corpus at `{}` has no `{file}`", dir.display())]
    FileMissing { dir: PathBuf, file: String },
    /// A file could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Lines of a meta file are wrong.
    #[error("{}", meta::display(path, problems, *more))]
    Meta {
        path: PathBuf,
        problems: Vec<LineProblem>,
        /// Wrong lines beyond the listed ones.
        more: usize,
    },
    /// A meta file lists nothing.
    #[error("`{}` lists no utterance", path.display())]
    Empty { path: PathBuf },
    /// The class names are not in a shape we know.
    #[error("cannot use the categories in `{}`: {detail}", path.display())]
    Categories { path: PathBuf, detail: String },
    /// No file belongs to an utterance.
    #[error(
        "there is no audio for utterance `{name}`; tried {} with the endings `.flac`, `.wav`, `.ogg` and none",
        tried.join(", ")
    )]
    NoAudio {
        name: String,
        /// The places looked at, without endings.
        tried: Vec<String>,
    },
    /// An archive of audio is broken.
    #[error("cannot read the archive `{}`: {detail}", path.display())]
    Archive { path: PathBuf, detail: String },
    /// The sound of an utterance cannot be decoded.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The sound is not as long as the meta file says.
    #[error("`{}:{line}` says {listed} samples, but `{audio}` has {found} at {rate_hz} Hz", meta.display())]
    Length { meta: PathBuf, line: usize, listed: usize, audio: String, found: usize, rate_hz: u32 },
}

impl CorpusError {
    /// Why a file of a corpus could not be read; an absent one is told apart, see
    /// [`CorpusError::is_missing`].
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        let dir = path.parent().unwrap_or(Path::new(""));
        match (source.kind(), path.file_name()) {
            (io::ErrorKind::NotFound, _) if !dir.is_dir() => Self::Missing { dir: dir.to_owned() },
            (io::ErrorKind::NotFound, Some(file)) => {
                Self::FileMissing { dir: dir.to_owned(), file: file.display().to_string() }
            }
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// True where the input is absent rather than wrong: the caller can offer ways to get it.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::FileMissing { .. })
    }

    /// What the user can do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Audio(error) => error.help().map(str::to_owned),
            Self::Meta { problems, .. } => problems.first().and_then(LineProblem::help),
            Self::Length { rate_hz, .. } => Some(format!(
                "lengths in meta files are counted at {rate_hz} Hz; prepare the corpus again if its audio has changed"
            )),
            _ => None,
        }
    }
}
