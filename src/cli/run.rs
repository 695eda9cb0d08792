//! `runner run`: train, resume or report.

use std::path::Path;

use serde_json::json;

use super::Talk;
use super::arguments::RunArguments;
use super::failure::{self, Failure};
use super::helper::helper_command;
use super::order::{Orders, orders};
use super::signals::at_first_signal;
use super::summary;
use crate::config::listed;
use crate::corpora::RECIPES;
use crate::launch::{Order, Report, finished, in_process};
use crate::plan::NeedKind;
use crate::record::{Folder, Progress, RunState, checkpoint};
use crate::train::{Job, Stop};

/// Brings the experiment's run to its end, and before it the runs it needs.
pub fn run(arguments: &RunArguments, talk: Talk) -> Result<u8, Failure> {
    // First of all, as a signal may come at once.
    let stop = on_signals()?;
    let Orders { needed, asked, .. } = orders(&arguments.request)?;
    kernels::threads::start(asked.plan.run.threads);
    has_threads(asked.plan.run.processes)?;
    if arguments.fresh
        && let Some(aside) = Folder::at(asked.plan.dir()).move_aside()?
    {
        talk.say(format_args!("moved the old run to {}", aside.display()));
    }
    if let Some(report) = finished(&asked)? {
        let mut reports = Vec::new();
        for order in &needed {
            reports.extend(finished(order)?);
        }
        reports.push(report);
        return tell(&reports, talk);
    }
    let file = &arguments.request.experiment;
    Job::open(&asked.plan)
        .and_then(|job| job.digests())
        .map_err(|error| ways_on(error.into(), "run", file))?;
    let mut reports = Vec::new();
    for order in &needed {
        reports.extend(meet(order, &asked, arguments, talk, &stop)?);
        if stop.requested() {
            // Also where the needed run was just done: the one that was asked for has not begun.
            tell(&reports, talk)?;
            return Ok(failure::INTERRUPTED);
        }
    }
    reports.push(in_process(&asked, progress(talk), stop, helper_command)?);
    tell(&reports, talk)
}

/// Whether there is a thread for each process.
fn has_threads(processes: usize) -> Result<(), Failure> {
    let cores = kernels::threads::count();
    if processes <= cores {
        return Ok(());
    }
    let message =
        format!("`run.processes = {processes}`, but this program has {cores} of the machine's cores");
    Err(Failure::new(failure::REQUEST, message).help(format!(
        "set `run.processes = {cores}` or less; `run.threads = {processes}` lets processes share cores"
    )))
}

/// A needed run: reported if it is there, run first under a profile, otherwise named with its command.
fn meet(
    order: &Order,
    asked: &Order,
    arguments: &RunArguments,
    talk: Talk,
    stop: &Stop,
) -> Result<Option<Report>, Failure> {
    if let Some(report) = finished(order)? {
        return Ok(Some(report));
    }
    let dir = order.plan.dir();
    let enough = asked.plan.needs.iter().any(|need| match need.kind {
        NeedKind::Parent { step } => need.dir == dir && checkpoint::dir(&dir, step).is_dir(),
        NeedKind::Teacher | NeedKind::Source => false,
    });
    if enough {
        return Ok(None);
    }
    if arguments.request.profile.is_none() {
        let message =
            format!("{} needs the run of `{}`, which is not there", asked.plan.name, order.plan.name);
        return Err(Failure::new(failure::MISSING, message)
            .help(format!("run it first: `runner run {}`", order.experiment))
            .help(format!(
                "or try everything on the bundled corpus: `runner run {} --profile smoke`",
                asked.experiment
            )));
    }
    talk.say(format_args!("{} first: {} needs it", order.plan.name, asked.plan.name));
    Ok(Some(in_process(order, progress(talk), stop.clone(), helper_command)?))
}

/// Adds what can be done about a missing corpus.
pub fn ways_on(failure: Failure, verb: &str, experiment: &Path) -> Failure {
    if failure.code != failure::MISSING {
        return failure;
    }
    failure
        .help(format!(
            "prepare it: `runner data prepare table --from TABLE --audio DIR --to FOLDER` turns audio and transcripts into a \
             corpus, {} the published ones; then set `data.dir` to `FOLDER`",
            published()
        ))
        .help("`runner data fetch` lists public corpora and gets them")
        .help(format!(
            "or try it on the bundled corpus: `runner {verb} {} --profile smoke`",
            experiment.display()
        ))
}

/// `runner data prepare tedlium`, `slurp` and so on: the verbs for published corpora.
fn published() -> String {
    let verbs = RECIPES.iter().enumerate().map(|(at, corpus)| match at {
        0 => format!("runner data prepare {}", corpus.name),
        _ => corpus.name.to_owned(),
    });
    listed(verbs.collect::<Vec<_>>().iter().map(String::as_str))
}

/// The progress that a person sees.
pub fn progress(talk: Talk) -> Progress {
    use std::io::IsTerminal;
    if talk.quiet {
        Progress::lines(std::io::sink())
    } else if std::io::stderr().is_terminal() {
        Progress::bar()
    } else {
        Progress::lines(std::io::stderr())
    }
}

/// Asks the loop to stop at the first signal.
pub fn on_signals() -> Result<Stop, Failure> {
    let stop = Stop::default();
    let request = stop.clone();
    at_first_signal(move || request.request())?;
    Ok(stop)
}

/// Prints how the runs stand. Returns the exit code.
fn tell(reports: &[Report], talk: Talk) -> Result<u8, Failure> {
    let Some(last) = reports.last() else { return Ok(failure::FAILED) };
    if talk.json {
        talk.data(&json!({
            "id": last.plan.id,
            "name": last.plan.name,
            "dir": last.folder.dir(),
            "state": last.status.state,
            "step": last.status.step,
            "metrics": last.status.metrics,
        }));
    } else {
        print!("{}", summary::table(reports)?);
    }
    talk.say(summary::cost(last));
    Ok(match last.status.state {
        RunState::Interrupted => {
            talk.say("interrupted; the same command goes on from here");
            failure::INTERRUPTED
        }
        _ => 0,
    })
}
