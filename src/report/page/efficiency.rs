//! What runs cost: how much audio they learn from in an hour, time by part, memory. What a folder does not tell is left out.

use serde_json::Value;

use super::chart::Charts;
use super::curves::grid;
use super::html::{Tag, tag};
use super::record::Record;
use super::{Section, mark};
use crate::record::units;

/// What one run cost, as far as it is known.
#[derive(Debug, Default, PartialEq)]
struct Cost {
    /// Of audio learned from in an hour of updates: the median of the updates that were kept.
    audio_hours_per_hour: Option<f64>,
    wall_secs: Option<f64>,
    /// Time of one update: the median of those that were kept.
    update_secs: Option<f64>,
    /// Of all updates together: the mean of those that were kept, times all.
    updates_secs: Option<f64>,
    /// Of all evaluations together.
    eval_secs: Option<f64>,
    evaluations: usize,
    peak_bytes: Option<u64>,
    params: Option<u64>,
}

impl Cost {
    fn of(record: &Record) -> Self {
        let timing = |name: &str| -> Vec<f64> {
            record
                .rows
                .iter()
                .filter_map(|row| row.timings.get(name).copied())
                .filter(|value| value.is_finite())
                .collect()
        };
        let evals = timing("time/eval_secs");
        let status = record.run.status.as_ref();
        Cost {
            audio_hours_per_hour: median(timing("time/audio_secs_per_sec")),
            wall_secs: status.and_then(|status| status.wall_secs),
            updates_secs: status
                .and_then(|status| Some(mean(&timing("time/step_secs"))? * status.step as f64)),
            update_secs: median(timing("time/step_secs")),
            eval_secs: (!evals.is_empty()).then(|| evals.iter().sum()),
            evaluations: evals.len(),
            peak_bytes: status.and_then(|status| status.peak_bytes),
            params: Some(record.run.identity.params).filter(|params| *params > 0),
        }
    }

    /// ` (12 %)` of the wall time, where that is known and not less.
    fn share(&self, secs: f64) -> String {
        let wall = self.wall_secs.filter(|wall| *wall >= secs && *wall > 0.0);
        wall.map_or_else(String::new, |wall| format!(" ({:.0} %)", 100.0 * secs / wall))
    }

    fn is_known(&self) -> bool {
        self.audio_hours_per_hour.is_some()
            || self.wall_secs.is_some()
            || self.peak_bytes.is_some()
            || self.eval_secs.is_some()
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

type Column = (&'static str, &'static str, fn(&Cost) -> Option<String>);

/// Heading, what it means, value.
const COLUMNS: [Column; 7] = [
    ("audio hours an hour", "hours of audio learned from in an hour of updates, median", |cost| {
        cost.audio_hours_per_hour.map(units::number)
    }),
    ("an update", "time of one update, median", |cost| cost.update_secs.map(|secs| format!("{secs:.3} s"))),
    (
        "updates, about",
        "all updates together: the mean of those that were timed, times all, and its share of the wall time",
        |cost| Some(format!("{}{}", units::duration(cost.updates_secs?), cost.share(cost.updates_secs?))),
    ),
    ("evaluations", "all evaluations together, their share of the wall time, and how many", |cost| {
        let secs = cost.eval_secs?;
        Some(format!("{}{}, {} times", units::duration(secs), cost.share(secs), cost.evaluations))
    }),
    ("wall time", "from start to end, every process of the run together", |cost| {
        cost.wall_secs.map(units::duration)
    }),
    ("peak memory", "most memory that the process had resident", |cost| cost.peak_bytes.map(units::bytes)),
    ("parameters", "numbers that the model consists of", |cost| cost.params.map(units::count)),
];

pub(super) fn section(records: &[Record], names: &[String], charts: &Charts) -> Option<Section> {
    let costs: Vec<Cost> = records.iter().map(Cost::of).collect();
    if !costs.iter().any(Cost::is_known) {
        return None;
    }
    let columns: Vec<&Column> =
        COLUMNS.iter().filter(|column| costs.iter().any(|cost| column.2(cost).is_some())).collect();
    let heads = columns.iter().map(|column| tag("th").class("number").attr("title", column.1).text(column.0));
    let rows = costs.iter().enumerate().map(|(run, cost)| {
        let cells = columns
            .iter()
            .map(|column| tag("td").class("number").text(column.2(cost).unwrap_or_else(|| "–".into())));
        tag("tr").child(tag("th").child(mark(run, names.len())).text(&names[run])).children(cells)
    });
    let head = tag("tr").child(tag("th").text("run")).children(heads);
    let table = tag("table").child(tag("thead").child(head)).child(tag("tbody").children(rows));
    let profiles = (0..records.len()).filter_map(|run| profile(&records[run], run, names));
    let section = Section::new("efficiency", "Efficiency").child(tag("div").class("wide").child(table));
    let section = match charts.about_speed(true).next() {
        Some(_) => section.child(grid(charts.about_speed(true))),
        None => section,
    };
    Some(section.children(profiles))
}

/// Where the time of an update goes, as `runner profile --json` measured it.
fn profile(record: &Record, run: usize, names: &[String]) -> Option<Tag> {
    let phases = record.profile.as_ref()?.get("phases")?.as_array()?;
    let number = |phase: &Value, key: &str| phase.get(key).and_then(Value::as_f64);
    let rows: Vec<Tag> = phases
        .iter()
        .filter_map(|phase| {
            let (ms, share) = (number(phase, "median_ms")?, number(phase, "share")?);
            let bar = tag("span").class("bar").attr("style", format!("--w:{:.1}%", share * 100.0));
            let row = tag("tr").child(tag("th").text(phase.get("name")?.as_str()?));
            let row = row.child(tag("td").class("number").text(format!("{ms:.1} ms")));
            Some(row.child(tag("td").class("number").text(units::percent(share))).child(tag("td").child(bar)))
        })
        .collect();
    let title = tag("h3").child(mark(run, names.len())).text("where the time of an update goes");
    (!rows.is_empty()).then(|| {
        tag("div").child(title).child(tag("table").class("parts").child(tag("tbody").children(rows)))
    })
}
