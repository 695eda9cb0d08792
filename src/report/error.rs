//! Why there is no table.

use polars::prelude::PolarsError;

use crate::record::RecordError;

/// What can be wrong with a request for a table.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No run has such a column.
    #[error("no run has a column `{name}`")]
    UnknownColumn { name: String, known: Vec<String> },
    /// Several columns end in what was named.
    #[error("`{name}` may be {}", quoted(.meant))]
    AmbiguousColumn { name: String, meant: Vec<String> },
    /// No published table is called so.
    #[error("there is no published table `{name}`")]
    UnknownPaper { name: String, known: Vec<String> },
    /// The file of published numbers is damaged: a bug of ours.
    #[error("the published numbers cannot be read; this is a bug of runner: {0}")]
    Published(String),
    /// A condition is not `column OPERATOR value`.
    #[error("`{text}` is not a condition")]
    Condition { text: String },
    /// What runs were judged to be cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// polars refused.
    #[error("the table cannot be made: {0}")]
    Frame(#[from] PolarsError),
    /// The Parquet writer refused.
    #[error("the table cannot be written as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

impl ReportError {
    /// What the reader may do about it, where there is something.
    pub fn help(&self) -> Option<String> {
        match self {
            ReportError::UnknownColumn { name, known } => Some(known_help(name, known)),
            ReportError::UnknownPaper { known, .. } => Some(format!("there are {}", quoted(known))),
            ReportError::AmbiguousColumn { .. } => Some("write the whole name".into()),
            ReportError::Condition { .. } => {
                Some("write `test/wer<0.1` or `state=finished`; operators are = != < <= > >=".into())
            }
            ReportError::Published(_)
            | ReportError::Record(_)
            | ReportError::Frame(_)
            | ReportError::Parquet(_) => None,
        }
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The names most like the one that no run has; where none is, all but the options, which are many.
fn known_help(name: &str, known: &[String]) -> String {
    const ALIKE: f64 = 0.8;
    const SHOWN: usize = 3;
    let last = |other: &str| other.rsplit(['.', '/']).next().unwrap_or_default().to_owned();
    let likeness =
        |other: &String| strsim::jaro_winkler(name, other).max(strsim::jaro_winkler(name, &last(other)));
    let mut alike: Vec<&String> = known.iter().filter(|other| likeness(other) >= ALIKE).collect();
    alike.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    if !alike.is_empty() {
        let alike: Vec<String> = alike.into_iter().take(SHOWN).cloned().collect();
        return format!("did you mean {}?", quoted(&alike).replace(", ", " or "));
    }
    let (options, others): (Vec<&String>, Vec<&String>) = known.iter().partition(|name| name.contains('.'));
    let others: Vec<&str> = others.into_iter().map(String::as_str).collect();
    format!("there are {}, and {} options such as `train.max_lr`", others.join(", "), options.len())
}
