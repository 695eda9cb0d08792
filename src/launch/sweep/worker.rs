//! One worker process.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::launch::ended::how;

/// A process that works on one run.
pub struct Worker {
    pub job: usize,
    pub threads: usize,
    child: Child,
    /// Open as long as it may work.
    leash: Option<ChildStdin>,
    log: PathBuf,
    /// Where its own words begin in the log.
    from: u64,
    began: Instant,
}

/// How a worker's process ended.
pub enum End {
    Done,
    /// Stopped with a valid checkpoint.
    Interrupted,
    /// Another process holds the run.
    Elsewhere,
    Failed(String),
}

/// The exit codes of `run` that say more than that it failed.
const INTERRUPTED: i32 = 75;
const RUNNING: i32 = 73;

impl Worker {
    /// Starts `command`, whose words go to the end of `log`.
    ///
    /// # Errors
    /// The log cannot be written, or the program does not start.
    pub fn start(job: usize, threads: usize, mut command: Command, log: &Path) -> io::Result<Self> {
        let words = File::options().create(true).append(true).open(log)?;
        let from = words.metadata()?.len();
        let mut child = command.stdin(Stdio::piped()).stdout(words.try_clone()?).stderr(words).spawn()?;
        let leash = child.stdin.take();
        Ok(Self { job, threads, child, leash, log: log.to_owned(), from, began: Instant::now() })
    }

    /// Asks it to save what it has and end.
    pub fn ask_to_stop(&mut self) {
        self.leash = None;
    }

    /// Seconds since it started.
    pub fn secs(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> Option<End> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(self.end(status)),
            Err(error) => Some(End::Failed(format!("cannot wait for its process: {error}"))),
        }
    }

    fn end(&self, status: ExitStatus) -> End {
        match status.code() {
            Some(0) => End::Done,
            Some(INTERRUPTED) => End::Interrupted,
            Some(RUNNING) => End::Elsewhere,
            _ => End::Failed(self.first_error().unwrap_or_else(|| format!("its process {}", how(status)))),
        }
    }

    /// The first line in which it said what is the matter.
    fn first_error(&self) -> Option<String> {
        let mut text = Vec::new();
        let mut log = File::open(&self.log).ok()?;
        log.seek(SeekFrom::Start(self.from)).ok()?;
        log.read_to_end(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|line| line.starts_with("error"))?;
        Some(line.split_once(": ").map_or(line, |(_, said)| said).to_owned())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Nobody is left without being waited for: the leash goes first, so this ends.
        self.leash = None;
        let _ = self.child.wait();
        // A worker that had nothing to say leaves no log behind.
        if fs::metadata(&self.log).is_ok_and(|facts| facts.len() == 0) {
            let _ = fs::remove_file(&self.log);
        }
    }
}
