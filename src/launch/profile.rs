//! Some updates of a run, measured: with the sinks of a run, but in a folder that goes away.

use std::path::{Path, PathBuf};

use kernels::threads::Pool;

use super::LaunchError;
use crate::plan::Plan;
use crate::record::{Fanout, Folder, Log, Metrics, Offsets, Progress, StatusFile};
use crate::train::profile::{Extent, Measured};
use crate::train::{Job, Stop, TrainError, start_profile};

/// Measures updates of `plan` in this process. Nothing of it stays.
///
/// # Errors
/// What stopped it.
pub fn profile(
    plan: &Plan,
    extent: Extent,
    progress: Progress,
    stop: &Stop,
) -> Result<Measured, LaunchError> {
    // As a run does.
    let own = Pool::new(kernels::threads::count()).map_err(TrainError::from)?;
    own.install(|| measured(plan, extent, progress, stop))
}

fn measured(plan: &Plan, extent: Extent, progress: Progress, stop: &Stop) -> Result<Measured, LaunchError> {
    let job = Job::open(plan)?;
    // What a run writes after each update is part of what is measured.
    let scratch = Scratch::new();
    let folder = Folder::at(scratch.dir());
    folder.create()?;
    let metrics = Metrics::open(&folder, Offsets::default(), plan.output.summary_interval)?;
    let status = StatusFile::new(&folder, metrics.earlier());
    let mut sink = Fanout::new().with(metrics).with(status).with(Log::open(&folder)?).with(progress);
    Ok(start_profile(&job, extent, stop, &mut sink)?)
}

/// A folder of this process that is gone when this is.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Scratch(std::env::temp_dir().join(format!("runner-profile-{}", std::process::id())))
    }

    fn dir(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What the system does not let go lies where it clears up itself.
        _ = std::fs::remove_dir_all(&self.0);
    }
}
