//! The TensorBoard event file: a view of metrics.jsonl and timings.jsonl, never a source.
//!
//! [`super::metrics::Metrics`] drives it. Every process that works on a run makes a new file from the rows that are there,
//! retires the older ones, and appends from then on. So a resumed run shows each step once, also in a TensorBoard that watched the old file: the
//! new one sorts behind it and begins with a session start at step 0, which tells readers to forget. tensorboard-rs
//! frames and checks the records; its own file writer is not used, since it panics where the disk is full.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use protobuf::Message;
use tensorboard_proto::event::{Event as Record, SessionLog, SessionLog_SessionStatus};
use tensorboard_proto::summary::Summary;
use tensorboard_rs::record_writer::RecordWriter;
use tensorboard_rs::summary::scalar;

use super::clock;
use super::error::RecordError;
use super::folder::Folder;
use super::host;
use super::metrics::Row;

/// What TensorBoard looks for in file names.
const PREFIX: &str = "events.out.tfevents.";

/// Grows an event file, row by row.
pub(super) struct TensorBoard {
    file: File,
    path: PathBuf,
}

impl TensorBoard {
    /// Makes the run's event file anew from `rows`, all there are.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn open(folder: &Folder, rows: &[Row]) -> Result<Self, RecordError> {
        let old = event_files(folder.dir()).map_err(RecordError::io("list", folder.dir()))?;
        let path = folder.dir().join(next_name(&old));
        let begun = rows.first().map_or_else(clock::unix_secs, |row| row.unix_secs);
        // Not yet named as an event file: a reader must not meet half of it.
        let hidden = folder.dir().join(".tensorboard.tmp");
        let file = write_rows(&hidden, begun, rows).map_err(RecordError::io("write", &hidden))?;
        fs::rename(&hidden, &path).map_err(RecordError::io("place", &path))?;
        retire(folder.dir(), &old)?;
        Ok(TensorBoard { file, path })
    }

    /// Appends a row; it is in the file when this returns.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn append(&mut self, row: &Row) -> Result<(), RecordError> {
        let mut framed = Vec::new();
        // One write, so that a watching TensorBoard seldom sees half a record (it would wait for the rest).
        let written = write(&mut RecordWriter::new(&mut framed), &scalars(row));
        written.and_then(|()| self.file.write_all(&framed)).map_err(RecordError::io("write", &self.path))
    }
}

/// Empties the newest of the old event files and removes the others.
///
/// A TensorBoard that watches the run has the newest open by name: it goes on to the next file at an end, but stays for
/// ever at a file that is gone.
fn retire(dir: &Path, old: &[String]) -> Result<(), RecordError> {
    let Some((newest, older)) = old.split_last() else { return Ok(()) };
    let newest = dir.join(newest);
    File::create(&newest).map_err(RecordError::io("empty", &newest))?;
    for old in older.iter().map(|name| dir.join(name)) {
        fs::remove_file(&old).map_err(RecordError::io("remove", &old))?;
    }
    Ok(())
}

/// Names of the event files in `dir`, sorted.
fn event_files(dir: &Path) -> io::Result<Vec<String>> {
    let names: io::Result<Vec<String>> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect();
    let mut names: Vec<String> = names?.into_iter().filter(|name| name.starts_with(PREFIX)).collect();
    names.sort_unstable();
    Ok(names)
}

/// TensorBoard's own form, `PREFIX<seconds>.<host>.<process>.0`, with seconds that sort behind all of `old`.
fn next_name(old: &[String]) -> String {
    let secs = |name: &String| name.strip_prefix(PREFIX)?.split('.').next()?.parse::<u64>().ok();
    let after = old.iter().filter_map(secs).max().map_or(0, |last| last + 1);
    let secs = (clock::unix_secs() as u64).max(after);
    format!("{PREFIX}{secs:010}.{}.{}.0", host::name(), std::process::id())
}

fn write_rows(path: &Path, begun: f64, rows: &[Row]) -> io::Result<File> {
    let mut to = RecordWriter::new(BufWriter::new(File::create(path)?));
    let mut version = Record::new();
    version.set_wall_time(begun);
    version.set_file_version("brain.Event:2".into());
    write(&mut to, &version)?;
    let mut log = SessionLog::new();
    log.set_status(SessionLog_SessionStatus::START);
    let mut start = Record::new();
    start.set_wall_time(begun);
    start.set_step(0);
    start.set_session_log(log);
    write(&mut to, &start)?;
    for row in rows {
        write(&mut to, &scalars(row))?;
    }
    to.flush()?;
    File::options().append(true).open(path)
}

/// One record with all of a row's numbers.
fn scalars(row: &Row) -> Record {
    let mut summary = Summary::new();
    for (name, value) in row.values.iter().chain(&row.timings) {
        summary.mut_value().extend(scalar(name, *value as f32).take_value());
    }
    let mut record = Record::new();
    record.set_wall_time(row.unix_secs);
    record.set_step(row.step as i64);
    record.set_summary(summary);
    record
}

fn write<W: Write>(to: &mut RecordWriter<W>, record: &Record) -> io::Result<()> {
    let bytes = record.write_to_bytes().map_err(io::Error::other)?;
    to.write(&bytes)
}
