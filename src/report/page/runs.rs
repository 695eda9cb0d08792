//! The table of runs: what differs, how each stands, what each is worth.

use super::html::{Tag, tag};
use super::record::Record;
use super::{Section, head, mark};
use crate::record::units;
use crate::report::column::{Cell, cell, heading, say_count, say_number, say_text};
use crate::report::table::cell_at;
use crate::report::{ReportError, Run, Table};

/// Options that the table has room for; more have a table of their own.
const MOST_OPTIONS: usize = 6;
/// Metrics of most interest, by the last part of their names, best first.
const HEADLINES: [&str; 9] = ["wer", "cer", "clf_acc", "clf_joint", "acc", "bits", "mse", "nce", "loss"];
/// The lists, by interest.
const SPLITS: [&str; 2] = ["test", "dev"];

/// Metrics of judgements that some run has: those of the test list first, and of each list the most telling first.
pub(super) fn metrics(records: &[Record]) -> Vec<String> {
    let statuses = records.iter().filter_map(|record| record.run.status.as_ref());
    let mut names: Vec<String> = statuses.flat_map(|status| status.metrics.keys().cloned()).collect();
    names.retain(|name| !name.starts_with("teacher/"));
    names.sort_by_cached_key(|name| (place(&SPLITS, name, 0), place(&HEADLINES, name, 1), name.clone()));
    names.dedup();
    names
}

fn place(list: &[&str], name: &str, part: usize) -> usize {
    let of = name.split('/').nth(part).unwrap_or_default();
    list.iter().position(|other| *other == of).unwrap_or(list.len())
}

/// The most telling metric that any run has.
pub(super) fn headline(records: &[Record]) -> Option<String> {
    metrics(records).into_iter().next()
}

/// Whether `one` is better than `other`.
pub(super) fn is_better(metric: &str, one: f64, other: f64) -> bool {
    let more = matches!(metric.rsplit('/').next(), Some("acc" | "clf_acc" | "clf_joint"));
    if more { one > other } else { one < other }
}

pub(super) fn section(
    records: &[Record],
    names: &[String],
    differing: &[String],
) -> Result<Option<Section>, ReportError> {
    let section = Section::new("runs", if records.len() == 1 { "Results" } else { "Runs" });
    if let [record] = records {
        return Ok(of_one(record).map(|table| section.child(table)));
    }
    let metrics = metrics(records);
    let mut columns: Vec<&str> = Vec::new();
    if differing.len() <= MOST_OPTIONS {
        columns.extend(differing.iter().map(String::as_str));
    }
    let is_one_length = records.iter().all(|record| max_steps(record) == max_steps(&records[0]));
    columns.extend(["role", "step"]);
    columns.extend((!is_one_length).then_some("max_steps"));
    columns.push("params");
    columns.extend(metrics.iter().map(String::as_str));
    columns.push("wall_secs");
    let runs: Vec<&Run> = records.iter().map(|record| &record.run).collect();
    let constant = |name: &str| {
        let first = cell(runs[0], name);
        matches!(name, "role") && runs.iter().all(|run| cell(run, name) == first)
    };
    columns.retain(|name| !constant(name));
    let table = Table::of(&runs, columns)?.without_empty_columns();
    Ok(Some(section.child(shown(&table, records, names))))
}

fn max_steps(record: &Record) -> u64 {
    record.run.status.as_ref().map_or(0, |status| status.max_steps)
}

fn shown(table: &Table, records: &[Record], names: &[String]) -> Tag {
    let columns = table.frame.columns();
    let button = |said: &str| tag("button").attr("type", "button").text(said);
    let mut heads = tag("tr").child(tag("th").child(button("run"))).child(tag("th").child(button("state")));
    for column in columns {
        let number = if column.dtype().is_numeric() { "number" } else { "" };
        heads = heads.child(
            tag("th")
                .class(number)
                .attr("title", column.name().as_str())
                .child(button(&heading(column.name()))),
        );
    }
    let rows = (0..table.height()).map(|row| {
        let link = tag("a").attr("href", format!("#configuration-{}", row + 1)).text(&names[row]);
        let name = tag("th").attr("data-sort", row.to_string()).child(mark(row, names.len())).child(link);
        let mut line = tag("tr").child(name).child(tag("td").child(head::badge(&records[row])));
        for column in columns {
            line = line.child(value(column.name(), cell_at(column, row), best(column.name(), records, row)));
        }
        line
    });
    let table =
        tag("table").class("sortable").child(tag("thead").child(heads)).child(tag("tbody").children(rows));
    tag("div").class("wide").child(table)
}

/// Whether no run has a better value.
fn best(metric: &str, records: &[Record], row: usize) -> bool {
    let value =
        |record: &Record| record.run.status.as_ref().and_then(|status| status.metrics.get(metric)).copied();
    let Some(own) = value(&records[row]) else { return false };
    metric.contains('/') && !records.iter().filter_map(value).any(|other| is_better(metric, other, own))
}

fn value(column: &str, cell: Option<Cell>, is_best: bool) -> Tag {
    let td = |class: &str| tag("td").class(&format!("{class}{}", if is_best { " best" } else { "" }));
    match cell {
        Some(Cell::Text(text)) => td("").text(say_text(text)),
        Some(Cell::Count(count)) => {
            td("number").attr("data-sort", count.to_string()).text(say_count(column, count))
        }
        Some(Cell::Number(number)) => {
            td("number").attr("data-sort", number.to_string()).text(say_number(column, number))
        }
        None => td("none").text("–"),
    }
}

/// Each name once: those of `list` first and in its order, then the others.
fn by_interest<'a>(list: &[&str], mut names: Vec<&'a str>) -> Vec<&'a str> {
    let rank = |name: &str| list.iter().position(|other| *other == name).unwrap_or(list.len());
    names.sort_by_key(|name| (rank(name), *name));
    names.dedup();
    names
}

/// A run alone: its metrics by list.
fn of_one(record: &Record) -> Option<Tag> {
    let status = record.run.status.as_ref()?;
    let metrics = metrics(std::slice::from_ref(record));
    let parts = || metrics.iter().filter_map(|name| name.split_once('/'));
    let splits = by_interest(&SPLITS, parts().map(|(split, _)| split).collect());
    let kinds = by_interest(&HEADLINES, parts().map(|(_, kind)| kind).collect());
    if kinds.is_empty() {
        return None;
    }
    let heads = splits.iter().map(|split| tag("th").class("number").text(*split));
    let rows = kinds.iter().map(|kind| {
        let cells = splits.iter().map(|split| {
            let name = format!("{split}/{kind}");
            let said = status.metrics.get(&name).map(|value| units::metric(&name, *value));
            tag("td").class("number").text(said.unwrap_or_else(|| "–".into()))
        });
        let heading = heading(&format!("/{kind}"));
        tag("tr").child(tag("th").text(heading.trim())).children(cells)
    });
    let head = tag("thead").child(tag("tr").child(tag("th").text("metric")).children(heads));
    Some(tag("div").class("wide").child(tag("table").child(head).child(tag("tbody").children(rows))))
}
