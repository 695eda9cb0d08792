//! What a run's folder tells, as far as it tells it: a page is made of unfinished, failed and damaged runs too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::alignment::Alignment;
use super::confusion::{Matrix, class_names};
use super::judged::Verdict;
use crate::record::folder::read_json;
use crate::record::metrics::{self, Row};
use crate::record::sounds::{self, Sound};
use crate::record::{Folder, Identity, RecordError, Status, preds};
use crate::report::Run;

/// Lines of log.txt that are kept, the last ones.
const LOG_LINES: usize = 20;

/// A run as its whole folder tells, apart from weights.
#[derive(Debug)]
pub struct Record {
    pub run: Run,
    /// By file, what is not there or cannot be read, as fragments.
    pub missing: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// By utterance, how the last judgement found it.
    pub(super) verdicts: BTreeMap<String, Verdict>,
    /// By utterance, which frames its symbols were given.
    pub(super) alignments: BTreeMap<String, Alignment>,
    pub(super) matrices: Vec<Matrix>,
    pub(super) origins: Vec<Origin>,
    pub(super) sounds: Vec<Sound>,
    pub(super) log: Vec<String>,
    /// What `runner profile --json` said, where somebody kept it in the folder.
    pub(super) profile: Option<Value>,
}

/// An option with its value and where that came from: an entry of origin.json.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Origin {
    pub path: String,
    pub value: String,
    pub origin: String,
}

impl Record {
    /// Reads the run in `dir`. What is missing or damaged is noted in [`Record::missing`].
    #[must_use]
    pub fn read(dir: &Path) -> Self {
        let folder = Folder::at(dir);
        let mut missing = Missing::default();
        let identity = missing.of(Identity::read(&folder), &folder.run_json());
        let name = folder.name();
        let unknown = || Identity { name: name.clone(), ..Identity::default() };
        let status = missing.of(Status::read(&folder), &folder.status_json());
        let rows = missing.of(metrics::read(&folder).map(Some), &folder.metrics_jsonl()).unwrap_or_default();
        if !folder.metrics_jsonl().is_file() {
            missing.note(&folder.metrics_jsonl());
        }
        let is_judged =
            status.as_ref().is_some_and(|status| status.metrics.keys().any(|name| name.starts_with("test/")));
        let predictions =
            missing.if_due(is_judged, preds::read(&folder.preds_jsonl()), &folder.preds_jsonl());
        let predictions: Vec<Map<String, Value>> = predictions.unwrap_or_default();
        let confusions = preds::read_confusions(&folder.confusion_csv());
        let confusions = missing.if_due(false, confusions, &folder.confusion_csv()).unwrap_or_default();
        let classes = class_names(&predictions, &confusions);
        Record {
            rows,
            verdicts: predictions.iter().filter_map(|object| Verdict::of(object, &classes)).collect(),
            alignments: predictions.iter().filter_map(Alignment::of).collect(),
            matrices: Matrix::of(&predictions, &confusions, &classes),
            origins: missing.of(read_json(&folder.origin_json()), &folder.origin_json()).unwrap_or_default(),
            sounds: missing
                .if_due(false, sounds::made(&folder).map(Some), &folder.sounds())
                .unwrap_or_default(),
            log: last_lines(&folder.log_txt()),
            profile: missing.if_due(false, read_json(&dir.join("profile.json")), &dir.join("profile.json")),
            run: Run { dir: dir.to_owned(), identity: identity.unwrap_or_else(unknown), status },
            missing: missing.0,
        }
    }

    /// The folder's own name.
    pub(super) fn folder_name(&self) -> String {
        Folder::at(&self.run.dir).name()
    }

    /// The list of the last judgement, `test` or `dev`: what the predictions are about.
    pub fn judged_on(&self) -> &'static str {
        let names = || self.run.status.iter().flat_map(|status| status.metrics.keys());
        if names().any(|name| name.starts_with("test/")) { "test" } else { "dev" }
    }
}

/// Collects what is missing.
#[derive(Default)]
struct Missing(Vec<String>);

impl Missing {
    /// A file that every run has.
    fn of<T>(&mut self, read: Result<Option<T>, RecordError>, path: &Path) -> Option<T> {
        self.if_due(true, read, path)
    }

    /// A file that a run has if `is_due`.
    fn if_due<T>(&mut self, is_due: bool, read: Result<Option<T>, RecordError>, path: &Path) -> Option<T> {
        match read {
            Ok(None) if is_due => self.note(path),
            Ok(found) => return found,
            Err(error) => self.0.push(error.to_string()),
        }
        None
    }

    fn note(&mut self, path: &Path) {
        self.0.push(format!("there is no `{}`", path.file_name().unwrap_or_default().to_string_lossy()));
    }
}

/// The end of a text file; nothing where it cannot be read.
fn last_lines(path: &PathBuf) -> Vec<String> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].iter().map(|line| (*line).to_owned()).collect()
}
