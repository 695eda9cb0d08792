//! What is done, one line of JSON for each source file, so that a killed preparation goes on.
//!
//! The first line says what is being prepared. A last line without its end was being written when the process
//! died; it is cut off. The file is locked while a process works.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::PrepareError;
use super::work::Made;

/// The journal's name in a folder under construction.
pub(super) const JOURNAL: &str = "journal.jsonl";

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal of `dir`, or begins one with `head`; with it comes what it says is done.
    ///
    /// # Errors
    /// Another process has it, or it is of something else than `head`.
    pub(super) fn open(dir: &Path, head: &Value) -> Result<(Self, Vec<Made>), PrepareError> {
        let path = dir.join(JOURNAL);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(PrepareError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(PrepareError::Busy(dir.to_owned())),
            // A file system without locks: two processes at once are then the user's to avoid.
            Err(TryLockError::Error(_)) => {}
        }
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).map_err(PrepareError::io("read", &path))?;
        file.read_to_string(&mut text).map_err(PrepareError::io("read", &path))?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64).map_err(PrepareError::io("write", &path))?;
        let mut journal = Self { path, file };
        let mut lines = text[..whole].lines();
        let Some(first) = lines.next() else {
            journal.append(head)?;
            return Ok((journal, Vec::new()));
        };
        if serde_json::from_str::<Value>(first).ok().as_ref() != Some(head) {
            let detail = "holds the beginning of another preparation".to_owned();
            return Err(PrepareError::Taken { path: dir.to_owned(), detail });
        }
        // A line that cannot be read is work to be done again, no more.
        let made = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok((journal, made))
    }

    /// Adds a line, in one write.
    pub(super) fn append(&mut self, entry: &impl serde::Serialize) -> Result<(), PrepareError> {
        let line = serde_json::to_string(entry).map(|line| line + "\n");
        line.map_err(Into::into)
            .and_then(|line| self.file.write_all(line.as_bytes()))
            .map_err(PrepareError::io("write", &self.path))
    }
}
