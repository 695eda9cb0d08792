//! What can be wrong with a transcript table.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::audio::AudioError;
use crate::text::TextError;

/// Wrong rows that one error lists; more are counted.
const LISTED_PROBLEMS: usize = 20;

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// Line of the table, counted from 1.
    pub line: u64,
    /// The column at fault.
    pub column: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Why a table was not prepared.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The output folder is there already.
    #[error("`{}` exists and is not empty; nothing was written", .0.display())]
    OutputExists(PathBuf),
    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// The table as a whole cannot be used.
    #[error("cannot use the table `{}`: {detail}", path.display())]
    Table { path: PathBuf, detail: String },
    /// Rows of the table are wrong.
    #[error("{}", display(path, problems))]
    Rows { path: PathBuf, problems: Vec<RowProblem> },
    /// Audio that the table names cannot be decoded.
    #[error("`{}:{line}`, column `path`: {source}", table.display())]
    Audio { table: PathBuf, line: u64, source: AudioError },
    /// A prepared clip could not be written.
    #[error(transparent)]
    Write(AudioError),
    /// The vocabulary made cannot be used.
    #[error(transparent)]
    Vocabulary(#[from] TextError),
}

impl TableError {
    /// What the user can do about it, where we know.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OutputExists(_) => Some("name another output folder, or move this one away"),
            Self::Audio { source, .. } => source.hint(),
            _ => None,
        }
    }

    pub(super) fn table(path: &Path, detail: impl Into<String>) -> Self {
        Self::Table { path: path.to_owned(), detail: detail.into() }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "column `{}`: {}", self.column, self.what)
    }
}

fn display(path: &Path, problems: &[RowProblem]) -> String {
    let mut lines: Vec<String> = problems
        .iter()
        .take(LISTED_PROBLEMS)
        .map(|problem| format!("`{}:{}`, {problem}", path.display(), problem.line))
        .collect();
    if problems.len() > LISTED_PROBLEMS {
        lines.push(format!("and {} more wrong rows", problems.len() - LISTED_PROBLEMS));
    }
    lines.join("\n")
}
