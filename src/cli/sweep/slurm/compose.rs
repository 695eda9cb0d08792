//! Which runs of a sweep get a job, and what the others are left for.

use crate::cli::arguments::Retry;
use crate::cli::failure::Failure;
use crate::cli::sweep::study::Study;
use crate::launch::slurm::journal::{queued, submitted_beside};
use crate::launch::slurm::{Chunk, Queue, Wanted, chunks};
use crate::launch::sweep::{Needed, Standing};
use crate::record::checkpoint;

/// What becomes of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is at its end.
    Done,
    /// A job of this number waits or works already.
    Queued(String),
    /// A process works on it that is no job of a sweep.
    Elsewhere,
    /// It gets a job.
    Submitted,
    /// It did not come to its end, and is not to be tried again.
    Left,
    /// A run that it needs gets no job and is not done.
    Blocked(usize),
}

impl Fate {
    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Fate::Done => "done",
            Fate::Queued(_) => "queued",
            Fate::Elsewhere => "running",
            Fate::Submitted => "submitted",
            Fate::Left => "left",
            Fate::Blocked(_) => "blocked",
        }
    }
}

/// Every run's fate, and the submissions it takes.
pub struct Composed<'a> {
    pub fates: Vec<Fate>,
    pub chunks: Vec<Chunk<'a>>,
}

/// Decides about every run; arrays have at most `most` tasks.
pub fn compose<'a>(
    study: &'a Study,
    retry: Retry,
    queue: &Queue,
    most: usize,
) -> Result<Composed<'a>, Failure> {
    let known = submitted_beside(&study.folder)?;
    let (mut fates, mut wanted): (Vec<Fate>, Vec<Wanted<'a>>) = (Vec::new(), Vec::new());
    for (index, run) in study.runs.iter().enumerate() {
        let fate = match run.standing {
            Standing::Done => Fate::Done,
            standing => match queued(&known, queue, &run.row.id) {
                Some(job) => Fate::Queued(job.number()),
                None => fate_of(standing, retry),
            },
        };
        // What a run needs stands before it.
        let blocked =
            run.job.needs.iter().find(|need| !is_met(study, need, &fates) && !comes(&fates[need.job]));
        let fate = match (fate, blocked) {
            (Fate::Submitted, Some(need)) => Fate::Blocked(need.job),
            (fate, _) => fate,
        };
        if fate == Fate::Submitted {
            let unmet = run.job.needs.iter().filter(|need| !is_met(study, need, &fates));
            wanted.push(Wanted {
                run: index,
                plan: &run.order.plan.slurm,
                after: unmet.map(|need| need.job).collect(),
                is_needed: study.runs.iter().flat_map(|run| &run.job.needs).any(|need| need.job == index),
            });
        }
        fates.push(fate);
    }
    Ok(Composed { fates, chunks: chunks(&wanted, most) })
}

fn fate_of(standing: Standing, retry: Retry) -> Fate {
    match standing {
        Standing::Done => Fate::Done,
        Standing::Running => Fate::Elsewhere,
        Standing::Failed if !matches!(retry, Retry::Failed | Retry::All) => Fate::Left,
        Standing::Resumable if !matches!(retry, Retry::Preempted | Retry::All) => Fate::Left,
        Standing::New | Standing::Failed | Standing::Resumable => Fate::Submitted,
    }
}

/// Whether what is needed of a run is there already.
fn is_met(study: &Study, need: &Needed, fates: &[Fate]) -> bool {
    let dir = study.runs[need.job].job.folder.dir();
    fates[need.job] == Fate::Done || need.step.is_some_and(|step| checkpoint::dir(dir, step).is_dir())
}

/// Whether a job brings it.
fn comes(fate: &Fate) -> bool {
    matches!(fate, Fate::Queued(_) | Fate::Submitted)
}
