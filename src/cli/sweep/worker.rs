//! `runner work`: one frozen run of a sweep, in this process.

use std::io::Read;

use crate::cli::arguments::{Request, WorkArguments};
use crate::cli::failure::{self, Failure};
use crate::cli::order::{Orders, orders};
use crate::cli::run::on_signals;
use crate::launch::{Order, finished, in_process};
use crate::record::{Progress, RunState, SweepFolder};
use crate::train::Stop;

/// Works on a run until its end, or until it is asked to stop.
pub fn work(arguments: &WorkArguments) -> Result<u8, Failure> {
    let order = frozen(arguments)?;
    if finished(&order)?.is_some() {
        return Ok(0);
    }
    kernels::threads::start(arguments.threads);
    let stop = on_signals()?;
    if arguments.leashed {
        watch_leash(stop.clone());
    }
    let report = in_process(&order, Progress::lines(std::io::stderr()), stop)?;
    Ok(match report.status.state {
        RunState::Interrupted => failure::INTERRUPTED,
        _ => 0,
    })
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

/// Asks for a stop when standard input ends: whoever holds its other end let go, or died.
fn watch_leash(stop: Stop) {
    std::thread::spawn(move || {
        let mut nothing = Vec::new();
        // An error is an end too.
        let _ = std::io::stdin().read_to_end(&mut nothing);
        stop.request();
    });
}
