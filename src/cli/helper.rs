//! `runner helper`: a process that shares the updates of a run that another process has.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::arguments::{HelperArguments, Request};
use super::failure::{self, Failure};
use super::order::{Orders, orders};
use super::signals::{ignore_signals, when_let_go};
use crate::launch::ranks::Link;
use crate::record::Folder;
use crate::train::{Job, Rank, TrainError, start_helper};

/// The command of a helper. Variables for options have had their say when the run's config.toml was written.
///
/// # Errors
/// This program cannot be found.
pub fn helper_command(folder: &Folder, id: &str, rank: Rank, threads: usize) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--color", "never", "helper", "--id", id]);
    for (name, value) in [("--rank", rank.rank), ("--ranks", rank.ranks), ("--threads", threads)] {
        command.args([name, &value.to_string()]);
    }
    command.arg(folder.config_toml());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RUNNER__")) {
        command.env_remove(name);
    }
    Ok(command)
}

/// Takes part in the updates of a run until rank 0 has no more need of it.
pub fn helper(arguments: &HelperArguments) -> Result<u8, Failure> {
    // What a signal means is for rank 0 to say, and its end is this process's.
    ignore_signals()?;
    let rank = Rank { rank: arguments.rank, ranks: arguments.ranks };
    let mut link = Link::inherited(rank).map_err(|error| {
        Failure::new(failure::REQUEST, format!("nobody is there to help: {error}"))
            .help("`runner run` starts helpers itself, where `run.processes` is 2 or more")
    })?;
    when_let_go(|| std::process::exit(0));
    match take_part(arguments, &mut link) {
        Ok(()) => Ok(0),
        Err(Stopped::Released) => Ok(0),
        Err(Stopped::Failed(cause)) => {
            link.fail(&cause);
            Ok(failure::FAILED)
        }
    }
}

/// Why a helper ends before the run's last update.
enum Stopped {
    Released,
    /// In words for rank 0.
    Failed(String),
}

impl From<TrainError> for Stopped {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::LetGo => Stopped::Released,
            error => Stopped::Failed(error.to_string()),
        }
    }
}

fn take_part(arguments: &HelperArguments, link: &mut Link) -> Result<(), Stopped> {
    let config: PathBuf = arguments.config.clone();
    let request = Request { experiment: config, profile: None, hparams: None, sets: Vec::new() };
    let Orders { asked, .. } = orders(&request).map_err(|failure| Stopped::Failed(failure.words()))?;
    if asked.plan.id != arguments.id {
        let (wanted, found) = (&arguments.id, &asked.plan.id);
        return Err(Stopped::Failed(format!("the run `{wanted}` is `{found}` by its own `config.toml`")));
    }
    kernels::threads::start(arguments.threads);
    let job = Job::open(&asked.plan)?;
    Ok(start_helper(&job, link)?)
}
