//! The loop over workers: start what may start, see what has ended, until nothing is left to do.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::worker::{End, Worker};
use super::{Job, Outcome, Rules, Standing, Told};
use crate::record::{RecordError, Status, checkpoint};
use crate::train::Stop;

/// How often ended workers and freed runs are looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long a run is left alone that somebody else took, and how often it is said that time passes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Works on `jobs` until each is done, has failed, or waits for one that has; those a job needs stand before it. `start` makes the
/// command of a worker with so many threads. Once `stop` is requested, workers are asked to end and none is started.
///
/// # Errors
/// The folder of a run cannot be read. Workers at work are asked to stop and waited for.
pub fn work(
    jobs: &[Job],
    rules: &Rules,
    stop: &Stop,
    start: &dyn Fn(&Job, usize) -> Command,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Vec<Outcome>, RecordError> {
    let count = jobs.len();
    let mut pool = Pool {
        jobs,
        rules,
        outcomes: vec![None; count],
        workers: Vec::new(),
        elsewhere: vec![None; count],
        start,
        tell,
    };
    pool.leave_out()?;
    let mut stopping = false;
    let mut told = (usize::MAX, Instant::now());
    loop {
        pool.reap()?;
        stopping |= stop.requested() || (rules.stop_on_failure && pool.failed_now());
        if stopping {
            pool.workers.iter_mut().for_each(Worker::ask_to_stop);
        } else {
            pool.fill()?;
        }
        let idle = pool.workers.is_empty();
        if idle && (stopping || pool.outcomes.iter().all(Option::is_some)) {
            break;
        }
        let ended = pool.outcomes.iter().flatten().count();
        if ended != told.0 || told.1.elapsed() >= PATIENCE {
            told = (ended, Instant::now());
            (pool.tell)(Told::Tick { ended });
        }
        sleep(TICK);
    }
    pool.rest()
}

struct Pool<'a> {
    jobs: &'a [Job],
    rules: &'a Rules,
    outcomes: Vec<Option<Outcome>>,
    workers: Vec<Worker>,
    /// When a run was last found to be another process' work.
    elsewhere: Vec<Option<Instant>>,
    start: &'a dyn Fn(&Job, usize) -> Command,
    tell: &'a mut dyn FnMut(Told<'_>),
}

impl Pool<'_> {
    fn end(&mut self, job: usize, outcome: Outcome, secs: Option<f64>) {
        (self.tell)(Told::Ended { job, outcome: &outcome, secs });
        self.outcomes[job] = Some(outcome);
    }

    /// Settles what is done, and what is not to be tried again.
    fn leave_out(&mut self) -> Result<(), RecordError> {
        for (index, job) in self.jobs.iter().enumerate() {
            let outcome = match Standing::of(&job.folder, job.max_steps)? {
                Standing::Done => Outcome::Reused,
                Standing::Failed if !self.rules.retry_failed => {
                    Outcome::Failed { cause: cause(job)?, earlier: true }
                }
                Standing::Resumable if !self.rules.retry_interrupted => Outcome::Interrupted,
                _ => continue,
            };
            self.end(index, outcome, None);
        }
        Ok(())
    }

    /// Takes note of workers that ended.
    fn reap(&mut self) -> Result<(), RecordError> {
        let mut at = 0;
        while at < self.workers.len() {
            let Some(end) = self.workers[at].ended() else {
                at += 1;
                continue;
            };
            let worker = self.workers.swap_remove(at);
            let secs = Some(worker.secs());
            match end {
                End::Done => self.end(worker.job, Outcome::Done, secs),
                End::Interrupted => self.end(worker.job, Outcome::Interrupted, secs),
                End::Failed(cause) => self.end(worker.job, Outcome::Failed { cause, earlier: false }, secs),
                // Somebody was faster: the run is looked at again.
                End::Elsewhere => self.is_elsewhere(worker.job),
            }
        }
        Ok(())
    }

    fn failed_now(&self) -> bool {
        self.outcomes
            .iter()
            .flatten()
            .any(|outcome| matches!(outcome, Outcome::Failed { earlier: false, .. }))
    }

    fn is_elsewhere(&mut self, job: usize) {
        if self.elsewhere[job].replace(Instant::now()).is_none() {
            (self.tell)(Told::Elsewhere { job });
        }
    }

    /// Starts workers on what is ready, in the order of the list, as long as there is room.
    fn fill(&mut self) -> Result<(), RecordError> {
        self.block();
        let mut ready = Vec::new();
        for index in 0..self.jobs.len() {
            let at_work = self.workers.iter().any(|worker| worker.job == index);
            if self.outcomes[index].is_some() || at_work || !self.may_start(index) {
                continue;
            }
            let job = &self.jobs[index];
            match Standing::of(&job.folder, job.max_steps)? {
                // Another process did it while this one was busy.
                Standing::Done => self.end(index, Outcome::Reused, None),
                Standing::Running => self.is_elsewhere(index),
                _ if self.elsewhere[index].is_some_and(|seen| seen.elapsed() < PATIENCE) => {}
                _ => ready.push(index),
            }
        }
        let mut left = ready.len();
        for index in ready {
            if self.workers.len() >= self.rules.at_a_time {
                break;
            }
            self.launch(index, left);
            left -= 1;
        }
        Ok(())
    }

    /// Starts a worker, one of `ready` that could start now.
    fn launch(&mut self, index: usize, ready: usize) {
        let job = &self.jobs[index];
        let places = (self.rules.at_a_time - self.workers.len()).min(ready).max(1);
        let taken: usize = self.workers.iter().map(|worker| worker.threads).sum();
        let share = (self.rules.cores.saturating_sub(taken) / places).max(1);
        let threads = if job.threads == 0 { share } else { job.threads };
        (self.tell)(Told::Started { job: index, threads });
        match Worker::start(index, threads, (self.start)(job, threads), &job.log) {
            Ok(worker) => self.workers.push(worker),
            Err(error) => {
                let cause = format!("cannot start its process: {error}");
                self.end(index, Outcome::Failed { cause, earlier: false }, None);
            }
        }
    }

    /// Whether all that a job needs is there: done, or, where nothing more is done about it, with the checkpoint that the job starts from.
    fn may_start(&self, index: usize) -> bool {
        self.jobs[index].needs.iter().all(|need| match &self.outcomes[need.job] {
            Some(outcome) if outcome.is_done() => true,
            Some(_) => {
                let dir = self.jobs[need.job].folder.dir();
                need.step.is_some_and(|step| checkpoint::dir(dir, step).is_dir())
            }
            None => false,
        })
    }

    /// Settles jobs that wait for one that will not be done.
    fn block(&mut self) {
        // What a job needs stands before it, so one pass finds whole chains.
        for index in 0..self.jobs.len() {
            if self.outcomes[index].is_some() || self.may_start(index) {
                continue;
            }
            let lost = |outcome: &Outcome| !outcome.is_done();
            let needs = self.jobs[index].needs.iter();
            let mut lacking = needs.filter(|need| self.outcomes[need.job].as_ref().is_some_and(lost));
            if let Some(need) = lacking.next() {
                self.end(index, Outcome::Blocked { by: need.job }, None);
            }
        }
    }

    /// What came of each; of what nobody began, how it stands.
    fn rest(self) -> Result<Vec<Outcome>, RecordError> {
        let settle = |(outcome, job): (Option<Outcome>, &Job)| match outcome {
            Some(outcome) => Ok(outcome),
            None => Ok(match Standing::of(&job.folder, job.max_steps)? {
                Standing::New => Outcome::Untouched,
                Standing::Done => Outcome::Reused,
                Standing::Running | Standing::Resumable => Outcome::Interrupted,
                Standing::Failed => Outcome::Failed { cause: cause(job)?, earlier: true },
            }),
        };
        self.outcomes.into_iter().zip(self.jobs).map(settle).collect()
    }
}

/// Why a run failed earlier, in its own words.
fn cause(job: &Job) -> Result<String, RecordError> {
    let status = Status::read(&job.folder)?;
    Ok(status.and_then(|status| status.cause).unwrap_or_else(|| "it left no word why".into()))
}
