//! Where does it come from?
//!
//! For: corpora on disk. [`Corpus`] reads the prepared format (`meta.*.txt` beside audio) that every speech
//! corpus of ours is brought into, [`Categories`] the class names beside it, and [`prepare_table`] makes that
//! format from anybody's folder of audio and a transcript table. One file (or folder) per corpus family.
//! With the feature `datasets`, the module of that name reads what Hugging Face's library of that name leaves on disk.
//! Not for: turning text into labels and utterances into batches (`data`), or decoding sound (`audio`).
//! Start at [`Corpus::open`].

mod categories;
#[cfg(feature = "datasets")]
mod dataset;
mod error;
mod facts;
mod lookup;
mod meta;
mod prepared;
mod table;

#[cfg(test)]
mod tests;

pub use categories::Categories;
#[cfg(feature = "datasets")]
pub use dataset::{CellProblem, DatasetError, DatasetRequest, DatasetSummary, TextSource, prepare_dataset};
pub use error::CorpusError;
pub use facts::CorpusFacts;
pub use meta::{LineProblem, MetaFormat};
pub use prepared::{Corpus, Utterance};
pub use table::{RowProblem, Split, TableError, TableRequest, TableSummary, prepare_table};
