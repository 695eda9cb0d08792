//! What a judgement leaves: preds.jsonl and metrics.json.

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

/// Writes metrics as one indented JSON object, alphabetical.
///
/// # Errors
/// The file system refused.
pub fn write_metrics(path: &Path, metrics: &Values) -> Result<(), RecordError> {
    write_json(path, metrics)
}
