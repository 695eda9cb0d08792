//! Why a corpus was not prepared.

use std::io;
use std::path::{Path, PathBuf};

use super::work::Made;
use super::{Layout, Recipe};
#[cfg(feature = "datasets")]
use crate::corpora::dataset::DatasetError;
use crate::corpora::table::TableError;
use crate::text::TextError;

/// Why there is no prepared folder.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The corpus is not where it was looked for.
    #[error("there is no {corpus} at `{}`: {detail}", source_dir.display())]
    SourceMissing {
        corpus: &'static str,
        source_dir: PathBuf,
        /// What was looked for.
        detail: String,
        /// Where it can be had, and which folder is to be given.
        get: &'static str,
    },
    /// A file of the source cannot be used at all.
    #[error("cannot use `{}`: {detail}", path.display())]
    Source { path: PathBuf, detail: String, help: Option<&'static str> },
    /// A transcript table is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A data set is wrong.
    #[cfg(feature = "datasets")]
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The folder, or the place where it grows, holds something else.
    #[error("`{}` {detail}; nothing was written", path.display())]
    Taken { path: PathBuf, detail: String },
    /// Another process is at it.
    #[error("`{}` is being prepared by another process", .0.display())]
    Busy(PathBuf),
    /// The disk is too small.
    #[error(
        "`{}` takes about {:.1} MB more, the disk has {:.1} MB free",
        out.display(), *expected_bytes as f64 / 1e6, *free_bytes as f64 / 1e6
    )]
    NoRoom { out: PathBuf, expected_bytes: u64, free_bytes: u64 },
    /// Writing failed.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// A clip could not be written.
    #[error("cannot write a clip: {detail}")]
    Write { detail: String },
    /// The vocabulary made cannot be used.
    #[error(transparent)]
    Vocabulary(#[from] TextError),
    /// Not one utterance came out.
    #[error("nothing in `{}` can be used; the first of {count} reasons: {first}", source_dir.display())]
    NothingUsable { source_dir: PathBuf, count: usize, first: String },
    /// It was asked to stop.
    #[error("stopped after {done} of {files} files")]
    Stopped { done: usize, files: usize },
}

impl PrepareError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    pub(super) fn nothing_usable(recipe: &dyn Recipe, layout: &Layout, made: &[Made]) -> Self {
        let bad: Vec<_> = layout.bad.iter().chain(made.iter().flat_map(|made| &made.bad)).collect();
        let first = bad.first().map_or_else(
            || "it lists no utterance".to_owned(),
            |bad| match bad.line {
                Some(line) => format!("`{}:{line}`: {}", bad.file, bad.reason),
                None => format!("`{}`: {}", bad.file, bad.reason),
            },
        );
        Self::NothingUsable { source_dir: recipe.source().to_owned(), count: bad.len().max(1), first }
    }

    /// What the user can do about it, where we know.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            #[cfg(feature = "datasets")]
            Self::Dataset(error) => return error.help(),
            Self::SourceMissing { get, .. } => Some(*get),
            Self::Source { help, .. } => *help,
            Self::Taken { .. } => Some("name another folder, or move this one away"),
            Self::NoRoom { .. } => Some("make room, or name a folder on another disk"),
            Self::Stopped { .. } => Some("the same command goes on from here"),
            Self::Io { .. } | Self::Write { .. } => {
                Some("once that is mended, the same command goes on from here")
            }
            Self::Table(_) | Self::Busy(_) | Self::Vocabulary(_) | Self::NothingUsable { .. } => None,
        };
        help.map(str::to_owned)
    }
}
