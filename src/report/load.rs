//! Run folders, read for comparison: run.json and status.json only, so that a thousand of them take no time.

use std::io;
use std::path::{Path, PathBuf};

use crate::record::{Folder, Identity, RecordError, Status};

/// A run as its folder tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub dir: PathBuf,
    pub identity: Identity,
    /// `None` where it was prepared but never started.
    pub status: Option<Status>,
}

/// What a folder of runs holds.
#[derive(Debug, Default)]
pub struct Loaded {
    /// By folder name, ascending.
    pub runs: Vec<Run>,
    /// Folders that should be runs but cannot be read.
    pub unreadable: Vec<RecordError>,
}

/// Reads all runs in `runs_dir`. Folders that are no runs, and runs moved aside, are passed over.
///
/// # Errors
/// The folder itself cannot be listed; one that is not there holds no runs.
pub fn load(runs_dir: &Path) -> Result<Loaded, RecordError> {
    let cannot = |source| RecordError::Io { action: "list", path: runs_dir.to_owned(), source };
    let entries = match std::fs::read_dir(runs_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::default()),
        entries => entries.map_err(cannot)?,
    };
    let dirs: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut dirs = dirs.map_err(cannot)?;
    dirs.sort_unstable();
    let mut loaded = Loaded::default();
    let may_be_run = |dir: &&PathBuf| dir.is_dir() && !dir.to_string_lossy().contains(".aside-");
    for dir in dirs.iter().filter(may_be_run) {
        match load_run(dir) {
            Ok(Some(run)) => loaded.runs.push(run),
            Ok(None) => {}
            Err(error) => loaded.unreadable.push(error),
        }
    }
    Ok(loaded)
}

/// Reads the run in `dir`, or `None` where there is none.
///
/// # Errors
/// Its run.json or status.json is damaged or cannot be read.
pub fn load_run(dir: &Path) -> Result<Option<Run>, RecordError> {
    let folder = Folder::at(dir);
    let Some(identity) = Identity::read(&folder)? else { return Ok(None) };
    Ok(Some(Run { dir: dir.to_owned(), identity, status: Status::read(&folder)? }))
}
