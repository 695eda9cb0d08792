//! `runner work`: one frozen run of a sweep, in this process.

use crate::cli::arguments::{Request, WorkArguments};
use crate::cli::failure::{self, Failure};
use crate::cli::helper::helper_command;
use crate::cli::order::{Orders, orders};
use crate::cli::signals::{at_first_signal, when_let_go};
use crate::launch::slurm::ending::{Aftermath, Why, settle, this_job};
use crate::launch::{Order, finished, in_process};
use crate::record::{Progress, RunState, SweepFolder};
use crate::train::Stop;

/// Works on a run until its end, or until it is asked to stop.
pub fn work(arguments: &WorkArguments) -> Result<u8, Failure> {
    // First of all, as a signal may come at once.
    let stop = if arguments.slurm { Stop::after_progress() } else { Stop::default() };
    let request = stop.clone();
    at_first_signal(move || request.request())?;
    let order = frozen(arguments)?;
    if finished(&order)?.is_some() {
        return Ok(0);
    }
    kernels::threads::start(threads(arguments, &order));
    if arguments.leashed {
        let stop = stop.clone();
        when_let_go(move || stop.request());
    }
    let report = in_process(&order, Progress::lines(std::io::stderr()), stop, helper_command)?;
    Ok(match report.status.state {
        RunState::Interrupted => {
            if arguments.slurm {
                back_to_the_queue(arguments, &order);
            }
            failure::INTERRUPTED
        }
        _ => 0,
    })
}

/// CPU threads of this worker. A job has those of its resources, unless the experiment says another number.
fn threads(arguments: &WorkArguments, order: &Order) -> usize {
    match order.plan.run.threads {
        asked @ 1.. if arguments.slurm => asked,
        _ => arguments.threads,
    }
}

/// Says why the job was asked to stop, and queues it again where that is due.
fn back_to_the_queue(arguments: &WorkArguments, order: &Order) {
    let Some(job) = this_job() else { return };
    let sweep = SweepFolder::at(&arguments.sweep);
    let most = order.plan.slurm.max_requeues;
    match settle(&sweep, &arguments.id, &job, &order.plan.slurm) {
        Aftermath::Queued { why: Why::TimeLimit, time_limits } => eprintln!(
            "job {job} is at its time limit; it waits in the queue again, return {time_limits} of at most {most}"
        ),
        Aftermath::Queued { .. } => eprintln!("job {job} was pushed aside; it waits in the queue again"),
        Aftermath::TooOften => eprintln!(
            "job {job} is at its time limit after {most} returns to the queue and ends here, `slurm.max_requeues` allowing no more; \
             the sweep's command submits it again"
        ),
        Aftermath::Left { why: Why::Asked } => {
            eprintln!(
                "job {job} was sent a signal, neither at its time limit nor pushed aside: it ends here"
            );
        }
        Aftermath::Left { .. } => eprintln!("job {job} was cancelled, or is queued again by Slurm"),
        Aftermath::Unknown(error) => {
            eprintln!("job {job} cannot queue itself again: {error}; the sweep's command submits it again")
        }
    }
}

/// The run as it was frozen, with where its options came from then.
fn frozen(arguments: &WorkArguments) -> Result<Order, Failure> {
    let (sweep, id) = (SweepFolder::at(&arguments.sweep), &arguments.id);
    let Some(frozen) = sweep.frozen(id)? else {
        let message = format!("there is no run `{id}` in the sweep `{}`", sweep.dir().display());
        return Err(Failure::new(failure::MISSING, message));
    };
    let request =
        Request { experiment: sweep.point_toml(id), profile: None, hparams: None, sets: Vec::new() };
    let Orders { asked, .. } = orders(&request)?;
    if asked.plan.id != *id {
        let message = format!("the frozen run `{id}` is `{}` to this version of the program", asked.plan.id);
        return Err(
            Failure::new(failure::FAILED, message).help("give the sweep's command again: it freezes anew")
        );
    }
    Ok(Order {
        experiment: frozen.experiment,
        profile: frozen.profile,
        role: frozen.role,
        origins: frozen.origins,
        ..asked
    })
}
