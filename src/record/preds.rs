//! What a judgement leaves: preds.jsonl, metrics.json, and of classifiers confusion.csv; written, and read back.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::RecordError;
use super::event::Values;
use super::folder::{write_json, write_whole};

/// Writes predictions, one JSON object a line: `{name, pred, label, clf_pred?, clf_label?}`.
///
/// # Errors
/// A prediction has no JSON form, or the file system refused.
pub fn write(path: &Path, predictions: impl IntoIterator<Item = impl Serialize>) -> Result<(), RecordError> {
    let mut text = Vec::new();
    for prediction in predictions {
        serde_json::to_writer(&mut text, &prediction)
            .map_err(|source| RecordError::Json { path: path.to_owned(), source })?;
        text.push(b'\n');
    }
    write_whole(path, &text)
}

/// Writes what classifiers took for what, a pair of classes a row: `head,truth,prediction,count`. Nothing is written where there is none.
///
/// # Errors
/// The file system refused.
pub fn write_confusions(path: &Path, confusions: &[impl Serialize]) -> Result<(), RecordError> {
    if confusions.is_empty() {
        return Ok(());
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    let failed =
        |error: std::io::Error| RecordError::Io { action: "write", path: path.to_owned(), source: error };
    for row in confusions {
        table.serialize(row).map_err(|error| failed(error.into()))?;
    }
    write_whole(path, &table.into_inner().map_err(|error| failed(error.into_error()))?)
}

/// A row of confusion.csv, as it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Confused {
    /// The classifier head, counted from 0.
    pub head: usize,
    pub truth: String,
    pub prediction: String,
    pub count: u64,
}

/// The predictions in a file that [`write`] wrote, an object each; `None` where there is no such file.
///
/// # Errors
/// A line is no object, or the file system refused.
pub fn read(path: &Path) -> Result<Option<Vec<Map<String, Value>>>, RecordError> {
    let Some(text) = text(path)? else { return Ok(None) };
    let object = |(index, line): (usize, &str)| {
        let reason = |error| format!("line {} is not a prediction: {error}", index + 1);
        serde_json::from_str(line).map_err(|error| RecordError::damaged(path, reason(error)))
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(object)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// What classifiers took for what, as [`write_confusions`] wrote it; `None` where there is no such file.
///
/// # Errors
/// It is not what was written, or the file system refused.
pub fn read_confusions(path: &Path) -> Result<Option<Vec<Confused>>, RecordError> {
    let Some(text) = text(path)? else { return Ok(None) };
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<_, _>>();
    rows.map(Some).map_err(|error: csv::Error| RecordError::damaged(path, error.to_string()))
}

fn text(path: &Path) -> Result<Option<String>, RecordError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RecordError::io("read", path)(error)),
    }
}

/// Writes metrics as one indented JSON object, alphabetical.
///
/// # Errors
/// The file system refused.
pub fn write_metrics(path: &Path, metrics: &Values) -> Result<(), RecordError> {
    write_json(path, metrics)
}
