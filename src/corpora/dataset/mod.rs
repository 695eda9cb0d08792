//! Hugging Face data sets on disk become a prepared corpus.
//!
//! For: what the library `datasets` leaves behind: a `save_to_disk` folder, a folder of its cache, and parquet shards
//! as they are downloaded from the hub. Audio is a struct of `bytes` and `path`, or a path. Classes keep the numbers
//! the data set gives them. Every cell is checked before anything is written, and all wrong ones are reported at
//! once; a sound that only fails to decode later is skipped and listed as for any corpus.
//! Not for: downloading, loading scripts, audio that is already an array of numbers.
//! Start at [`DatasetRequest`]; built with the feature `datasets` only, because reading Arrow and Parquet takes
//! minutes to compile.

mod columns;
mod features;
mod files;
mod problem;
mod reader;
mod rows;
mod shard;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::naming::place_of;
use super::prepare::{
    Claims, Clip, Head, Layout, Line, PrepareError, Recipe, RowReader, Sound, Unit, Vocabulary,
};
use super::table::{Split, lists};
pub use problem::{CellProblem, DatasetError};
use reader::Reader;
use rows::Row;

/// Where the transcripts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextSource {
    /// A column of the data set.
    Column(String),
    /// The same text for every utterance, where only labels matter.
    Constant(String),
}

/// A request to prepare a data set.
#[derive(Debug, Clone)]
pub struct DatasetRequest {
    /// The folder of the data set; relative paths in its rows are looked for here, then from the working
    /// directory.
    pub from: PathBuf,
    /// The column that holds the sound.
    pub audio: String,
    /// The column whose last three path components name the utterances; the path in `audio` where it is not
    /// given.
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

impl Recipe for DatasetRequest {
    fn name(&self) -> &'static str {
        "dataset"
    }

    fn source(&self) -> &Path {
        &self.from
    }

    fn options(&self) -> serde_json::Value {
        let (text, constant) = match &self.text {
            TextSource::Column(column) => (Some(column), None),
            TextSource::Constant(text) => (None, Some(text)),
        };
        let splits: Vec<[&str; 2]> =
            self.splits.iter().map(|(name, split)| [name.as_str(), split.name()]).collect();
        json!({
            "audio": self.audio,
            "name": self.name,
            "text": text,
            "text_constant": constant,
            "labels": self.labels,
            "splits": splits,
            "rate_hz": self.rate_hz,
            "keep_case": !self.lowercase,
        })
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let files = files::find(&self.from)?;
        let (shards, left_out) = files::chosen(&files, &self.splits)?;
        let listing = rows::read(self, &files, &shards)?;
        let units = listing.rows.into_iter().map(|row| {
            let shard = &shards[row.shard].0.path;
            self.unit(row, shard)
        });
        let names = self.labels.iter().cloned().zip(listing.classes);
        Ok(Layout {
            root: self.from.clone(),
            rate_hz: self.rate_hz,
            link: false,
            units: units.collect(),
            parts: Split::ALL.map(Split::name).to_vec(),
            lists: lists(!self.labels.is_empty()),
            heads: names.map(|(name, classes)| Head { name, classes }).collect(),
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad: Vec::new(),
            left_out,
            claims: Claims::default(),
        })
    }

    fn row_reader(&self) -> Option<Box<dyn RowReader + '_>> {
        Some(Box::new(Reader::new(&self.audio)))
    }
}

impl DatasetRequest {
    fn unit(&self, row: Row, shard: &Path) -> Unit {
        let file = shard.strip_prefix(&self.from).unwrap_or(shard).display().to_string();
        let named_by = match &row.sound {
            Sound::File(_) => Some(format!("{file}:{}", row.row)),
            Sound::Row { .. } | Sound::Joined { .. } => None,
        };
        let clip = Clip {
            place: place_of(&row.name),
            name: row.name,
            part: row.split as usize,
            span: None,
            text: row.text,
            raw_text: None,
            labels: row.labels,
            line: Some(Line { file, number: row.row as u64 }),
        };
        Unit { sound: row.sound, named_by, clips: vec![clip] }
    }
}
