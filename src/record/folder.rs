//! A run's folder: every path in it, once, and the lock that keeps a second process out.
//!
//! A [`Folder`] is only a name until [`Folder::create`]; all files of the format are spelled here and nowhere else. Files
//! that are written whole go through [`write_whole`], so a reader sees the old bytes or the new ones, never a part.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock;
use super::error::RecordError;
use super::host;

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    dir: PathBuf,
}

impl Folder {
    /// The folder at `dir`, which need not exist.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Folder { dir: dir.into() }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its own name, `<name>-<hash8>`: what TensorBoard calls the run.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or(self.dir.as_os_str()).to_string_lossy().into_owned()
    }

    /// Makes the folder and its parents.
    ///
    /// # Errors
    /// The file system refused.
    pub fn create(&self) -> Result<(), RecordError> {
        let checkpoints = self.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(RecordError::io("make", &checkpoints))
    }

    /// The resolved experiment; can be run again.
    pub fn config_toml(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    /// Where each leaf of the configuration came from.
    pub fn origin_json(&self) -> PathBuf {
        self.dir.join("origin.json")
    }

    /// What would happen when it started: the resolved plan and the parts of the model.
    pub fn plan_json(&self) -> PathBuf {
        self.dir.join("plan.json")
    }

    /// Identity: what ran, from what, where.
    pub fn run_json(&self) -> PathBuf {
        self.dir.join("run.json")
    }

    /// How the run stands.
    pub fn status_json(&self) -> PathBuf {
        self.dir.join("status.json")
    }

    /// Rows of metrics: the truth, without clock values.
    pub fn metrics_jsonl(&self) -> PathBuf {
        self.dir.join("metrics.jsonl")
    }

    /// When each row of [`Folder::metrics_jsonl`] was written, line by line.
    pub fn timings_jsonl(&self) -> PathBuf {
        self.dir.join("timings.jsonl")
    }

    /// How weights were spread, where that was asked for.
    pub fn histograms_jsonl(&self) -> PathBuf {
        self.dir.join("histograms.jsonl")
    }

    /// What classifiers took for what at the last judgement.
    pub fn confusion_csv(&self) -> PathBuf {
        self.dir.join("confusion.csv")
    }

    /// What was heard in each second of a scene at the last judgement.
    pub fn scenes_svg(&self) -> PathBuf {
        self.dir.join("scenes.svg")
    }

    /// What the model sounded like at each evaluation.
    pub fn sounds(&self) -> PathBuf {
        self.dir.join("sounds")
    }

    /// Clip `number` of those made after `step` updates.
    pub fn sound(&self, step: u64, number: usize) -> PathBuf {
        self.sounds().join(format!("step_{step:08}_{number}.wav"))
    }

    /// Predictions of the last judgement.
    pub fn preds_jsonl(&self) -> PathBuf {
        self.dir.join("preds.jsonl")
    }

    /// Final metrics.
    pub fn metrics_json(&self) -> PathBuf {
        self.dir.join("metrics.json")
    }

    /// What was said, with the time of day.
    pub fn log_txt(&self) -> PathBuf {
        self.dir.join("log.txt")
    }

    /// Folder of the checkpoint folders; see [`super::checkpoint`].
    pub fn checkpoints(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    fn lock_file(&self) -> PathBuf {
        self.dir.join(".lock")
    }

    /// Takes the run for this process until the lock is dropped or the process dies, however it dies.
    ///
    /// # Errors
    /// Another process holds it, or the file system refused.
    pub fn lock(&self) -> Result<Lock, RecordError> {
        let path = self.lock_file();
        let mut file = open_lock(&path).map_err(RecordError::io("open", &path))?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(RecordError::AlreadyRunning { dir: self.dir.clone(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => {
                return Err(RecordError::Io { action: "lock", path, source });
            }
        }
        let text = serde_json::to_vec(&Holder::this_process())
            .map_err(|source| RecordError::Json { path: path.clone(), source })?;
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text));
        written.map_err(RecordError::io("write", &path))?;
        Ok(Lock { _file: file })
    }

    /// Whether a process holds the lock now. False where that cannot be told.
    pub fn is_locked(&self) -> bool {
        let Ok(file) = File::open(self.lock_file()) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Moves the folder to `<name>.aside-<n>` beside it, with the first n that is free; deletes nothing.
    /// Returns where it went; `None` where there was no folder.
    ///
    /// # Errors
    /// Another process works on the run, or the file system refused.
    pub fn move_aside(&self) -> Result<Option<PathBuf>, RecordError> {
        if !self.dir.exists() {
            return Ok(None);
        }
        let _lock = self.lock()?;
        for n in 1_u32.. {
            let mut name = self.dir.clone().into_os_string();
            name.push(format!(".aside-{n}"));
            let target = PathBuf::from(name);
            if !target.exists() {
                fs::rename(&self.dir, &target).map_err(RecordError::io("move", &self.dir))?;
                return Ok(Some(target));
            }
        }
        Ok(None)
    }
}

/// Holds a run for this process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds a run's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub host: String,
    /// Slurm job, under Slurm.
    pub job: Option<String>,
    /// Since when, UTC.
    pub since: String,
}

impl Holder {
    fn this_process() -> Self {
        Holder {
            pid: std::process::id(),
            host: host::name(),
            job: std::env::var("SLURM_JOB_ID").ok(),
            since: clock::now_utc(),
        }
    }
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    // The holder's name stays readable for the process that is turned away: never truncated on opening.
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Tries for a moment: who asks [`Folder::is_locked`] holds the lock for an instant too.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    const TRIES: u32 = 5;
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            outcome => return outcome,
        }
    }
    file.try_lock()
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Writes a file whole: to a temporary name beside it, onto the disk, then renamed into place.
///
/// # Errors
/// The file system refused; what was there before is untouched.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    place_whole(path, bytes)?;
    sync_parent(path)
}

/// Writes many files, each whole as by [`write_whole`]. A disk brings many onto itself in little more time than one, so they go together.
///
/// # Errors
/// The file system refused one of them; some others may be there.
pub fn write_each_whole(files: &[(PathBuf, Vec<u8>)]) -> Result<(), RecordError> {
    const TOGETHER: usize = 16;
    let place =
        |part: &[(PathBuf, Vec<u8>)]| part.iter().try_for_each(|(path, bytes)| place_whole(path, bytes));
    std::thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(TOGETHER).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || place(part))).collect();
        parts.into_iter().try_for_each(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let mut parents: Vec<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    parents.sort_unstable();
    parents.dedup_by_key(|path| path.parent());
    parents.into_iter().try_for_each(|path| sync_parent(path))
}

/// Brings a file onto the disk and into its place; whether the place is lasting is its folder's matter.
fn place_whole(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let temporary = temporary_beside(path);
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    })();
    let placed = written.and_then(|()| fs::rename(&temporary, path));
    if placed.is_err() {
        // Nothing is lost if this fails too: the name says that it is a leftover.
        let _ = fs::remove_file(&temporary);
    }
    placed.map_err(RecordError::io("write", path))
}

/// Indented JSON with a newline at the end, as it goes into the file `path`.
///
/// # Errors
/// `value` has no JSON form.
pub fn to_json(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|source| RecordError::Json { path: path.to_owned(), source })?;
    text.push(b'\n');
    Ok(text)
}

/// Writes `value` as indented JSON with a newline at the end, whole.
///
/// # Errors
/// `value` has no JSON form, or the file system refused.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RecordError> {
    write_whole(path, &to_json(path, value)?)
}

/// Reads a JSON file that [`write_json`] wrote. `None` where there is no such file.
///
/// # Errors
/// The file system refused, or the file is not what was written.
pub fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, RecordError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RecordError::Io { action: "read", path: path.to_owned(), source }),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| RecordError::damaged(path, error.to_string()))
}

/// Makes a rename in the folder of `path` survive a power cut.
pub(super) fn sync_parent(path: &Path) -> Result<(), RecordError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(parent).and_then(|dir| dir.sync_all());
    // Windows cannot open folders; there the rename itself has to do.
    if cfg!(windows) { Ok(()) } else { synced.map_err(RecordError::io("sync", parent)) }
}

/// In the names of [`temporary_beside`].
const TEMPORARY: &str = ".tmp-";

/// A hidden name in the same folder that no other process uses.
pub(super) fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{TEMPORARY}{}", std::process::id()))
}

/// Removes the files and folders with such names that killed processes left in `dir`: for the process that alone writes there.
///
/// # Errors
/// The file system refused.
pub(super) fn sweep_temporaries(dir: &Path) -> Result<(), RecordError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(RecordError::io("list", dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(RecordError::io("list", dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && name.contains(TEMPORARY) {
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed =
                if is_dir { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
            removed.map_err(RecordError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}
