//! What could not be used, or not wholly: the rows of `bad_files.tsv`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The file that lists them, in the prepared folder.
pub const BAD_FILES: &str = "bad_files.tsv";

/// A source file or a line of one that did not come out as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bad {
    /// The source file, as seen from the source folder.
    pub file: String,
    /// A line of it, from 1, or a row of a file that has no lines, from 0; `None` for the whole file.
    pub line: Option<u64>,
    pub reason: String,
    pub outcome: Outcome,
}

/// What was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// So many utterances are missing from the lists.
    Skipped { utterances: usize },
    /// The utterance is there, shorter than asked.
    Cut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Skipped { utterances: 1 } => write!(out, "skipped 1 utterance"),
            Outcome::Skipped { utterances } => write!(out, "skipped {utterances} utterances"),
            Outcome::Cut => write!(out, "cut"),
        }
    }
}

impl Bad {
    /// A line that yields no utterance.
    pub fn line(file: impl Into<String>, line: u64, reason: impl Into<String>) -> Self {
        let outcome = Outcome::Skipped { utterances: 1 };
        Self { file: file.into(), line: Some(line), reason: reason.into(), outcome }
    }

    /// A file that yields none of `utterances`.
    pub fn file(file: impl Into<String>, utterances: usize, reason: impl Into<String>) -> Self {
        let outcome = Outcome::Skipped { utterances };
        Self { file: file.into(), line: None, reason: reason.into(), outcome }
    }
}

/// The text of `bad_files.tsv`: a header, and a row for each, by file and line.
pub(super) fn table<'a>(bad: impl IntoIterator<Item = &'a Bad>) -> String {
    let mut text = "file\tline\treason\toutcome\n".to_owned();
    let mut rows: Vec<&Bad> = bad.into_iter().collect();
    rows.sort_by_key(|bad| (&bad.file, bad.line));
    for bad in rows {
        let line = bad.line.map(|line| line.to_string()).unwrap_or_default();
        let fields = [bad.file.clone(), line, bad.reason.clone(), bad.outcome.to_string()];
        text += &fields.map(|field| field.replace(['\t', '\n', '\r'], " ")).join("\t");
        text.push('\n');
    }
    text
}
