//! Anybody's corpus: a folder of audio and a transcript table become a prepared corpus.
//!
//! The table is CSV, or parted by tabs or `|`; with a header it has the columns `path`, `text` and, where
//! wanted, `labels` (parted by commas) and `split`; without one it is `path<separator>text`. Everything is
//! checked before anything is written, all wrong rows are reported at once, and the folder appears only when
//! it is complete.
//! Not for: any particular public corpus; those know their own layout.

mod problem;
mod rows;
mod split;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::CorpusFacts;
pub use problem::{RowProblem, TableError};
#[cfg(feature = "datasets")]
pub(super) use rows::name_of;
pub use split::Split;
pub(super) use write::{Listed, Writing, check_free, write};

/// What to prepare, and where to.
#[derive(Debug, Clone)]
pub struct TableRequest {
    /// The transcript table.
    pub table: PathBuf,
    /// The folder that relative paths in the table start from.
    pub audio_dir: PathBuf,
    /// The folder to make; it must not exist, or be empty.
    pub out: PathBuf,
    /// Sample rate of the prepared audio (16000 for all speech models here).
    pub rate_hz: u32,
    /// Lower-case the transcripts.
    pub lowercase: bool,
}

/// What was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    /// Totals of every split that has utterances.
    pub splits: Vec<(Split, CorpusFacts)>,
    /// Outputs that a CTC head needs for the vocabulary made (`asr_vocab_size`).
    pub vocab_size: usize,
    /// Classes of every classifier head, empty without labels.
    pub classes: Vec<usize>,
    /// Samples that resampling pushed beyond full scale and that were cut to it.
    pub clipped_samples: u64,
}

/// Reads the table and writes the prepared corpus; `progress` is told utterances done and utterances in all.
///
/// # Errors
/// The output exists, the table or any of its rows is wrong, or audio cannot be decoded. Then no output
/// folder is left behind.
pub fn prepare_table(
    request: &TableRequest,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<TableSummary, TableError> {
    check_free(&request.out)?;
    let mut rows = rows::read(request)?;
    split::assign(&request.table, &mut rows)?;
    let listed: Vec<Listed> = rows.iter().map(rows::Row::listed).collect();
    let classes = write::classes_of(&listed);
    let plan = Writing { out: &request.out, rate_hz: request.rate_hz, rows: &listed, classes };
    write(&plan, &mut |at| rows[at].sound(request), progress)
}
