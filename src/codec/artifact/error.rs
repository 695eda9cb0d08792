//! Why a file of codes could not be read or written.

use std::io;
use std::path::PathBuf;

use super::Kind;

/// A file of codes, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the codes in `{}`: {fault}", path.display())]
pub struct ArtifactError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file system refused.
    #[error("{0}")]
    Io(io::Error),
    /// The name says nothing.
    #[error("its name ends in none of `.enc`, `.dac`, `.nem` and `.safetensors`")]
    Ending,
    /// Nobody has that many codes.
    #[error("it has {0} bytes, more than a day of codes")]
    Size(u64),
    /// Not a numpy file, or one of something else.
    #[error("it is no numpy file of one object: {0}")]
    Numpy(String),
    /// The pickle inside is damaged.
    #[error("its pickle is damaged: {0}")]
    Pickle(String),
    /// The pickle would make something that codes do not need. Nothing of it was run.
    #[error("its pickle asks for `{0}`, which no file of codes needs; nothing of it was run")]
    Foreign(String),
    /// Not a safetensors file of ours.
    #[error("it is no safetensors file of codes: {0}")]
    Safe(String),
    /// A value is missing, or is none.
    #[error("its `{key}` {what}")]
    Value {
        /// Which.
        key: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// No codec has codes of that shape.
    #[error("{levels} levels of {frames} frames are no codes of {codec}")]
    Shape {
        /// Whose codes they should be.
        codec: Kind,
        /// Rows.
        levels: usize,
        /// Columns.
        frames: usize,
    },
    /// A code beyond the codebook.
    #[error("{codec} has no code {code}")]
    Code {
        /// Whose codes they should be.
        codec: Kind,
        /// The first one too large.
        code: u16,
    },
    /// Codes of one codec under the name of another.
    #[error("the name is one for codes of {file}, these are of {codes}")]
    OtherCodec {
        /// As the name has it.
        file: Kind,
        /// As they are.
        codes: Kind,
    },
}

impl ArtifactError {
    /// Whether the file is missing.
    pub fn is_missing(&self) -> bool {
        matches!(&self.fault, Fault::Io(source) if source.kind() == io::ErrorKind::NotFound)
    }
}
