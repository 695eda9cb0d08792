//! Why there is no table.

use polars::prelude::PolarsError;

/// What can be wrong with a request for a table.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No run has such a column.
    #[error("no run has a column `{name}`")]
    UnknownColumn { name: String, known: Vec<String> },
    /// A condition is not `column OPERATOR value`.
    #[error("`{text}` is not a condition")]
    Condition { text: String },
    /// polars refused.
    #[error("the table cannot be made: {0}")]
    Frame(#[from] PolarsError),
}

impl ReportError {
    /// What the reader may do about it, where there is something.
    pub fn help(&self) -> Option<String> {
        match self {
            ReportError::UnknownColumn { known, .. } => Some(format!("there are {}", known.join(", "))),
            ReportError::Condition { .. } => {
                Some("write `test/wer<0.1` or `state=finished`; operators are = != < <= > >=".into())
            }
            ReportError::Frame(_) => None,
        }
    }
}
