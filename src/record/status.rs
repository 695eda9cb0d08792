//! status.json: how a run stands, for whoever looks from outside.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::clock;
use super::error::RecordError;
use super::event::{Event, RunState, Sink, Values};
use super::folder::{Folder, Lock, read_json, write_json};
use super::metrics::{Row, TRAIN};

/// How a run stands. Fields that an older program did not write are empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    pub state: RunState,
    /// Updates behind it when this was written.
    pub step: u64,
    pub max_steps: u64,
    /// Why it stopped, where it is not finished. A fragment.
    pub cause: Option<String>,
    /// The newest value of each metric of a judgement, by its name with the split: `dev/wer`.
    pub metrics: Values,
    /// Time spent on it, as its last process to end in order counted.
    pub wall_secs: Option<f64>,
    pub secs_per_step: Option<f64>,
    pub peak_bytes: Option<u64>,
    /// Who wrote this, and when (UTC).
    pub pid: u32,
    pub updated: String,
}

impl Status {
    /// How a run stands, or `None` where it never started. A run that says it is running, but that no process holds,
    /// was killed: it is `interrupted`.
    ///
    /// # Errors
    /// status.json is damaged or cannot be read.
    pub fn read(folder: &Folder) -> Result<Option<Self>, RecordError> {
        let status: Option<Status> = read_json(&folder.status_json())?;
        Ok(status.map(|status| status.now(folder)))
    }

    /// What status.json of `folder` says, corrected by whether a process still holds the run: see [`Status::read`].
    #[must_use]
    pub fn now(self, folder: &Folder) -> Self {
        if self.state == RunState::Running && !folder.is_locked() { self.killed() } else { self }
    }

    /// How the last process left a run, for the process that holds its lock now.
    ///
    /// # Errors
    /// status.json is damaged or cannot be read.
    pub fn read_holding(folder: &Folder, _lock: &Lock) -> Result<Option<Self>, RecordError> {
        let status: Option<Status> = read_json(&folder.status_json())?;
        Ok(status.map(|status| if status.state == RunState::Running { status.killed() } else { status }))
    }

    /// Notes in status.json that the run failed, and why: for a process that can do no more than that.
    ///
    /// # Errors
    /// status.json is damaged, or the file system refused.
    pub fn fail(folder: &Folder, cause: String) -> Result<(), RecordError> {
        let path = folder.status_json();
        let Some(status) = read_json::<Status>(&path)? else { return Ok(()) };
        let (state, updated) = (RunState::Failed, clock::now_utc());
        write_json(&path, &Status { state, cause: Some(cause), updated, ..status })
    }

    fn killed(self) -> Self {
        Status { state: RunState::Interrupted, cause: Some("it was killed".into()), ..self }
    }
}

/// The sink that writes status.json when something lasting happens: not at every update.
pub struct StatusFile {
    path: PathBuf,
    status: Status,
}

impl StatusFile {
    /// A status for a run whose rows are `rows`; see [`super::metrics::Metrics::earlier`].
    pub fn new(folder: &Folder, rows: &[Row]) -> Self {
        let mut status = Status { pid: std::process::id(), ..Status::default() };
        let judged =
            rows.iter().flat_map(|row| row.values.clone()).filter(|(name, _)| !name.starts_with(TRAIN));
        keep(&mut status.metrics, judged);
        StatusFile { path: folder.status_json(), status }
    }
}

impl Sink for StatusFile {
    fn emit(&mut self, event: &Event) -> Result<(), RecordError> {
        let status = &mut self.status;
        match event {
            Event::RunStarted(started) => {
                status.step = started.step;
                status.max_steps = started.max_steps;
            }
            Event::StepDone(done) => {
                status.step = done.step;
                return Ok(());
            }
            Event::EvalDone(done) => keep(&mut status.metrics, done.named()),
            Event::CheckpointSaved(_) => {}
            Event::RunFinished(finished) => {
                status.state = finished.state;
                // Who reports a failure may know less than the events before it told.
                status.step = status.step.max(finished.step);
                status.cause.clone_from(&finished.cause);
                keep(&mut status.metrics, finished.metrics.clone());
                status.wall_secs =
                    (finished.wall_secs > 0.0).then_some(finished.wall_secs).or(status.wall_secs);
                status.secs_per_step = (finished.secs_per_step > 0.0).then_some(finished.secs_per_step);
                status.peak_bytes = finished.peak_bytes;
            }
            _ => return Ok(()),
        }
        status.updated = clock::now_utc();
        write_json(&self.path, status)
    }
}

/// Takes the values that JSON can say; of one that is not finite, an older finite one goes too.
fn keep(metrics: &mut Values, newer: impl IntoIterator<Item = (String, f64)>) {
    for (name, value) in newer {
        if value.is_finite() {
            metrics.insert(name, value);
        } else {
            metrics.remove(&name);
        }
    }
}
