//! `runner sweep`: every point of a `[sweep]`, by worker processes; and the hidden `runner work`, which is such a worker.
//!
//! Start at [`sweep()`]; `study.rs` resolves the points, `launch::sweep` works on them, `show.rs` says how they stand,
//! `progress.rs` how it goes.

mod freeze;
mod place;
mod progress;
mod show;
mod slurm;
mod study;
mod worker;

use std::path::Path;
use std::process::Command;

use kernels::threads::count_for;

pub use show::columns;
pub use study::{Study, StudyRun, study};
pub use worker::work;

use super::Talk;
use super::arguments::{OnFailure, Place, Request, Retry, SweepArguments};
use super::failure::{self, Failure};
use super::run::on_signals;
use crate::launch::sweep::{Job, Outcome, Rules, Standing, Told, work as work_on};
use crate::record::host::Host;
use crate::record::{Count, RecordError, Tally};
use crate::train::memory_bytes;
use progress::Teller;

/// Brings every point of a sweep to its end, or lists them.
pub fn sweep(arguments: &SweepArguments, talk: Talk) -> Result<u8, Failure> {
    let Some(study) = study(&arguments.request)? else { return Err(no_sweep(&arguments.request)) };
    if arguments.on == Place::Slurm {
        return slurm::submit(&study, arguments, talk);
    }
    if arguments.dry_run {
        show::listing(&study, talk);
        return Ok(0);
    }
    let _lock = study.folder.create().map_err(|error| busy(error, &study))?;
    freeze::freeze(&study, &arguments.request)?;
    let stop = on_signals()?;
    let rules = rules(arguments, &study);
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(failure::FAILED, format!("cannot find this program: {error}")))?;
    let start = |job: &Job, threads: usize| worker_command(&program, study.folder.dir(), job, threads);
    let mut tally = talk.tally(Count::runs);
    let before = study.runs.iter().filter(|run| run.standing == Standing::Done).count();
    progress::opening(&study, &rules, talk);
    tally.begin(study.runs.len() as u64, before as u64);
    let outcomes = {
        let teller = Teller { study: &study, talk };
        let mut tell = |told: Told<'_>| tell(&teller, &mut tally, told);
        work_on(&study.jobs(), &rules, &stop, &start, &mut tell)?
    };
    tally.finish();
    show::outcome(&study, &outcomes, talk)?;
    Ok(code(&outcomes, stop.requested()))
}

fn tell(teller: &Teller<'_>, tally: &mut Tally, told: Told<'_>) {
    match told {
        Told::Tick { ended } => tally.at(ended as u64),
        told => tally.beside(|| teller.tell(told)),
    }
}

/// The exit code: an interruption is not a failure, and a failure outlasts it.
fn code(outcomes: &[Outcome], stopped: bool) -> u8 {
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed { .. } | Outcome::Blocked { .. });
    match () {
        () if outcomes.iter().all(Outcome::is_done) => 0,
        () if stopped || !outcomes.iter().any(failed) => failure::INTERRUPTED,
        () => failure::FAILED,
    }
}

fn no_sweep(request: &Request) -> Failure {
    let file = request.experiment.display();
    Failure::new(failure::REQUEST, format!("`{file}` has no `[sweep]`"))
        .help(
            "list the values of an option in it, for example `train.max_lr = [1e-3, 3e-4]` in `[sweep.axes]`",
        )
        .help(format!("or run it as it is: `runner run {file}`"))
}

/// The same sweep twice at a time would only be in its own way.
fn busy(error: RecordError, study: &Study) -> Failure {
    let RecordError::AlreadyRunning { holder, .. } = &error else { return error.into() };
    let by = holder.as_ref().map(|holder| format!(" by process {} on {}", holder.pid, holder.host));
    let message = format!(
        "the sweep `{}` is already worked on{}",
        study.folder.dir().display(),
        by.unwrap_or_default()
    );
    let failure = Failure::new(failure::RUNNING, message);
    error.help().into_iter().fold(failure, Failure::help)
}

/// How the work is done here.
fn rules(arguments: &SweepArguments, study: &Study) -> Rules {
    let cores = count_for(0);
    let left = || study.runs.iter().filter(|run| run.standing != Standing::Done);
    // An experiment that asks for threads gets them.
    let asked = left().map(|run| run.job.threads).max().unwrap_or(0).max(1);
    let fitting = || (cores / asked).clamp(1, room(study));
    let at_a_time = arguments.jobs.map_or_else(fitting, usize::from);
    Rules {
        at_a_time: at_a_time.min(left().count().max(1)),
        cores,
        stop_on_failure: arguments.on_failure == OnFailure::Stop,
        retry_failed: matches!(arguments.retry, Retry::Failed | Retry::All),
        retry_interrupted: matches!(arguments.retry, Retry::Preempted | Retry::All),
    }
}

/// How many of the largest run this machine's memory holds; at least one, where it is not told many.
fn room(study: &Study) -> usize {
    let left = study.runs.iter().filter(|run| run.standing != Standing::Done);
    let largest = left.map(|run| memory_bytes(&run.order.plan, 1)).max().unwrap_or(1);
    Host::this().memory_bytes.map_or(usize::MAX, |bytes| (bytes / largest.max(1)) as usize).max(1)
}

/// The command of a worker. Variables for options have had their say when the run was frozen.
fn worker_command(program: &Path, sweep: &Path, job: &Job, threads: usize) -> Command {
    let mut command = Command::new(program);
    command.args(["--color", "never", "work", "--leashed", "--threads", &threads.to_string()]);
    command.arg(sweep).arg(&job.id);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RUNNER__")) {
        command.env_remove(name);
    }
    command
}
