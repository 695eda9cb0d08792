//! Where does it come from?
//!
//! For: corpora on disk. [`Corpus`] reads the prepared format (`meta.*.txt` beside audio) that every speech
//! corpus of ours is brought into, [`Categories`] the class names beside it, and [`prepare`] makes that format
//! from a corpus as it is published ([`RECIPES`]), or from anybody's audio and transcript table. One folder per corpus.
//! With the feature `datasets`, the module of that name reads what Hugging Face's library of that name leaves on disk.
//! Not for: turning text into labels and utterances into batches (`data`), or decoding sound (`audio`).
//! Start at [`Corpus::open`].

mod categories;
#[cfg(feature = "datasets")]
mod dataset;
mod drawn;
mod error;
mod facts;
mod iemocap;
mod labelled;
mod librispeech;
mod ljspeech;
mod lookup;
mod meta;
mod music;
mod naming;
mod prepare;
mod prepared;
mod published;
mod slurp;
mod sound_events;
mod speech_commands;
mod table;
mod tedlium;
mod voxceleb1;

#[cfg(test)]
mod tests;

pub use categories::Categories;
#[cfg(feature = "datasets")]
pub use dataset::{CellProblem, DatasetError, DatasetRequest, TextSource};
pub use error::CorpusError;
pub use facts::CorpusFacts;
pub use lookup::Source;
pub use meta::{LineProblem, MetaFormat};
pub use prepare::{
    BAD_FILES, Claims, HeadSummary, How, LENGTH_BINS_SECS, LabelCount, PrepareError, Prepared,
    PublishedCounts, Recipe, SplitSummary, Summary, Watch, prepare,
};
pub use prepared::{Corpus, Utterance};
pub use published::{Asked, CorpusOption, LINK, OptionKind, Published};
pub use table::{RowProblem, Split, TableError, TableRequest};

/// The published corpora, in the order in which help has them.
pub const RECIPES: &[Published] = &[
    tedlium::RECIPE,
    slurp::RECIPE,
    voxceleb1::RECIPE,
    speech_commands::RECIPE,
    sound_events::ESC50,
    sound_events::URBAN8K,
    labelled::AUDIOSET,
    labelled::LABELLED_JSON,
    librispeech::RECIPE,
    ljspeech::RECIPE,
    iemocap::RECIPE,
    music::RECIPE,
];
