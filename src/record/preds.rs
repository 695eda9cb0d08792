//! What a judgement leaves: preds.jsonl, metrics.json, and of classifiers confusion.csv.

use std::path::Path;

use serde::Serialize;

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

/// Writes metrics as one indented JSON object, alphabetical.
///
/// # Errors
/// The file system refused.
pub fn write_metrics(path: &Path, metrics: &Values) -> Result<(), RecordError> {
    write_json(path, metrics)
}
