//! The TensorBoard event file: a view of metrics.jsonl, timings.jsonl, sounds/, histograms.jsonl and what describes the run, never a source.
//!
//! [`super::metrics::Metrics`] drives it. Every process that works on a run makes a new file from all that is there,
//! retires the older ones, and appends from then on. So a resumed run shows each step once, also in a TensorBoard that watched the old file: the
//! new one sorts behind it and begins with a session start at step 0, which tells readers to forget. tensorboard-rs
//! frames and checks the records; its own file writer is not used, since it panics where the disk is full.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use protobuf::Message;
use tensorboard_proto::event::{Event as Record, SessionLog, SessionLog_SessionStatus};
use tensorboard_proto::summary::{HistogramProto, Summary, Summary_Audio, Summary_Image, Summary_Value};
use tensorboard_rs::record_writer::RecordWriter;
use tensorboard_rs::summary::scalar;

use super::clock;
use super::described;
use super::error::RecordError;
use super::event::RunState;
use super::folder::Folder;
use super::histogram::Histogram;
use super::histograms::HistogramRow;
use super::host;
use super::hparams;
use super::metrics::Row;
use super::picture;
use super::sounds::Sound;
use crate::audio::{self, Spectrogram};

/// What TensorBoard looks for in file names.
const PREFIX: &str = "events.out.tfevents.";
/// TensorBoard's word for a picture of red, green and blue.
const RGB: i32 = 3;

/// All that an event file shows, each by step.
pub(super) struct Shown<'a> {
    pub rows: &'a [Row],
    pub sounds: &'a [Sound],
    pub spread: &'a [HistogramRow],
}

/// Grows an event file, row by row.
pub(super) struct TensorBoard {
    file: File,
    path: PathBuf,
}

impl TensorBoard {
    /// Makes the run's event file anew from all there is to show.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn open(folder: &Folder, shown: &Shown<'_>) -> Result<Self, RecordError> {
        let old = event_files(folder.dir()).map_err(RecordError::io("list", folder.dir()))?;
        let path = folder.dir().join(next_name(&old));
        let begun = shown.rows.first().map_or_else(clock::unix_secs, |row| row.unix_secs);
        // Not yet named as an event file: a reader must not meet half of it.
        let hidden = folder.dir().join(".tensorboard.tmp");
        let described = described::records(folder, begun).map_err(RecordError::io("read", folder.dir()))?;
        let file = write_all(&hidden, begun, described, shown).map_err(RecordError::io("write", &hidden))?;
        fs::rename(&hidden, &path).map_err(RecordError::io("place", &path))?;
        retire(folder.dir(), &old)?;
        Ok(TensorBoard { file, path })
    }

    /// Appends a row; it is in the file when this returns.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn append(&mut self, row: &Row) -> Result<(), RecordError> {
        self.add(&scalars(row))
    }

    /// Appends sounds with their spectrograms.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn append_sounds(&mut self, sounds: &[Sound]) -> Result<(), RecordError> {
        sounds.iter().filter_map(heard).try_for_each(|record| self.add(&record))
    }

    /// Appends histograms.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn append_spread(&mut self, row: &HistogramRow) -> Result<(), RecordError> {
        self.add(&spread(row))
    }

    /// Notes how the run ended, if it did.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn end(&mut self, state: RunState) -> Result<(), RecordError> {
        let end = hparams::end(state, clock::unix_secs()).map_err(RecordError::io("write", &self.path))?;
        end.map_or(Ok(()), |record| self.add(&record))
    }

    fn add(&mut self, record: &Record) -> Result<(), RecordError> {
        let mut framed = Vec::new();
        // One write, so that a watching TensorBoard seldom sees half a record (it would wait for the rest).
        let written = write(&mut RecordWriter::new(&mut framed), record);
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

/// The first record of every event file.
pub(super) fn version(unix_secs: f64) -> Record {
    let mut version = Record::new();
    version.set_wall_time(unix_secs);
    version.set_file_version("brain.Event:2".into());
    version
}

fn write_all(path: &Path, begun: f64, described: Vec<Record>, shown: &Shown<'_>) -> io::Result<File> {
    let mut to = RecordWriter::new(BufWriter::new(File::create(path)?));
    write(&mut to, &version(begun))?;
    let mut log = SessionLog::new();
    log.set_status(SessionLog_SessionStatus::START);
    let mut start = Record::new();
    start.set_wall_time(begun);
    start.set_step(0);
    start.set_session_log(log);
    write(&mut to, &start)?;
    // By step, and of one step in this order: readers take a smaller step for a restart.
    let mut records: Vec<Record> = shown.rows.iter().map(scalars).collect();
    records.extend(shown.spread.iter().map(spread));
    records.sort_by_key(Record::get_step);
    let mut sounds = shown.sounds.iter().peekable();
    described.iter().try_for_each(|record| write(&mut to, record))?;
    for record in &records {
        while let Some(sound) = sounds.next_if(|sound| (sound.step as i64) < record.get_step()) {
            heard(sound).map_or(Ok(()), |record| write(&mut to, &record))?;
        }
        write(&mut to, record)?;
    }
    sounds.filter_map(heard).try_for_each(|record| write(&mut to, &record))?;
    to.flush()?;
    File::options().append(true).open(path)
}

/// One record with all of a row's numbers.
fn scalars(row: &Row) -> Record {
    let mut summary = Summary::new();
    for (name, value) in row.values.iter().chain(&row.timings) {
        summary.mut_value().extend(scalar(name, *value as f32).take_value());
    }
    record(row.step, row.unix_secs, summary)
}

/// One record with the histograms of a step.
fn spread(row: &HistogramRow) -> Record {
    let shown = row.weights.iter().filter(|(_, histogram)| histogram.count() > 0);
    let mut summary = Summary::new();
    summary.mut_value().extend(shown.map(|(name, histogram)| {
        let mut value = Summary_Value::new();
        value.set_tag(format!("weights/{name}"));
        value.set_histo(histo(histogram));
        value
    }));
    record(row.step, row.unix_secs, summary)
}

fn histo(histogram: &Histogram) -> HistogramProto {
    let mut histo = HistogramProto::new();
    (histo.min, histo.max) = (histogram.min, histogram.max);
    (histo.sum, histo.sum_squares) = (histogram.sum, histogram.sum_squares);
    histo.num = histogram.count() as f64;
    histo.set_bucket_limit(histogram.ends());
    histo.set_bucket(histogram.counts.iter().map(|&count| count as f64).collect());
    histo
}

/// One record with a sound and its spectrogram. `None` where the file is not what was written: nothing to hear is no reason to stop a run.
fn heard(sound: &Sound) -> Option<Record> {
    let (wav, unix_secs) = sound.read()?;
    let name = sound.path.to_string_lossy();
    let facts = audio::facts_bytes(&name, &wav).ok()?;
    let spectrogram = Spectrogram::of(&audio::read_bytes(&name, wav.clone(), facts.rate_hz).ok()?);
    let mut image = Summary_Image::new();
    (image.width, image.height) = (spectrogram.frames as i32, spectrogram.bins as i32);
    image.colorspace = RGB;
    image.set_encoded_image_string(picture::png(&spectrogram).ok()?);
    let mut audio = Summary_Audio::new();
    (audio.sample_rate, audio.num_channels) = (facts.rate_hz as f32, i64::from(facts.channels));
    audio.length_frames = facts.samples as i64;
    audio.set_content_type("audio/wav".into());
    audio.set_encoded_audio_string(wav);
    let tag = format!("sounds/{}", sound.number);
    let (mut to_hear, mut to_see) = (Summary_Value::new(), Summary_Value::new());
    to_see.set_tag(format!("{tag}/spectrogram"));
    to_see.set_image(image);
    to_hear.set_tag(tag);
    to_hear.set_audio(audio);
    let mut summary = Summary::new();
    summary.mut_value().extend([to_hear, to_see]);
    Some(record(sound.step, unix_secs, summary))
}

pub(super) fn record(step: u64, unix_secs: f64, summary: Summary) -> Record {
    let mut record = Record::new();
    record.set_wall_time(unix_secs);
    record.set_step(step as i64);
    record.set_summary(summary);
    record
}

pub(super) fn write<W: Write>(to: &mut RecordWriter<W>, record: &Record) -> io::Result<()> {
    let bytes = record.write_to_bytes().map_err(io::Error::other)?;
    to.write(&bytes)
}
