//! Many runs, by worker processes: who may start, with how many threads, and what came of each.
//!
//! Every run is worked on by a process of its own, so that none takes another along. What a run is and how it stands is its own folder's
//! matter: its lock keeps a second worker out, its status says what is left to do. So this part keeps no state of its own on disk,
//! and after a kill anywhere the same call goes on. A worker is asked to stop by closing its standard input, which also happens when this
//! process dies. Not for: what a worker does, what is printed (`cli`). Start at [`work`].

mod standing;
#[cfg(test)]
mod tests;
mod work;
mod worker;

use std::path::PathBuf;

pub use standing::Standing;
pub use work::work;

use crate::record::Folder;

/// One run to bring to its end.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: String,
    pub folder: Folder,
    pub max_steps: u64,
    /// The runs it builds on.
    pub needs: Vec<Needed>,
    /// Threads that its experiment asks for; 0 = its share of the cores.
    pub threads: usize,
    /// Where its workers' words go.
    pub log: PathBuf,
}

/// A run that has to be there before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// Its place in the list of jobs.
    pub job: usize,
    /// The update whose checkpoint is enough; `None` = all of it.
    pub step: Option<u64>,
}

/// How the work is done.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Workers at a time.
    pub at_a_time: usize,
    /// CPU threads they share.
    pub cores: usize,
    /// Stop everything at the first failure.
    pub stop_on_failure: bool,
    /// Work again on runs that failed before.
    pub retry_failed: bool,
    /// Go on with runs that were interrupted before.
    pub retry_interrupted: bool,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was done before anybody here worked on it.
    Reused,
    /// A worker brought it to its end.
    Done,
    /// Begun, and not at its end; the same command goes on.
    Interrupted,
    /// An error ended it: now, or earlier and it was not to be tried again.
    Failed { cause: String, earlier: bool },
    /// A run that it needs is not done.
    Blocked { by: usize },
    /// Nobody worked on it.
    Untouched,
}

impl Outcome {
    /// Whether the run is at its end.
    pub fn is_done(&self) -> bool {
        matches!(self, Outcome::Reused | Outcome::Done)
    }

    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Reused | Outcome::Done => "done",
            Outcome::Interrupted => "interrupted",
            Outcome::Failed { .. } => "failed",
            Outcome::Blocked { .. } => "blocked",
            Outcome::Untouched => "new",
        }
    }
}

/// What happens, as it happens.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// A worker starts.
    Started { job: usize, threads: usize },
    /// Another process works on the run; it is waited for.
    Elsewhere { job: usize },
    /// What came of a run is known; a worker took `secs` for it, if one did.
    Ended { job: usize, outcome: &'a Outcome, secs: Option<f64> },
    /// So many runs need no more work: said when that changes, and every second.
    Tick { ended: usize },
}
