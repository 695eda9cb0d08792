//! A sweep's folder: its points, frozen as they were asked for, and what their workers said.
//!
//! The runs themselves lie where runs lie; here is only what binds them together. Nothing in it says how a point stands: that is in the
//! run's own folder, so a point that was done elsewhere is done here too. Start at [`SweepFolder`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::RecordError;
use super::folder::{Folder, Lock, read_json, to_json, write_each_whole, write_whole};

/// The folder of one sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepFolder {
    dir: PathBuf,
}

/// One run of a sweep: a point, or a run that points need.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepRow {
    /// From 1; `None` for a run that is needed and no point.
    pub number: Option<usize>,
    pub id: String,
    pub name: String,
    /// The run's folder.
    pub dir: PathBuf,
    /// What the point sets, by axis; values as TOML.
    pub settings: Map<String, Value>,
    /// Further points that are the same run, each by what it sets.
    pub also: Vec<Map<String, Value>>,
    pub experiment: String,
    pub profile: Option<String>,
    pub role: String,
    /// Ids of the runs it builds on.
    pub needs: Vec<String>,
    pub max_steps: u64,
}

/// What a worker needs to know beside the frozen experiment: where that came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    pub id: String,
    pub experiment: String,
    pub profile: Option<String>,
    pub role: String,
    /// Each option with its value and origin.
    pub origins: Value,
}

impl SweepFolder {
    /// The folder at `dir`, which need not exist.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        SweepFolder { dir: dir.into() }
    }

    /// The folder of the sweep `name` over these runs, each with its length: beside the folder of the runs.
    pub fn of<'a>(runs_dir: &Path, name: &str, runs: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let mut runs: Vec<String> = runs.into_iter().map(|(id, steps)| format!("{id} {steps}\n")).collect();
        runs.sort_unstable();
        let digest = Sha256::new().chain_update("runner sweep 1\n").chain_update(runs.concat()).finalize();
        let id: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        SweepFolder { dir: sweeps_dir(runs_dir).join(format!("{name}-{id}")) }
    }

    /// The newest sweep called `name`, with or without its hash, beside a folder of runs.
    pub fn newest(runs_dir: &Path, name: &str) -> Option<Self> {
        let matching = |dir: &PathBuf| {
            let folder = dir.file_name().unwrap_or_default().to_string_lossy();
            folder == name || folder.rsplit_once('-').is_some_and(|(stem, _)| stem == name)
        };
        let entries = fs::read_dir(sweeps_dir(runs_dir)).ok()?;
        let sweeps = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(matching).map(Self::at);
        sweeps.max_by_key(|sweep| fs::metadata(sweep.points_jsonl()).and_then(|facts| facts.modified()).ok())
    }

    /// The newest sweep beside a folder of runs.
    pub fn newest_of_all(runs_dir: &Path) -> Option<Self> {
        let entries = fs::read_dir(sweeps_dir(runs_dir)).ok()?;
        let sweeps = entries.filter_map(|entry| Some(Self::at(entry.ok()?.path()))).filter(Self::is_sweep);
        sweeps.max_by_key(|sweep| fs::metadata(sweep.points_jsonl()).and_then(|facts| facts.modified()).ok())
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its own name, `<name>-<hash8>`.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether there is a sweep in it.
    pub fn is_sweep(&self) -> bool {
        self.points_jsonl().is_file()
    }

    /// What was asked for.
    pub fn sweep_toml(&self) -> PathBuf {
        self.dir.join("sweep.toml")
    }

    /// Its runs, a [`SweepRow`] a line.
    pub fn points_jsonl(&self) -> PathBuf {
        self.dir.join("points.jsonl")
    }

    /// The resolved experiment of a run, as a worker takes it.
    pub fn point_toml(&self, id: &str) -> PathBuf {
        self.dir.join("points").join(format!("{id}.toml"))
    }

    fn point_json(&self, id: &str) -> PathBuf {
        self.dir.join("points").join(format!("{id}.json"))
    }

    /// What the workers on a run said, newest last.
    pub fn log(&self, id: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{id}.txt"))
    }

    /// Its part on a cluster: scripts, the frozen program, what was submitted, and what the jobs said.
    pub fn slurm_dir(&self) -> PathBuf {
        self.dir.join("slurm")
    }

    /// Where the last answer about the queue is kept, for this sweep and those beside it.
    pub fn queue_json(&self) -> PathBuf {
        self.dir.parent().unwrap_or(Path::new("")).join("queue.json")
    }

    /// This sweep and those beside it.
    pub fn with_siblings(&self) -> Vec<Self> {
        let entries = fs::read_dir(self.dir.parent().unwrap_or(Path::new(""))).into_iter().flatten();
        let mut dirs: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
        dirs.sort_unstable();
        dirs.into_iter().map(Self::at).collect()
    }

    /// Makes the folder and takes it for this process.
    ///
    /// # Errors
    /// Another process works on the sweep, or the file system refused.
    pub fn create(&self) -> Result<Lock, RecordError> {
        for dir in ["points", "logs"].map(|name| self.dir.join(name)) {
            fs::create_dir_all(&dir).map_err(RecordError::io("make", &dir))?;
        }
        Folder::at(&self.dir).lock()
    }

    /// Writes what workers take for these runs, each with its config.toml.
    ///
    /// # Errors
    /// The file system refused.
    pub fn freeze<'a>(&self, runs: impl IntoIterator<Item = (&'a str, Frozen)>) -> Result<(), RecordError> {
        let mut files = Vec::new();
        for (config_toml, frozen) in runs {
            let path = self.point_json(&frozen.id);
            files.push((self.point_toml(&frozen.id), config_toml.as_bytes().to_vec()));
            files.push((path.clone(), to_json(&path, &frozen)?));
        }
        write_each_whole(&files)
    }

    /// Where the frozen experiment of a run came from.
    ///
    /// # Errors
    /// The file is damaged or cannot be read; without it there is no such run in the sweep.
    pub fn frozen(&self, id: &str) -> Result<Option<Frozen>, RecordError> {
        read_json(&self.point_json(id))
    }

    /// Writes the list of runs and what was asked for: last of all, since they make the folder a sweep.
    ///
    /// # Errors
    /// The file system refused.
    pub fn write(&self, sweep_toml: &str, rows: &[SweepRow]) -> Result<(), RecordError> {
        write_whole(&self.sweep_toml(), sweep_toml.as_bytes())?;
        let path = self.points_jsonl();
        let mut text = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut text, row)
                .map_err(|source| RecordError::Json { path: path.clone(), source })?;
            text.push(b'\n');
        }
        write_whole(&path, &text)
    }

    /// Its runs.
    ///
    /// # Errors
    /// The list is damaged or cannot be read.
    pub fn rows(&self) -> Result<Vec<SweepRow>, RecordError> {
        let path = self.points_jsonl();
        let text = fs::read_to_string(&path).map_err(RecordError::io("read", &path))?;
        let row = |line: &str| {
            serde_json::from_str(line).map_err(|error| RecordError::damaged(&path, error.to_string()))
        };
        text.lines().map(row).collect()
    }
}

/// The folder of sweeps that belongs to a folder of runs.
fn sweeps_dir(runs_dir: &Path) -> PathBuf {
    runs_dir.parent().unwrap_or(Path::new("")).join("sweeps")
}

/// The finished or unfinished run `id` in a folder of runs, whatever it is called.
///
/// # Errors
/// The folder cannot be listed; one that is not there has no runs.
pub fn runs_with(runs_dir: &Path, ids: &[&str]) -> Result<Vec<PathBuf>, RecordError> {
    let entries = match fs::read_dir(runs_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(RecordError::io("list", runs_dir))?,
    };
    let asked = |dir: &PathBuf| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        name.rsplit_once('-').is_some_and(|(_, id)| ids.contains(&id))
    };
    let mut dirs: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(asked).collect();
    dirs.sort_unstable();
    Ok(dirs)
}
