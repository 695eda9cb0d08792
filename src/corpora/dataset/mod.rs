//! Hugging Face data sets on disk become a prepared corpus.
//!
//! For: what the library `datasets` leaves behind: a `save_to_disk` folder, a folder of its cache, and parquet shards as they are
//! downloaded from the hub. Audio is a struct of `bytes` and `path`, or a path. Classes keep the numbers the data set gives them.
//! Not for: downloading, loading scripts, audio that is already an array of numbers.
//! Start at [`prepare_dataset`]; built with the feature `datasets` only, because reading Arrow and Parquet takes minutes to compile.

mod columns;
mod features;
mod layout;
mod problem;
mod rows;
mod shard;
mod sounds;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::table::{self, Split, TableSummary};
pub use problem::{CellProblem, DatasetError};

/// Where the transcripts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextSource {
    /// A column of the data set.
    Column(String),
    /// The same text for every utterance, where only labels matter.
    Constant(String),
}

/// What to prepare, and where to.
#[derive(Debug, Clone)]
pub struct DatasetRequest {
    /// The folder of the data set; relative paths in its rows are looked for here, then from the working directory.
    pub from: PathBuf,
    /// The folder to make; it must not exist, or be empty.
    pub out: PathBuf,
    /// The column that holds the sound.
    pub audio: String,
    /// The column whose last three path components name the utterances; the path in `audio` where it is not given.
    pub name: Option<String>,
    /// Where the transcripts come from.
    pub text: TextSource,
    /// One column per classifier head: class labels, strings or whole numbers.
    pub labels: Vec<String>,
    /// The data set's splits to take, and what they become; empty for all whose names say what they are.
    pub splits: Vec<(String, Split)>,
    /// Sample rate of the prepared audio (16000 for all speech models here).
    pub rate_hz: u32,
    /// Lower-case the transcripts.
    pub lowercase: bool,
}

/// What was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSummary {
    /// The prepared corpus.
    pub corpus: TableSummary,
    /// Splits of the data set that were not asked for, or whose names say nothing.
    pub left_out: Vec<String>,
}

/// Reads the data set and writes the prepared corpus; `progress` is told utterances done and utterances in all.
///
/// The rows are read twice: all is checked before anything is written, and sounds are never held for more than one batch of rows.
///
/// # Errors
/// The output exists, the data set is missing, incomplete or lacks a column, cells are wrong (all are named), or audio cannot be
/// decoded. Then no output folder is left behind.
pub fn prepare_dataset(
    request: &DatasetRequest,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<DatasetSummary, DatasetError> {
    table::check_free(&request.out)?;
    let layout = layout::find(&request.from)?;
    let (shards, left_out) = layout::chosen(&layout, &request.splits)?;
    let listing = rows::read(request, &layout, &shards)?;
    let listed: Vec<table::Listed> = listing.rows.iter().map(rows::Row::listed).collect();
    let mut sounds = sounds::Sounds::new(request, &shards);
    let plan = table::Writing {
        out: &request.out,
        rate_hz: request.rate_hz,
        rows: &listed,
        classes: listing.classes,
    };
    let corpus = table::write(&plan, &mut |at| sounds.load(&listing.rows[at]), progress)?;
    Ok(DatasetSummary { corpus, left_out })
}
