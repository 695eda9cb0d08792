//! How a run stands before anybody works on it.

use serde::Serialize;

use crate::record::{Folder, RecordError, RunState, Status};

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is there.
    New,
    /// At its end, and as long as asked for.
    Done,
    /// A process works on it now.
    Running,
    /// Begun, and nobody works on it: interrupted, killed, or shorter than asked for.
    Resumable,
    /// Ended by an error; it would go on from its last checkpoint.
    Failed,
}

impl Standing {
    /// How the run in `folder` stands, `max_steps` updates being asked for.
    ///
    /// # Errors
    /// Its status.json is damaged or cannot be read.
    pub fn of(folder: &Folder, max_steps: u64) -> Result<Self, RecordError> {
        if folder.is_locked() {
            return Ok(Standing::Running);
        }
        Ok(match Status::read(folder)? {
            None => Standing::New,
            Some(status) if status.state == RunState::Finished && status.step >= max_steps => Standing::Done,
            Some(status) if status.state == RunState::Failed => Standing::Failed,
            Some(_) => Standing::Resumable,
        })
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Standing::New => "new",
            Standing::Done => "done",
            Standing::Running => "running",
            Standing::Resumable => "resumable",
            Standing::Failed => "failed",
        }
    }
}
