//! What was submitted: which job, and which task of it, works on which run; and how often a run was queued again.
//!
//! Files beside a sweep's scripts, a line for each submission and for each return to the queue. They say nothing of how a run stands.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::queue::{Queue, Queued};
use crate::record::{RecordError, SweepFolder};

/// One submission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Submitted {
    /// The job's number.
    pub job: String,
    /// The job's name, as numbers begin anew where a cluster is set up anew.
    pub name: String,
    /// Whether `runs` are tasks 0, 1, … of an array.
    pub is_array: bool,
    /// Identities of its runs.
    pub runs: Vec<String>,
    /// Numbers of the jobs it waits for.
    pub after: Vec<String>,
    /// The script's file name.
    pub script: String,
    /// SHA-256 of the frozen program.
    pub program: String,
    /// When, UTC.
    pub at: String,
}

impl Submitted {
    /// The task that works on a run, if one does: `Some(None)` is the job as a whole.
    pub fn task_of(&self, id: &str) -> Option<Option<usize>> {
        let task = self.runs.iter().position(|run| run == id)?;
        Some(self.is_array.then_some(task))
    }

    /// `17`, or `17_3` for a task.
    pub fn name_of(&self, task: Option<usize>) -> String {
        task.map_or_else(|| self.job.clone(), |task| format!("{}_{task}", self.job))
    }

    /// The file of a task's words.
    pub fn log_of(&self, task: Option<usize>) -> String {
        format!("{}_{}.out", self.name, self.name_of(task))
    }
}

fn append(path: &Path, line: &str) -> Result<(), RecordError> {
    let written = File::options().create(true).append(true).open(path).and_then(|mut file| {
        // One write, so that lines of several processes do not mix.
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(RecordError::io("write", path))
}

fn lines(path: &Path) -> Result<Vec<String>, RecordError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(RecordError::Io { action: "read", path: path.to_owned(), source }),
    }
}

/// Notes a submission.
///
/// # Errors
/// The file system refused.
pub fn note(sweep: &SweepFolder, submitted: &Submitted) -> Result<(), RecordError> {
    let path = sweep.slurm_dir().join("submitted.jsonl");
    let line = serde_json::to_string(submitted)
        .map_err(|source| RecordError::Json { path: path.clone(), source })?;
    append(&path, &line)
}

/// What was submitted for a sweep, oldest first. A line that a killed process left unfinished is passed over.
///
/// # Errors
/// The list cannot be read.
pub fn submitted(sweep: &SweepFolder) -> Result<Vec<Submitted>, RecordError> {
    let lines = lines(&sweep.slurm_dir().join("submitted.jsonl"))?;
    Ok(lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// What was submitted for a sweep and those beside it: another list of the same runs is another sweep.
///
/// # Errors
/// A list cannot be read.
pub fn submitted_beside(sweep: &SweepFolder) -> Result<Vec<Submitted>, RecordError> {
    let mut all = Vec::new();
    for sweep in sweep.with_siblings() {
        all.extend(submitted(&sweep)?);
    }
    Ok(all)
}

/// The newest job or task in the queue that works on a run.
pub fn queued<'a>(submitted: &[Submitted], queue: &'a Queue, id: &str) -> Option<&'a Queued> {
    let matching = submitted.iter().rev().filter_map(|submitted| Some((submitted, submitted.task_of(id)?)));
    matching.filter_map(|(submitted, task)| queue.find(&submitted.job, &submitted.name, task)).next()
}

/// How often a job on a run queued itself again after its time limit.
///
/// # Errors
/// The list cannot be read.
pub fn requeues(sweep: &SweepFolder, id: &str, job: &str) -> Result<usize, RecordError> {
    Ok(lines(&requeues_of(sweep, id))?.iter().filter(|line| *line == job).count())
}

/// Notes that a job queues itself again.
///
/// # Errors
/// The file system refused.
pub fn note_requeue(sweep: &SweepFolder, id: &str, job: &str) -> Result<(), RecordError> {
    append(&requeues_of(sweep, id), job)
}

fn requeues_of(sweep: &SweepFolder, id: &str) -> std::path::PathBuf {
    sweep.slurm_dir().join(format!("{id}.requeues"))
}
