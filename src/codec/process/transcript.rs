//! What was heard in a speaker's recordings: one JSON file, an object of transcripts by the recordings' file names.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Transcripts by the names of the files that they are of, in the order of the names.
pub type Transcripts = BTreeMap<String, Transcript>;

/// What was heard in one recording.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Transcript {
    /// Its parts, with their places; none where only the whole is known.
    #[serde(default)]
    pub segments: Vec<Segment>,
    /// Its language, as a tag or as speech recognisers write it (`english`); empty where it was never known.
    #[serde(default)]
    pub language: Option<String>,
    /// All of it.
    #[serde(default)]
    pub text: String,
}

/// A part of a recording.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Segment {
    /// Where it begins, in seconds; `None`: with the recording.
    pub start: Option<f64>,
    /// Where it ends, in seconds; `None`: with the recording.
    pub end: Option<f64>,
    /// What is said in it.
    pub text: String,
}

/// Why there are no transcripts.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The file system refused, or there is no such file.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not an object of transcripts.
    #[error("`{}` has no transcripts: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, as a fragment of a sentence.
        reason: String,
    },
}

impl TranscriptError {
    /// Whether the file is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self, TranscriptError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads the transcripts at `path`.
///
/// # Errors
/// The file cannot be read, is no object of transcripts, or is about a file that does not lie beside the others.
pub fn read_transcripts(path: &Path) -> Result<Transcripts, TranscriptError> {
    let text = fs::read(path).map_err(|source| TranscriptError::Io { path: path.to_owned(), source })?;
    let damaged = |reason: String| TranscriptError::Damaged { path: path.to_owned(), reason };
    let transcripts: Transcripts =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    // A name becomes part of paths that are read and written.
    match transcripts.keys().find(|name| Path::new(name).file_name() != Some(name.as_ref())) {
        Some(name) => Err(damaged(format!("`{name}` is no name of a file"))),
        None => Ok(transcripts),
    }
}
