//! A table's columns: where a run's value is found, what the column is headed, how its values are said.
//!
//! Three kinds of names: those of [`FIXED`], metrics (`test/wer`: with a slash) and leaves of the configuration
//! (`train.max_lr`: with a dot).

use std::cell::OnceCell;
use std::collections::HashSet;

use super::error::ReportError;
use super::folds::COMMON_STEP;
use super::load::Run;
use crate::record::{Status, leaf, units};

/// Columns that every run has, known or not.
const FIXED: [&str; 20] = [
    "run",
    "name",
    "id",
    "dir",
    "role",
    "project",
    "state",
    "cause",
    "step",
    "max_steps",
    "params",
    "precision",
    "secs_per_step",
    "peak_bytes",
    "wall_secs",
    "host",
    "version",
    "git_sha",
    "started",
    "finished",
];

/// Numbers that are measured, like the metrics; all others are part of what was asked.
const MEASURED: [&str; 3] = ["secs_per_step", "peak_bytes", "wall_secs"];

/// A value as it goes into the frame.
pub(super) use crate::record::Leaf as Cell;

/// Whether a column holds measured numbers: metrics, times, memory.
pub(super) fn is_measured(name: &str) -> bool {
    name != COMMON_STEP && (name.contains('/') || MEASURED.contains(&name))
}

/// The value of `column` in `run`, where it has one.
pub(super) fn cell(run: &Run, column: &str) -> Option<Cell> {
    let identity = &run.identity;
    let status = run.status.as_ref();
    let text = |text: &str| (!text.is_empty()).then(|| Cell::Text(text.to_owned()));
    let number = |value: fn(&Status) -> Option<f64>| status.and_then(value).map(Cell::Number);
    match column {
        "run" => text(&run.folder_name()),
        "name" => text(&identity.name),
        "id" => text(&identity.id),
        "dir" => text(&run.dir.to_string_lossy()),
        "role" => text(&identity.role),
        "project" => text(&identity.project),
        "state" => text(status.map_or("new", |status| status.state.name())),
        "cause" => text(status?.cause.as_deref()?),
        "step" => Some(Cell::Count(status?.step)),
        "max_steps" => Some(Cell::Count(status?.max_steps)),
        "params" => (identity.params > 0).then_some(Cell::Count(identity.params)),
        "precision" => text(&identity.precision),
        "secs_per_step" => number(|status| status.secs_per_step),
        "peak_bytes" => Some(Cell::Count(status?.peak_bytes?)),
        "wall_secs" => number(|status| status.wall_secs),
        "host" => text(&identity.host.name),
        "version" => text(&identity.version),
        "git_sha" => text(identity.git_sha.as_deref()?),
        "started" => text(&identity.started),
        "finished" => text(identity.finished.as_deref()?),
        _ => {
            let metric = status.and_then(|status| status.metrics.get(column)).copied().map(Cell::Number);
            metric.or_else(|| leaf(identity.config.get(column)?))
        }
    }
}

/// The columns that some runs have, collected when first asked for: a thousand runs have some hundred thousand values.
pub(super) struct Names<'a> {
    runs: &'a [Run],
    collected: OnceCell<Vec<String>>,
}

impl<'a> Names<'a> {
    /// Those of `runs`, collected when first asked for.
    pub fn of(runs: &'a [Run]) -> Self {
        Names { runs, collected: OnceCell::new() }
    }

    /// The column that `name` means: of that name, or the only option or the foremost metric that ends in it (`wer` for `test/wer`,
    /// `max_lr` for `train.max_lr`).
    ///
    /// # Errors
    /// No run has such a column, or several could be meant.
    pub fn full(&self, name: &str) -> Result<String, ReportError> {
        if FIXED.contains(&name) {
            return Ok(name.to_owned());
        }
        let known = self.collected.get_or_init(|| known_columns(self.runs));
        let own = [name.to_owned(), format!("test/{name}"), format!("dev/{name}")];
        if let Some(own) = own.into_iter().find(|own| known.contains(own)) {
            return Ok(own);
        }
        let ends =
            |column: &&String| column.strip_suffix(name).is_some_and(|rest| rest.ends_with(['.', '/']));
        let mut meant: Vec<String> = known.iter().filter(ends).cloned().collect();
        match meant.len() {
            0 => Err(ReportError::UnknownColumn { name: name.into(), known: known.clone() }),
            1 => Ok(meant.remove(0)),
            _ => Err(ReportError::AmbiguousColumn { name: name.into(), meant }),
        }
    }
}

/// All columns that some run has, the fixed ones first.
fn known_columns(runs: &[Run]) -> Vec<String> {
    let metrics = runs.iter().filter_map(|run| run.status.as_ref()).flat_map(|status| status.metrics.keys());
    let leaves = runs.iter().flat_map(|run| run.identity.config.keys());
    let more: HashSet<&String> =
        metrics.chain(leaves).filter(|name| !FIXED.contains(&name.as_str())).collect();
    let mut more: Vec<&String> = more.into_iter().collect();
    more.sort_unstable();
    FIXED.iter().map(|name| (*name).to_owned()).chain(more.into_iter().cloned()).collect()
}

/// What people read above a column: `test WER`, `parameters`.
pub(super) fn heading(column: &str) -> String {
    match column {
        "params" => "parameters".into(),
        "max_steps" => "of".into(),
        "secs_per_step" => "per step".into(),
        "peak_bytes" => "peak memory".into(),
        "wall_secs" => "wall time".into(),
        "git_sha" => "commit".into(),
        _ => match column.rsplit_once('/') {
            Some((split, "wer")) => format!("{split} WER"),
            Some((split, "cer")) => format!("{split} CER"),
            Some((split, "acc")) => format!("{split} accuracy within clips"),
            Some((split, "clf_acc")) => format!("{split} accuracy"),
            Some((split, "clf_joint")) => format!("{split} joint accuracy"),
            Some((split, metric)) => format!("{split} {metric}"),
            None => column.into(),
        },
    }
}

/// A text as people read it: a run that something came from by its folder's name, wherever that lies.
pub(super) fn say_text(text: String) -> String {
    const RUN: &str = "run:";
    match text.strip_prefix(RUN).and_then(|path| path.rsplit_once('/')) {
        Some((_, folder)) => format!("{RUN}{folder}"),
        None => text,
    }
}

/// A count as people read it.
pub(super) fn say_count(column: &str, value: u64) -> String {
    match column {
        "peak_bytes" => units::bytes(value),
        "step" | "max_steps" | "params" => units::count(value),
        _ => value.to_string(),
    }
}

/// A number as people read it.
pub(super) fn say_number(column: &str, value: f64) -> String {
    match column {
        "wall_secs" => units::duration(value),
        "peak_bytes" => units::bytes(value as u64),
        "secs_per_step" => format!("{value:.3} s"),
        COMMON_STEP => units::count(value as u64),
        _ if column.contains('/') => units::metric(column, value),
        // A leaf of the configuration: as it was written.
        _ => value.to_string(),
    }
}
