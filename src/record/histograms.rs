//! histograms.jsonl: how weights were spread, step by step, where that was asked for.
//!
//! The file is the truth, TensorBoard's histograms are made from it. It grows and is cut back with metrics.jsonl; a run that asks for no
//! histograms has no such file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::clock;
use super::error::RecordError;
use super::event::WeightsMeasured;
use super::folder::Folder;
use super::histogram::Histogram;

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct HistogramRow {
    pub step: u64,
    /// Seconds since 1970.
    pub unix_secs: f64,
    /// By parameter.
    pub weights: BTreeMap<String, Histogram>,
}

/// Appends a line.
///
/// # Errors
/// The file system refused.
pub(super) fn append(folder: &Folder, measured: &WeightsMeasured) -> Result<HistogramRow, RecordError> {
    let path = folder.histograms_jsonl();
    let row = HistogramRow {
        step: measured.step,
        unix_secs: clock::unix_secs(),
        weights: measured.weights.clone(),
    };
    let mut line =
        serde_json::to_vec(&row).map_err(|source| RecordError::Json { path: path.clone(), source })?;
    line.push(b'\n');
    let file = File::options().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(&line)).map_err(RecordError::io("write", &path))?;
    Ok(row)
}

/// Bytes of the file, brought onto the disk; 0 where there is none.
///
/// # Errors
/// The file system refused.
pub(super) fn synced_len(path: &Path) -> Result<u64, RecordError> {
    let len = |file: File| {
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        opened => opened.and_then(len).map_err(RecordError::io("sync", path)),
    }
}

/// Cuts the file back to `bytes`, and returns its lines. A line that cannot be read shows nothing: it is a view's.
///
/// # Errors
/// The file system refused.
pub(super) fn cut_back(folder: &Folder, bytes: u64) -> Result<Vec<HistogramRow>, RecordError> {
    let path = folder.histograms_jsonl();
    let file = match File::options().write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(RecordError::io("open", &path))?,
    };
    let cut = file.metadata().and_then(|facts| file.set_len(bytes.min(facts.len())));
    cut.map_err(RecordError::io("cut back", &path))?;
    let text = std::fs::read(&path).map_err(RecordError::io("read", &path))?;
    let lines = text.split(|&byte| byte == b'\n');
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}
