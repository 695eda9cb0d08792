//! Run folders, read for comparison: run.json and status.json only, by way of the folder's [`Index`].

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::index::Index;
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
    /// By folder name, ascending; those asked for one by one in the order asked.
    pub runs: Vec<Run>,
    /// Folders that should be runs but cannot be read.
    pub unreadable: Vec<RecordError>,
}

impl Run {
    /// Name of its folder.
    pub fn folder_name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
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
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link may lead to a folder.
        let is_dir =
            entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && entry.path().is_dir());
        if is_dir && !name.contains(".aside-") {
            names.push(name);
        }
    }
    names.sort_unstable();
    let mut index = Index::open(runs_dir);
    let mut loaded = Loaded::default();
    names.iter().for_each(|name| loaded.take(index.run(name)));
    index.keep_only(&names);
    index.save();
    Ok(loaded)
}

/// Reads these runs, each by the index of the folder that it lies in. A folder that is no run is passed over.
pub fn load_dirs<'a>(dirs: impl IntoIterator<Item = &'a Path>) -> Loaded {
    let mut indices = BTreeMap::new();
    let mut loaded = Loaded::default();
    for dir in dirs {
        match (dir.parent(), dir.file_name().and_then(OsStr::to_str)) {
            (Some(runs_dir), Some(name)) => {
                let index = indices.entry(runs_dir).or_insert_with(|| Index::open(runs_dir));
                loaded.take(index.run(name));
            }
            _ => loaded.take(load_run(dir)),
        }
    }
    indices.into_values().for_each(Index::save);
    loaded
}

impl Loaded {
    fn take(&mut self, read: Result<Option<Run>, RecordError>) {
        match read {
            Ok(run) => self.runs.extend(run),
            Err(error) => self.unreadable.push(error),
        }
    }
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
