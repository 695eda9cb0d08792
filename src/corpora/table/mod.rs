//! Anybody's corpus: a folder of audio and a transcript table become a prepared corpus.
//!
//! The table is CSV, or parted by tabs or `|`; with a header it has the columns `path`, `text` and, where
//! wanted, `labels` (parted by commas) and `split`; without one it is `path<separator>text`. Every row is
//! checked before anything is written, and all wrong rows are reported at once; a recording that only fails to
//! decode later is skipped and listed as for any corpus.
//! Not for: any particular public corpus; those know their own layout.

mod problem;
mod rows;
mod split;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::MetaFormat;
use super::categories::UNLABELLED;
use super::naming::place_of;
use super::prepare::{Claims, Clip, Head, Layout, Line, List, PrepareError, Recipe, Sound, Unit, Vocabulary};
pub use problem::{RowProblem, TableError};
use rows::Row;
pub use split::Split;

/// The language field of `nltLa`, which is read by nobody: undetermined.
const LANGUAGE: &str = "und";

/// A request to prepare a transcript table.
#[derive(Debug, Clone)]
pub struct TableRequest {
    /// The transcript table.
    pub table: PathBuf,
    /// The folder that relative paths in the table start from.
    pub audio_dir: PathBuf,
    /// Sample rate of the prepared audio (16000 for all speech models here).
    pub rate_hz: u32,
    /// Lower-case the transcripts.
    pub lowercase: bool,
    /// Link to recordings that can be used as they are.
    pub link: bool,
}

impl Recipe for TableRequest {
    fn name(&self) -> &'static str {
        "table"
    }

    fn source(&self) -> &Path {
        &self.table
    }

    fn options(&self) -> serde_json::Value {
        json!({"audio": self.audio_dir, "rate_hz": self.rate_hz, "keep_case": !self.lowercase, "link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let mut rows = rows::read(self)?;
        split::assign(&self.table, &mut rows)?;
        let heads = heads(&rows);
        Ok(Layout {
            root: self.audio_dir.clone(),
            rate_hz: self.rate_hz,
            link: self.link,
            parts: Split::ALL.map(Split::name).to_vec(),
            lists: lists(!heads.is_empty()),
            heads,
            units: rows.into_iter().map(|row| self.unit(row)).collect(),
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims::default(),
        })
    }
}

impl TableRequest {
    fn unit(&self, row: Row) -> Unit {
        let file = self.table.display().to_string();
        let clip = Clip {
            place: place_of(&row.name),
            name: row.name,
            // `assign` has given every row a split.
            part: row.split.map_or(0, |split| split as usize),
            span: None,
            text: row.text,
            raw_text: None,
            labels: row.labels,
            line: Some(Line { file: file.clone(), number: row.line }),
        };
        let named_by = Some(format!("{file}:{}", row.line));
        Unit { sound: Sound::File(row.audio), named_by, clips: vec![clip] }
    }
}

/// Per head, the sorted names of all splits.
fn heads(rows: &[Row]) -> Vec<Head> {
    let count = rows.first().map_or(0, |row| row.labels.len());
    (0..count)
        .map(|head| {
            let labels = rows.iter().map(|row| &row.labels[head]);
            let classes: BTreeSet<&String> = labels.filter(|label| *label != UNLABELLED).collect();
            let name = if count == 1 { "label".to_owned() } else { format!("label {}", head + 1) };
            Head { name, classes: classes.into_iter().cloned().collect() }
        })
        .collect()
}

/// For each split a list without labels, and one with them where there are any.
pub(super) fn lists(with_labels: bool) -> Vec<List> {
    let list = |split: Split, format: MetaFormat| List {
        file: match format {
            MetaFormat::Nlt => format!("meta.{split}.txt"),
            MetaFormat::NltLa => format!("meta.{split}.nltLa.txt"),
        },
        format,
        parts: vec![split as usize],
        raw: false,
        language: LANGUAGE,
    };
    let formats: &[MetaFormat] =
        if with_labels { &[MetaFormat::Nlt, MetaFormat::NltLa] } else { &[MetaFormat::Nlt] };
    Split::ALL.into_iter().flat_map(|split| formats.iter().map(move |&format| list(split, format))).collect()
}
