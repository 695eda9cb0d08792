//! The columns of a table that names none: who the runs are, what differs between them, how they stand, what came out.

use std::collections::{BTreeSet, HashMap};

use super::column::{Cell, cell};
use super::folds::{COMMON_STEP, FOLDS};
use super::load::Run;
use crate::record::{Leaf, RunState, differing, leaf};

/// More options than this side by side are no longer read.
const READABLE: usize = 8;
/// The results that people look for first, by the metric's last name; others follow.
const FIRST: [&str; 5] = ["wer", "cer", "clf_acc", "clf_joint", "acc"];
/// The option that names the metric by which a run chooses its best state.
const SELECT: &str = "eval.select";
const COSTS: [&str; 3] = ["secs_per_step", "peak_bytes", "wall_secs"];

/// Columns, and what is left out of them.
pub(super) struct Usual {
    pub columns: Vec<String>,
    /// Options that differ, too, and are not shown.
    pub unshown: Vec<String>,
}

impl Usual {
    /// For these runs. `leading` are the options to show; where it is empty, those that differ. Where `keys` say which runs are one row,
    /// none that differ within a row.
    pub fn of(runs: &[&Run], leading: &[String], keys: Option<&[String]>, wide: bool) -> Self {
        let mut options = match leading.is_empty() {
            true => differing(runs.iter().map(|run| &run.identity)),
            false => leading.to_vec(),
        };
        // How often a run was judged tells least, so it is the first to be left out.
        options.sort_by_key(|name| name.starts_with("eval."));
        if let Some(keys) = keys {
            options.retain(|name| agrees_within(runs, keys, name));
        }
        let unshown = if wide { Vec::new() } else { options.split_off(options.len().min(READABLE)) };
        let mut columns = vec!["name".to_owned(), "id".to_owned()];
        columns.extend(options);
        columns.extend(["role", "params"].into_iter().filter(|name| varies(runs, name)).map(str::to_owned));
        columns.push("state".into());
        let finished =
            |run: &&Run| run.status.as_ref().is_some_and(|status| status.state == RunState::Finished);
        if !runs.iter().all(finished) {
            columns.push("step".into());
        }
        columns.extend(headline(runs));
        columns.extend(COSTS.map(str::to_owned));
        Usual { columns, unshown }
    }
}

fn varies(runs: &[&Run], column: &str) -> bool {
    let values: Vec<Option<Cell>> = runs.iter().map(|run| cell(run, column)).collect();
    values.iter().any(|value| *value != values[0])
}

/// Whether runs of one key have one value.
fn agrees_within(runs: &[&Run], keys: &[String], option: &str) -> bool {
    let mut of_key = HashMap::new();
    runs.iter().zip(keys).all(|(run, key)| {
        let value = run.identity.config.get(option);
        *of_key.entry(key).or_insert(value) == value
    })
}

/// What runs are judged by: the metrics on test, and the metric by which each chose its best state. A loss only where nothing else is known.
fn headline(runs: &[&Run]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for run in runs {
        let Some(status) = &run.status else { continue };
        let tests = || status.metrics.keys().filter(|name| name.starts_with("test/"));
        let alone = tests().all(|name| name == "test/loss");
        found.extend(tests().filter(|name| alone || *name != "test/loss").map(String::as_str));
        let of_folds = status.metrics.keys().filter(|name| FOLDS.iter().any(|split| name.starts_with(split)));
        found.extend(of_folds.map(String::as_str));
        let select = run.identity.config.get(SELECT).and_then(leaf);
        if status.metrics.contains_key(COMMON_STEP) {
            continue;
        }
        if let Some(Leaf::Text(select)) = select
            && let Some((name, _)) = status.metrics.get_key_value(&select)
        {
            found.insert(name);
        }
    }
    let mut found: Vec<String> = found.into_iter().map(str::to_owned).collect();
    let rank = |name: &str| {
        let (split, metric) = name.rsplit_once('/').unwrap_or(("", name));
        (split != "test", FIRST.iter().position(|first| *first == metric).unwrap_or(FIRST.len()))
    };
    found.sort_by_key(|name| rank(name));
    found
}
