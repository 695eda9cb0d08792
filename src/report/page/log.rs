//! The last lines of the logs of runs that did not come to their end.

use super::html::{Tag, tag};
use super::record::Record;
use super::{Section, mark};
use crate::record::RunState;

pub(super) fn section(records: &[Record], names: &[String]) -> Option<Section> {
    let is_finished =
        |record: &Record| record.run.status.as_ref().is_some_and(|status| status.state == RunState::Finished);
    let parts: Vec<Tag> = (0..records.len())
        .filter(|&run| !is_finished(&records[run]) && !records[run].log.is_empty())
        .map(|run| {
            let summary = tag("summary").child(mark(run, records.len())).text(&names[run]);
            let log = tag("pre").text(records[run].log.join("\n"));
            tag("details").flag("open", records.len() == 1).child(summary).child(log)
        })
        .collect();
    (!parts.is_empty()).then(|| Section::new("log", "Last words of unfinished runs").children(parts))
}
