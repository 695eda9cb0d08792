//! What is shown when a run ends: who was trained, how large, how good, how long.

use super::failure::Failure;
use crate::launch::Report;
use crate::record::units;
use crate::report::{Run, Table};

/// The runs of a request, the asked one last, as a table.
///
/// # Errors
/// The table could not be made.
pub fn table(reports: &[Report]) -> Result<String, Failure> {
    let runs: Vec<Run> = reports
        .iter()
        .map(|report| Run {
            dir: report.folder.dir().to_owned(),
            identity: report.identity.clone(),
            status: Some(report.status.clone()),
        })
        .collect();
    Ok(Table::comparison(&runs)?.to_text())
}

/// What the last run cost: memory and time.
pub fn cost(report: &Report) -> String {
    let status = &report.status;
    let memory = status.peak_bytes.map_or("unknown".into(), units::bytes);
    let step = status.secs_per_step.map_or("–".into(), |secs| format!("{secs:.3} s"));
    format!("{}: peak memory {memory}, {step} per step", report.folder.name())
}
