//! log.txt: what was said about a run, with the time of day. Updates are in metrics.jsonl, not here.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::clock;
use super::error::RecordError;
use super::event::{Event, Sink};
use super::folder::Folder;
use super::sentence::sentence;

/// The sink that writes log.txt. It only ever grows: the log of a resumed run tells of all its processes.
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens the log of a run.
    ///
    /// # Errors
    /// The file system refused.
    pub fn open(folder: &Folder) -> Result<Self, RecordError> {
        let path = folder.log_txt();
        let file = File::options().append(true).create(true).open(&path);
        Ok(Log { file: file.map_err(RecordError::io("open", &path))?, path })
    }
}

impl Sink for Log {
    fn emit(&mut self, event: &Event) -> Result<(), RecordError> {
        let Some(said) = sentence(event) else { return Ok(()) };
        let line = format!("{} {said}\n", clock::now_utc());
        self.file.write_all(line.as_bytes()).map_err(RecordError::io("write", &self.path))
    }
}
