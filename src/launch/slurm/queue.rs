//! The queue, read with one call of `squeue` and kept for a while: the controller serves everybody.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::call::{SlurmError, ask};
use crate::record::folder::{read_json, write_json};

/// How long an answer is good enough for who looks only.
pub const FRESH_SECS: u64 = 20;
/// Base number, task, name, state, time used, time limit, expected start, node, reason.
const FORMAT: &str = "%F|%K|%j|%T|%M|%l|%S|%N|%r";

/// This user's jobs that are not at their end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// When it was read, seconds since 1970.
    pub at_secs: u64,
    pub jobs: Vec<Queued>,
}

/// A job, or a task of an array.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The number; of a task that of its array.
    pub job: String,
    pub task: Option<usize>,
    pub name: String,
    /// In Slurm's words, `PENDING` for example.
    pub state: String,
    /// Time used, in Slurm's notation.
    pub used: String,
    pub limit: String,
    /// When it is expected to start, if that is known.
    pub start: Option<String>,
    pub node: String,
    /// Why it waits, in Slurm's words.
    pub reason: String,
}

impl Queued {
    /// `17`, or `17_3` for a task.
    pub fn number(&self) -> String {
        self.task.map_or_else(|| self.job.clone(), |task| format!("{}_{task}", self.job))
    }

    /// Whether it waits to start.
    pub fn is_pending(&self) -> bool {
        matches!(
            self.state.as_str(),
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "CONFIGURING"
        )
    }

    /// Whether it is ending, or being taken off its node to wait again.
    pub fn is_leaving(&self) -> bool {
        self.state == "COMPLETING"
    }

    /// Why it waits, for people; Slurm's own word where that says enough.
    pub fn why(&self) -> String {
        let said = match self.reason.as_str() {
            "None" | "" => "the scheduler has not looked at it yet",
            "Priority" => "others are before it",
            "Resources" => "waits for free resources",
            "Dependency" => "waits for a run that it needs",
            "DependencyNeverSatisfied" => "a run that it needs was not done",
            "BeginTime" => "was on a node before; Slurm waits two minutes before it may start again",
            "JobArrayTaskLimit" => "as many as `max_parallel` are at work",
            "JobHeldUser" => "is held; `scontrol release` lets it go",
            "JobHeldAdmin" => "is held by an administrator",
            "PartitionTimeLimit" => "`time_limit` is longer than the partition allows",
            "ReqNodeNotAvail" => "a node that it needs is down or reserved",
            other => other,
        };
        said.to_owned()
    }
}

impl Queue {
    /// The queue as it is now.
    ///
    /// # Errors
    /// There is no `squeue`, or it refuses.
    pub fn now() -> Result<Self, SlurmError> {
        let answer = ask("squeue", &["--me", "--array", "--noheader", "-o", FORMAT], "")?;
        Ok(Queue { at_secs: now_secs(), jobs: parse(&answer.out) })
    }

    /// The queue as it was at most [`FRESH_SECS`] ago, by way of the file `cache`.
    ///
    /// # Errors
    /// There is no `squeue`, or it refuses.
    pub fn lately(cache: &Path) -> Result<Self, SlurmError> {
        // A damaged file is as good as none.
        if let Some(kept) = read_json::<Queue>(cache).ok().flatten()
            && kept.age_secs() < FRESH_SECS
        {
            return Ok(kept);
        }
        let queue = Queue::now()?;
        queue.keep(cache)?;
        Ok(queue)
    }

    /// Keeps it for who looks soon.
    ///
    /// # Errors
    /// The file system refused.
    pub fn keep(&self, cache: &Path) -> Result<(), SlurmError> {
        Ok(write_json(cache, self)?)
    }

    /// Seconds since it was read.
    pub fn age_secs(&self) -> u64 {
        now_secs().saturating_sub(self.at_secs)
    }

    /// A job of this number and name, or its task.
    pub fn find(&self, job: &str, name: &str, task: Option<usize>) -> Option<&Queued> {
        self.jobs.iter().find(|queued| queued.job == job && queued.name == name && queued.task == task)
    }
}

fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The lines of `squeue` in [`FORMAT`]; lines of another form are passed over.
pub(super) fn parse(text: &str) -> Vec<Queued> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Queued> {
    let mut fields = line.trim().splitn(9, '|').map(str::trim);
    let mut field = || fields.next();
    Some(Queued {
        job: field()?.to_owned(),
        task: field()?.parse().ok(),
        name: field()?.to_owned(),
        state: field()?.to_owned(),
        used: field()?.to_owned(),
        limit: field()?.to_owned(),
        start: field().filter(|start| *start != "N/A").map(str::to_owned),
        node: field()?.to_owned(),
        reason: field()?.to_owned(),
    })
}
