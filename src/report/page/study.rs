//! What a study shows: repetitions as one row with mean and deviation, and results over every option that was given several numbers.

use std::collections::BTreeSet;

use super::Section;
use super::differences::between;
use super::html::{Tag, tag};
use super::record::Record;
use super::runs::metrics;
use super::trend::Trend;
use crate::report::{Group, Query, ReportError, Run};

/// Another value of it is another try at the same thing.
pub(super) const SEED: &str = "run.seed";
/// Options that the table has room for; with more, it says nothing.
const MOST_OPTIONS: usize = 6;
/// Metrics that have pictures, the most telling ones.
const SHOWN: usize = 2;

/// Nothing, where no run repeats another and no option has several numbers.
pub(super) fn section(records: &[Record]) -> Result<Option<Section>, ReportError> {
    let options = options(records);
    let table = repetitions(records, &options)?;
    let shown: Vec<String> = metrics(records).into_iter().take(SHOWN).collect();
    let trends = options
        .iter()
        .flat_map(|option| shown.iter().filter_map(|metric| Trend::of(records, &options, option, metric)));
    let trends: Vec<Tag> = trends.map(|trend| trend.tag()).collect();
    if table.is_none() && trends.is_empty() {
        return Ok(None);
    }
    let section = Section::new("study", "Study").children(table);
    Ok(Some(match trends.is_empty() {
        true => section,
        false => section.child(tag("div").class("charts").children(trends)),
    }))
}

/// Options in which runs of one name differ, the seed apart.
fn options(records: &[Record]) -> Vec<String> {
    let names: BTreeSet<&str> = records.iter().map(|record| record.run.identity.name.as_str()).collect();
    let mut options: Vec<String> = Vec::new();
    for name in names {
        let namesakes: Vec<&Record> =
            records.iter().filter(|record| record.run.identity.name == name).collect();
        options.extend(between(&namesakes));
    }
    options.sort();
    options.dedup();
    options.retain(|option| option != SEED);
    options
}

/// Runs that differ in the seed alone as one row; nothing, where no two do.
fn repetitions(records: &[Record], options: &[String]) -> Result<Option<Tag>, ReportError> {
    let groups: BTreeSet<String> = records.iter().map(|record| record.run.identity.group()).collect();
    if groups.len() == records.len() || options.len() > MOST_OPTIONS {
        return Ok(None);
    }
    let mut measured = metrics(records);
    // Losses are of interest where there is nothing else.
    let is_loss = |metric: &String| metric.ends_with("/loss");
    if !measured.iter().all(is_loss) {
        measured.retain(|metric| !is_loss(metric));
    }
    let names = ["name".to_owned()].into_iter();
    let columns = names.chain(options.iter().cloned()).chain(measured).chain(["wall_secs".to_owned()]);
    let query = Query { columns: columns.collect(), group: Some(Group::Repetitions), ..Query::default() };
    let runs: Vec<Run> = records.iter().map(|record| record.run.clone()).collect();
    let columns = query.table(&runs)?.without_empty_columns().people_columns();
    let class = |right: bool| if right { "number" } else { "" };
    let heads = columns.iter().map(|column| tag("th").class(class(column.right)).text(&column.heading));
    let rows = (0..groups.len()).map(|row| {
        let cells =
            columns.iter().map(|column| tag("td").class(class(column.right)).text(&column.cells[row]));
        tag("tr").children(cells)
    });
    let head = tag("thead").child(tag("tr").children(heads));
    let table = tag("table").child(head).child(tag("tbody").children(rows));
    let hint = tag("p")
        .class("hint")
        .text("Runs that differ in the seed alone are one row: mean ± sample standard deviation of n runs.");
    Ok(Some(tag("div").child(hint).child(tag("div").class("wide").child(table))))
}
