//! In which options runs differ.

use std::collections::BTreeSet;

use serde_json::Value;

use super::html::{Tag, tag};
use super::record::Record;
use super::{Section, mark};

/// Tables and options that say nothing about what is learned.
const NOT_ASKED: [&str; 9] = [
    "description",
    "name",
    "output.",
    "sweep.",
    "slurm.",
    "run.threads",
    "run.device",
    "run.micro_batches",
    "run.processes",
];
/// Options beyond which the table is folded.
const MANY: usize = 30;

/// The options in which some run differs from another, by path.
pub(super) fn differing(records: &[Record]) -> Vec<String> {
    between(&records.iter().collect::<Vec<_>>())
}

/// The same of some of the runs.
pub(super) fn between(records: &[&Record]) -> Vec<String> {
    // A run whose configuration is missing differs in nothing that is known.
    let known: Vec<&Record> =
        records.iter().copied().filter(|record| !record.run.identity.config.is_empty()).collect();
    let paths: BTreeSet<&String> =
        known.iter().flat_map(|record| record.run.identity.config.keys()).collect();
    let value = |record: &Record, path: &str| record.run.identity.config.get(path).cloned();
    let differs = |path: &&String| known.iter().any(|record| value(record, path) != value(known[0], path));
    let asked = |path: &&String| !NOT_ASKED.iter().any(|other| path.starts_with(other));
    let mut found: Vec<String> = paths.into_iter().filter(asked).filter(differs).cloned().collect();
    // A seed is a repetition: it comes last.
    found.sort_by_key(|path| path == "run.seed");
    found
}

/// A value as it is written in TOML.
pub(super) fn value(record: &Record, path: &str) -> Option<String> {
    match record.run.identity.config.get(path)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// An option as a name may have it: `max_lr=0.001`.
pub(super) fn setting(path: &str, value: &str) -> String {
    let leaf = path.rsplit('.').next().unwrap_or(path);
    format!("{leaf}={}", value.trim_matches('"'))
}

pub(super) fn section(records: &[Record], names: &[String], differing: &[String]) -> Option<Section> {
    if differing.is_empty() {
        return None;
    }
    let head = tag("tr").child(tag("th").text("option")).children((0..records.len()).map(|run| {
        let name = tag("span").class("name").text(&names[run]);
        tag("th").child(mark(run, records.len())).children((records.len() <= 6).then_some(name))
    }));
    let rows = differing.iter().map(|path| {
        let cells = records.iter().map(|record| match value(record, path) {
            Some(value) => tag("td").child(tag("code").text(value)),
            None => tag("td").class("none").text("–"),
        });
        tag("tr").child(tag("th").child(tag("code").text(path))).children(cells)
    });
    let table =
        tag("table").class("options").child(tag("thead").child(head)).child(tag("tbody").children(rows));
    let table = tag("div").class("wide").child(table);
    let section = Section::new("differences", "What differs");
    if differing.len() <= MANY {
        return Some(section.child(table));
    }
    let said = format!("{} options in which these runs differ", differing.len());
    Some(section.child(folded(&said, table)))
}

fn folded(said: &str, inner: Tag) -> Tag {
    tag("details").child(tag("summary").text(said)).child(inner)
}
