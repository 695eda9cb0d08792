//! Checkpoints: folders `checkpoints/step-N` that are whole or not there.
//!
//! A checkpoint is written under a temporary name, brought onto the disk file by file, and renamed; its `SHA256SUMS`
//! (which `sha256sum -c` reads too) tells later whether the disk kept it. What is in the files is the caller's
//! business: [`save`] takes closures that write bytes. [`recover`] is what a resuming process calls first.
//! `latest` and `best` are relative symlinks, replaced by rename.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checksum::{self, write_summed};
use super::error::RecordError;
use super::folder::{sweep_temporaries, sync_parent, temporary_beside};

/// Writes one file of a checkpoint.
pub type WriteFile<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// The file [`save`] writes the state into.
pub const STATE: &str = "state.json";
const PREFIX: &str = "step-";

/// A checkpoint on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub step: u64,
    pub dir: PathBuf,
    /// Of all its files.
    pub bytes: u64,
}

/// The names that point at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    Latest,
    Best,
}

impl Pointer {
    /// The symlink's name.
    pub fn name(self) -> &'static str {
        match self {
            Pointer::Latest => "latest",
            Pointer::Best => "best",
        }
    }
}

/// Folder of the checkpoint after `step` updates of the run in `run`.
pub fn dir(run: &Path, step: u64) -> PathBuf {
    run.join("checkpoints").join(format!("{PREFIX}{step}"))
}

/// Steps of the run's checkpoints, ascending. Empty where there are none.
///
/// # Errors
/// The file system refused.
pub fn steps(run: &Path) -> Result<Vec<u64>, RecordError> {
    let mut steps: Vec<u64> =
        names(run)?.iter().filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok()).collect();
    steps.sort_unstable();
    Ok(steps)
}

/// Seconds since a checkpoint was saved, where the file system and the clock tell.
pub fn age_secs(checkpoint: &Path) -> Option<f64> {
    let saved = fs::metadata(checkpoint.join(STATE)).and_then(|file| file.modified()).ok()?;
    Some(saved.elapsed().ok()?.as_secs_f64())
}

/// Where a pointer leads, if it leads to a checkpoint that is there.
pub fn pointed(run: &Path, pointer: Pointer) -> Option<u64> {
    let target = fs::read_link(run.join("checkpoints").join(pointer.name())).ok()?;
    let step = target.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
    dir(run, step).is_dir().then_some(step)
}

/// Writes the checkpoint of `step`: `files` by name, `state` as state.json, and the checksums of all.
///
/// A checkpoint of the same step is replaced. No pointer is moved: [`point`] does that.
///
/// # Errors
/// A closure or the file system refused; the checkpoints that were there stay as they are.
pub fn save(
    run: &Path,
    step: u64,
    files: &[(&str, WriteFile<'_>)],
    state: &impl Serialize,
) -> Result<Checkpoint, RecordError> {
    let target = dir(run, step);
    let temporary = temporary_beside(&target);
    let saved = write_folder(&temporary, files, state).and_then(|bytes| {
        replace(&temporary, &target)?;
        sync_parent(&target)?;
        Ok(Checkpoint { step, dir: target, bytes })
    });
    if saved.is_err() {
        // Best effort: `recover` sweeps what stays.
        let _ = fs::remove_dir_all(&temporary);
    }
    saved
}

fn write_folder(
    dir: &Path,
    files: &[(&str, WriteFile<'_>)],
    state: &impl Serialize,
) -> Result<u64, RecordError> {
    // Left by a process of the same number that was killed.
    remove_if_there(dir)?;
    fs::create_dir_all(dir).map_err(RecordError::io("make", dir))?;
    let state_path = dir.join(STATE);
    let mut text =
        serde_json::to_vec_pretty(state).map_err(|source| RecordError::Json { path: state_path, source })?;
    text.push(b'\n');
    let write_state = |to: &mut dyn Write| to.write_all(&text);

    let state_file: (&str, WriteFile<'_>) = (STATE, &write_state);
    let mut bytes = 0;
    let mut sums = String::new();
    for (name, write) in files.iter().copied().chain([state_file]) {
        let path = dir.join(name);
        let written = write_summed(&path, write).map_err(RecordError::io("write", &path))?;
        bytes += written.bytes;
        sums.push_str(&format!("{}  {name}\n", written.sum));
    }
    let path = dir.join(checksum::FILE);
    let write_sums = |to: &mut dyn Write| to.write_all(sums.as_bytes());
    bytes += write_summed(&path, &write_sums).map_err(RecordError::io("write", &path))?.bytes;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(RecordError::io("sync", dir))?;
    Ok(bytes)
}

/// Renames `from` to `to`, which may be a checkpoint already: that one steps aside first, since a folder cannot be
/// renamed onto a full one.
fn replace(from: &Path, to: &Path) -> Result<(), RecordError> {
    if !to.exists() {
        return fs::rename(from, to).map_err(RecordError::io("place", to));
    }
    let old = temporary_beside(&to.with_extension("old"));
    remove_if_there(&old)?;
    fs::rename(to, &old).map_err(RecordError::io("move", to))?;
    fs::rename(from, to).map_err(RecordError::io("place", to))?;
    remove_if_there(&old)
}

/// Compares a checkpoint with its checksums.
///
/// # Errors
/// A file is missing, differs, or cannot be read: the error names it.
pub fn verify(checkpoint: &Path) -> Result<(), RecordError> {
    checksum::verify(checkpoint, STATE)
}

/// What [`recover`] found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The newest checkpoint that is whole.
    pub newest: Option<(u64, PathBuf)>,
    /// Newer ones that are not, each with what is wrong; they now are `step-N.damaged`.
    pub damaged: Vec<(u64, RecordError)>,
}

/// Finds the newest whole checkpoint, for a process that holds the run's lock.
///
/// Sweeps what killed processes left half-written in the run's folder, and renames damaged checkpoints to `step-N.damaged` so that
/// they are met once only.
///
/// # Errors
/// The file system refused.
pub fn recover(run: &Path) -> Result<Recovered, RecordError> {
    sweep_temporaries(run)?;
    sweep_temporaries(&run.join("checkpoints"))?;
    let mut recovered = Recovered::default();
    for step in steps(run)?.into_iter().rev() {
        let checkpoint = dir(run, step);
        match verify(&checkpoint) {
            Ok(()) => {
                recovered.newest = Some((step, checkpoint));
                break;
            }
            Err(error @ RecordError::Damaged { .. }) => {
                let aside = checkpoint.with_extension("damaged");
                remove_if_there(&aside)?;
                fs::rename(&checkpoint, &aside).map_err(RecordError::io("move", &checkpoint))?;
                recovered.damaged.push((step, error));
            }
            Err(error) => return Err(error),
        }
    }
    match recovered.newest {
        Some((step, _)) if pointed(run, Pointer::Latest) != Some(step) => point(run, Pointer::Latest, step)?,
        _ => {}
    }
    Ok(recovered)
}

/// Makes a pointer lead to the checkpoint of `step`, in one instant.
///
/// # Errors
/// The file system refused.
pub fn point(run: &Path, pointer: Pointer, step: u64) -> Result<(), RecordError> {
    let link = run.join("checkpoints").join(pointer.name());
    let temporary = temporary_beside(&link);
    let target = format!("{PREFIX}{step}");
    let made = match symlink(&target, &temporary) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&temporary).and_then(|()| symlink(&target, &temporary))
        }
        made => made,
    };
    made.and_then(|()| fs::rename(&temporary, &link)).map_err(RecordError::io("point", &link))?;
    sync_parent(&link)
}

#[cfg(unix)]
fn symlink(target: &str, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &str, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(target, link)
}

/// Which checkpoints stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest.
    pub newest: usize,
    /// And those whose step is a multiple of this; 0 = none.
    pub every: u64,
}

/// Removes the checkpoints that need not stay; where `best` and `latest` lead always stays. Returns the removed steps.
///
/// # Errors
/// The file system refused.
pub fn retain(run: &Path, retention: Retention) -> Result<Vec<u64>, RecordError> {
    let pointed = [pointed(run, Pointer::Best), pointed(run, Pointer::Latest)];
    let steps = steps(run)?;
    let old = &steps[..steps.len().saturating_sub(retention.newest.max(1))];
    let stays = |step: u64| {
        let due = retention.every > 0 && step > 0 && step.is_multiple_of(retention.every);
        due || pointed.contains(&Some(step))
    };
    let mut removed = Vec::new();
    for &step in old.iter().filter(|&&step| !stays(step)) {
        discard(&dir(run, step))?;
        removed.push(step);
    }
    Ok(removed)
}

/// Removes a checkpoint's folder, damaged or not, for a process that holds the run's lock.
///
/// # Errors
/// The file system refused.
pub fn discard(checkpoint: &Path) -> Result<(), RecordError> {
    // Renamed first: a kill in between must not leave a checkpoint with some of its files.
    let doomed = temporary_beside(&checkpoint.with_extension("old"));
    fs::rename(checkpoint, &doomed).map_err(RecordError::io("move", checkpoint))?;
    remove_if_there(&doomed)
}

/// The checkpoints that [`recover`] set aside.
///
/// # Errors
/// The file system refused.
pub fn damaged(run: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let names = names(run)?;
    let aside = names.iter().filter(|name| name.starts_with(PREFIX) && name.ends_with(".damaged"));
    Ok(aside.map(|name| run.join("checkpoints").join(name)).collect())
}

/// Bytes of the files in a folder and those below it; links are not followed. 0 where it is not there.
///
/// # Errors
/// The file system refused.
pub fn bytes(dir: &Path) -> Result<u64, RecordError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(RecordError::io("list", dir))?,
    };
    let mut sum = 0;
    for entry in entries {
        let entry = entry.map_err(RecordError::io("list", dir))?;
        let facts = entry.metadata().map_err(RecordError::io("read", &entry.path()))?;
        sum += if facts.is_dir() { bytes(&entry.path())? } else { facts.len() };
    }
    Ok(sum)
}

fn remove_if_there(dir: &Path) -> Result<(), RecordError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RecordError::io("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// Names in the checkpoints folder, sorted; none where there is no such folder.
fn names(run: &Path) -> Result<Vec<String>, RecordError> {
    let dir = run.join("checkpoints");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordError::io("list", &dir)(error)),
    };
    let names: io::Result<Vec<String>> =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect();
    let mut names = names.map_err(RecordError::io("list", &dir))?;
    names.sort_unstable();
    Ok(names)
}
