//! What a job does when it was asked to stop: is its time over, or was it pushed aside, and does it queue itself again?
//!
//! A signal does not say why it came, and Slurm may send it a minute early, so it is told by the controller's own account of the job. Slurm
//! queues a job that was pushed aside again only if it is still at work when its grace is over; one that has saved and ended by itself
//! counts as failed. So such a job queues itself again, too, which also frees its node at once.

use super::call::{SlurmError, ask};
use super::journal;
use crate::plan::{EARLY_SECS, SlurmPlan};
use crate::record::SweepFolder;

/// What Slurm says of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// In its words, `RUNNING` for example.
    pub state: String,
    pub used_secs: Option<u64>,
    /// `None` = no limit.
    pub limit_secs: Option<u64>,
    /// Whether it is being pushed aside; `None` where Slurm does not tell.
    pub preempted: Option<bool>,
}

/// Why a job was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    TimeLimit,
    Preempted,
    /// Slurm has settled what becomes of the job: it was cancelled, or is being queued again.
    Settled,
    /// Somebody sent it a signal.
    Asked,
}

/// What became of a job.
#[derive(Debug)]
pub enum Aftermath {
    /// It waits in the queue again, after so many time limits.
    Queued { why: Why, time_limits: usize },
    /// It was at its time limit as often as it may be.
    TooOften,
    /// It stays ended, or Slurm queues it itself.
    Left { why: Why },
    /// Slurm could not be asked.
    Unknown(SlurmError),
}

impl Account {
    /// Reads the answer of `scontrol show job`.
    pub fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let mut words = text.split_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        Account {
            state: field("JobState").unwrap_or_default(),
            used_secs: field("RunTime").as_deref().and_then(secs),
            limit_secs: field("TimeLimit").as_deref().and_then(secs),
            preempted: field("PreemptTime").map(|at| !matches!(at.as_str(), "None" | "N/A" | "(null)")),
        }
    }

    /// Why the job was asked to stop, if Slurm warns `lead_secs` before the time limit.
    pub fn why(&self, lead_secs: u64) -> Why {
        let before_limit =
            |secs: u64| self.used_secs.zip(self.limit_secs).is_some_and(|(used, limit)| used + secs >= limit);
        match self.state.as_str() {
            "RUNNING" if self.preempted == Some(true) => Why::Preempted,
            "RUNNING" if before_limit(lead_secs + EARLY_SECS) => Why::TimeLimit,
            // Older versions do not say who is pushed aside.
            "RUNNING" if self.preempted.is_none() => Why::Preempted,
            "RUNNING" => Why::Asked,
            // The warning did not arrive, and the end did.
            "TIMEOUT" | "COMPLETING" if before_limit(0) => Why::TimeLimit,
            _ => Why::Settled,
        }
    }
}

/// Seconds of `1-02:03:04`, `02:03:04` or `03:04`; `None` for `UNLIMITED`.
pub(super) fn secs(text: &str) -> Option<u64> {
    let (days, clock) =
        text.split_once('-').map_or((Some(0), text), |(days, clock)| (days.parse().ok(), clock));
    let mut parts = clock.split(':').map(|part| part.parse::<u64>().ok());
    let sum = parts.try_fold(0, |sum, part| Some(sum * 60 + part?))?;
    Some(days? * 86_400 + sum)
}

/// The job of this process in the words of `scontrol`; `None` outside of Slurm.
pub fn this_job() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok();
    match (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(task)) => Some(format!("{array}_{task}")),
        _ => variable("SLURM_JOB_ID"),
    }
}

/// Finds out why `job`, at work on the run `id`, was asked to stop, and queues it again where that is due. The run has to be saved: a job
/// that queues itself again is killed at once.
pub fn settle(sweep: &SweepFolder, id: &str, job: &str, plan: &SlurmPlan) -> Aftermath {
    match try_settle(sweep, id, job, plan) {
        Ok(aftermath) => aftermath,
        Err(error) => Aftermath::Unknown(error),
    }
}

fn try_settle(sweep: &SweepFolder, id: &str, job: &str, plan: &SlurmPlan) -> Result<Aftermath, SlurmError> {
    let account = Account::parse(&ask("scontrol", &["--oneliner", "show", "job", job], "")?.out);
    let why = account.why(plan.signal_lead_secs);
    let before = journal::requeues(sweep, id, job)?;
    let time_limits = before + usize::from(why == Why::TimeLimit);
    match why {
        Why::Settled | Why::Asked => return Ok(Aftermath::Left { why }),
        Why::TimeLimit if before >= plan.max_requeues => return Ok(Aftermath::TooOften),
        Why::TimeLimit => journal::note_requeue(sweep, id, job)?,
        Why::Preempted => {}
    }
    match ask("scontrol", &["requeue", job], "") {
        Ok(_) => Ok(Aftermath::Queued { why, time_limits }),
        // Slurm was faster: it waits already.
        Err(SlurmError::Refused { words, .. }) if words.contains("pending") => {
            Ok(Aftermath::Queued { why, time_limits })
        }
        Err(error) => Err(error),
    }
}
