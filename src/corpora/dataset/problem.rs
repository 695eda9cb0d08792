//! What can be wrong with a data set, always with the file and, where there is one, the row.

use std::fmt;
use std::path::{Path, PathBuf};

/// Wrong cells that one error lists; more are counted.
const LISTED_PROBLEMS: usize = 20;

/// What is wrong with one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellProblem {
    /// The shard.
    pub path: PathBuf,
    /// Row of the shard, counted from 0 as `datasets` does.
    pub row: usize,
    /// The column at fault.
    pub column: String,
    /// What is wrong.
    pub what: String,
}

/// Why a data set was not prepared.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The folder is not there.
    #[error("there is no data set at `{}`", .0.display())]
    Missing(PathBuf),
    /// The folder holds nothing we know.
    #[error("`{}` holds neither a saved data set nor shards (`.arrow`, `.parquet`)", dir.display())]
    NoShards {
        dir: PathBuf,
        /// Folders below that hold shards.
        elsewhere: Vec<PathBuf>,
    },
    /// A shard of a numbered series is not there.
    #[error("the shard `{}` is missing", .0.display())]
    ShardMissing(PathBuf),
    /// A file cannot be read.
    #[error("cannot read `{}`: {detail}", path.display())]
    Unreadable { path: PathBuf, detail: String },
    /// A split has another number of rows than the data set says.
    #[error("`{}` has {found} rows of the split `{split}`, but its `dataset_info.json` says {listed}", dir.display())]
    Rows { dir: PathBuf, split: String, listed: u64, found: u64 },
    /// None of the data set's splits is wanted.
    #[error("the data set has no split {wanted}; it has {}", backticked(have))]
    NoSplit { wanted: String, have: Vec<String> },
    /// A column that was asked for is not there.
    #[error("`{}` has no column `{column}`; it has {}", path.display(), backticked(have))]
    NoColumn { path: PathBuf, column: String, have: Vec<String> },
    /// A column holds what we cannot use.
    #[error("`{}`, column `{column}`: it holds {found}, not {wanted}", path.display())]
    ColumnType { path: PathBuf, column: String, found: String, wanted: &'static str },
    /// Cells are wrong.
    #[error("{}", display(problems))]
    Cells { problems: Vec<CellProblem> },
}

impl DatasetError {
    /// True where the input is absent rather than wrong.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::NoShards { .. } | Self::ShardMissing(_))
    }

    /// What the user can do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoShards { elsewhere, .. } if elsewhere.is_empty() => None,
            Self::NoShards { elsewhere, .. } => {
                let folders: Vec<String> = elsewhere.iter().map(|dir| dir.display().to_string()).collect();
                Some(format!("there are shards in {}; name one of these with `--from`", backticked(&folders)))
            }
            Self::ShardMissing(_) | Self::Rows { .. } => {
                Some("download or save the data set again".to_owned())
            }
            Self::NoSplit { .. } => {
                Some("say what its splits become: `--split NAME=train,NAME=dev,NAME=test`".to_owned())
            }
            Self::Cells { problems } if problems.iter().any(|problem| problem.what.ends_with(SAME_NAME)) => {
                Some(
                    "name the utterances after another column, a path or an identifier: `--name COLUMN`"
                        .to_owned(),
                )
            }
            _ => None,
        }
    }

    pub(super) fn unreadable(path: &Path, detail: impl fmt::Display) -> Self {
        Self::Unreadable { path: path.to_owned(), detail: detail.to_string() }
    }

    /// What an error in reading the file at `path` becomes.
    pub(super) fn at<E: fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self::unreadable(path, error)
    }
}

/// How the sentence about two utterances of one name ends; it has advice of its own.
pub(super) const SAME_NAME: &str = "names two utterances";

fn backticked(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn display(problems: &[CellProblem]) -> String {
    let mut lines: Vec<String> = problems
        .iter()
        .take(LISTED_PROBLEMS)
        .map(|cell| {
            format!("`{}`, row {}, column `{}`: {}", cell.path.display(), cell.row, cell.column, cell.what)
        })
        .collect();
    if problems.len() > LISTED_PROBLEMS {
        lines.push(format!("wrong cells besides these: {}", problems.len() - LISTED_PROBLEMS));
    }
    lines.join("\n")
}
