//! Folds: runs that differ in what they learn from and are judged on, as one row.
//!
//! Two numbers of a row, both from all judgements on the dev list (metrics.jsonl), by the metric that chooses checkpoints:
//! - `best/…`: each run at its own best update.
//! - `common/…`: all runs at one update, the one where their mean is best, `common/step`. So cross-validation is published where the judged fold
//!   chooses the epoch, too (SSAST's and SSAMBA's ESC-50).
//!
//! Not for: what is judged at the end (`test/…`), which is of each run's own best.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{Cell, cell};
use super::load::Run;
use crate::record::{Folder, Leaf, RecordError, differing, leaf, metrics};

/// The update that is best for all runs of a row.
pub(super) const COMMON_STEP: &str = "common/step";

/// What the names of a row's numbers begin with.
pub(super) const FOLDS: [&str; 2] = ["best/", "common/"];

/// Metrics of which less is better.
const LESS_IS_BETTER: [&str; 3] = ["wer", "cer", "loss"];

/// What the runs of a row have in common: all that differs between any but the options `across`, and those of the same tables that go with them.
pub(super) fn keys(runs: &[&Run], across: &[String]) -> Vec<String> {
    let differing = differing(runs.iter().map(|run| &run.identity));
    let table = |name: &str| name.rsplit_once('.').map(|(table, _)| table.to_owned());
    let tables: BTreeSet<_> = across.iter().filter_map(|name| table(name)).collect();
    let beside = |name: &str| table(name).is_some_and(|table| tables.contains(&table));
    let goes_along = |name: &String| across.contains(name) || beside(name) && follows(runs, across, name);
    let kept: Vec<String> = differing.into_iter().filter(|name| !goes_along(name)).collect();
    let key = |run: &&Run| format!("{} {:?}", run.identity.name, cells(run, &kept));
    runs.iter().map(key).collect()
}

/// Whether an option is settled by those `across`: which list is trained on by which is judged on.
fn follows(runs: &[&Run], across: &[String], option: &str) -> bool {
    let mut settled = BTreeMap::new();
    runs.iter().all(|run| {
        let value = cell(run, option);
        let key = format!("{} {:?}", run.identity.name, cells(run, across));
        *settled.entry(key).or_insert_with(|| value.clone()) == value
    })
}

fn cells(run: &Run, names: &[String]) -> Vec<Option<Cell>> {
    names.iter().map(|name| cell(run, name)).collect()
}

/// The runs with `best/…`, `common/…` and `common/step` among their metrics; `keys` says which are of one row.
///
/// # Errors
/// The rows of a run cannot be read.
pub(super) fn judged(runs: &[&Run], keys: &[String]) -> Result<Vec<Run>, RecordError> {
    let judgements = runs.iter().map(|run| Judgements::read(run)).collect::<Result<Vec<_>, _>>()?;
    let mut rows: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    keys.iter().enumerate().for_each(|(at, key)| rows.entry(key).or_default().push(at));
    let mut judged: Vec<Run> = runs.iter().map(|run| (*run).clone()).collect();
    for members in rows.values() {
        let common = common(members.iter().filter_map(|&at| judgements[at].as_ref()).collect());
        for &at in members {
            let (Some(status), Some(own)) = (&mut judged[at].status, &judgements[at]) else { continue };
            let best = own.by_step.values().copied().reduce(|a, b| if own.improves(b, a) { b } else { a });
            status.metrics.extend(best.map(|best| (format!("best/{}", own.metric), best)));
            let Some(step) = common else { continue };
            status.metrics.insert(format!("common/{}", own.metric), own.by_step[&step]);
            status.metrics.insert(COMMON_STEP.to_owned(), step as f64);
        }
    }
    Ok(judged)
}

/// What a run was judged to be on its dev list, by updates.
struct Judgements {
    /// Its last name: `clf_acc`.
    metric: String,
    by_step: BTreeMap<u64, f64>,
}

impl Judgements {
    /// `None` where the run was never judged by what it chooses checkpoints by.
    fn read(run: &Run) -> Result<Option<Self>, RecordError> {
        let select = match run.identity.config.get("eval.select").and_then(leaf) {
            Some(Leaf::Text(select)) => select,
            _ => return Ok(None),
        };
        let rows = metrics::read(&Folder::at(&run.dir))?;
        let value = |row: &metrics::Row| Some((row.step, *row.values.get(&select)?));
        let by_step: BTreeMap<u64, f64> =
            rows.iter().filter_map(value).filter(|(_, value)| value.is_finite()).collect();
        let metric = select.rsplit('/').next().unwrap_or(&select).to_owned();
        Ok((!by_step.is_empty()).then_some(Judgements { metric, by_step }))
    }

    fn improves(&self, value: f64, best: f64) -> bool {
        if LESS_IS_BETTER.contains(&self.metric.as_str()) { value < best } else { value > best }
    }
}

/// The first update with the best mean, among those at which all were judged, by one metric.
fn common(all: Vec<&Judgements>) -> Option<u64> {
    let first = all.first()?;
    if all.iter().any(|other| other.metric != first.metric) {
        return None;
    }
    let mean = |step: &u64| -> Option<(u64, f64)> {
        let values: Option<Vec<f64>> = all.iter().map(|run| run.by_step.get(step).copied()).collect();
        values.map(|values| (*step, values.iter().sum::<f64>() / values.len() as f64))
    };
    let means = first.by_step.keys().filter_map(mean);
    means.reduce(|a, b| if first.improves(b.1, a.1) { b } else { a }).map(|(step, _)| step)
}
