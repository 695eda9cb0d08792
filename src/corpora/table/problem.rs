//! What can be wrong with a transcript table.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

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
    /// The table could not be read.
    #[error("cannot read the table `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The table as a whole cannot be used.
    #[error("cannot use the table `{}`: {detail}", path.display())]
    Table { path: PathBuf, detail: String },
    /// Rows of the table are wrong.
    #[error("{}", display(path, problems))]
    Rows { path: PathBuf, problems: Vec<RowProblem> },
}

impl TableError {
    /// True where the table is absent rather than wrong.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    pub(super) fn table(path: &Path, detail: impl Into<String>) -> Self {
        Self::Table { path: path.to_owned(), detail: detail.into() }
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
        lines.push(format!("wrong rows besides these: {}", problems.len() - LISTED_PROBLEMS));
    }
    lines.join("\n")
}
