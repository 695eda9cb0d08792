//! metrics.jsonl, the truth about a run, and timings.jsonl beside it.
//!
//! A row is one JSON object: `step`, then numbers by slashed name (`train/loss`, `dev/wer`), alphabetical. It holds no
//! clock values, so the same run has the same bytes. Line n of timings.jsonl says when line n was written and what it
//! took. Rows reach the file before [`Sink::emit`] returns; a checkpoint notes how many bytes were there ([`Offsets`]) and
//! a resumed run cuts both files back to that, and histograms.jsonl too. TensorBoard's event file is made from these rows and from the
//! other files of the folder, so it cannot disagree.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::clock;
use super::error::RecordError;
use super::event::{Event, Sink, Values};
use super::folder::Folder;
use super::histograms;
use super::sounds;
use super::tensorboard::{Shown, TensorBoard};

/// What names of training metrics begin with; all others come from judgements.
pub(super) const TRAIN: &str = "train/";

/// One row of metrics, and when and how fast it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub step: u64,
    /// The truth: the same in every repetition.
    pub values: Values,
    /// Clock values: `time/step_secs`, `time/audio_secs_per_sec` …
    pub timings: Values,
    /// Seconds since 1970.
    pub unix_secs: f64,
}

impl Row {
    /// The row that an event makes, if it makes one. Of updates only every `every`-th does.
    pub fn of(event: &Event, every: u64) -> Option<Row> {
        let (step, values, timings) = match event {
            Event::StepDone(done) if done.step.is_multiple_of(every.max(1)) => {
                let mut values: Values =
                    done.losses.iter().map(|(name, value)| (format!("{TRAIN}{name}"), *value)).collect();
                values.insert("train/lr".into(), done.lr);
                values.insert("train/grad_norm".into(), done.grad_norm);
                values.insert("train/utterances".into(), done.utterances as f64);
                values.insert("train/infinite".into(), done.infinite as f64);
                values.insert("train/audio_secs".into(), done.audio_secs);
                let speed = per_sec(done.audio_secs, done.step_secs);
                let timings = [("time/step_secs", done.step_secs), ("time/audio_secs_per_sec", speed)];
                (done.step, values, timings.to_vec())
            }
            Event::EvalDone(done) => {
                (done.step, done.named().collect(), vec![("time/eval_secs", done.eval_secs)])
            }
            Event::TeacherSwitched { step, snapshot_step } => {
                (*step, Values::from([("train/teacher_step".into(), *snapshot_step as f64)]), Vec::new())
            }
            _ => return None,
        };
        let timings = timings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Some(Row { step, values, timings, unix_secs: clock::unix_secs() })
    }

    fn metrics_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        line(&Line { step: self.step, unix_secs: None, values: &self.values })
    }

    fn timings_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        // Microseconds are enough, and keep the line short.
        let unix_secs = (self.unix_secs * 1e6).round() / 1e6;
        line(&Line { step: self.step, unix_secs: Some(unix_secs), values: &self.timings })
    }
}

fn per_sec(amount: f64, secs: f64) -> f64 {
    if secs > 0.0 { amount / secs } else { 0.0 }
}

/// A line's object, in the order it is written.
struct Line<'a> {
    step: u64,
    unix_secs: Option<f64>,
    values: &'a Values,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let head = [("step", Value::from(self.step))].into_iter();
        let time = self.unix_secs.map(|secs| ("unix_secs", number(secs)));
        let values = self.values.iter().map(|(name, value)| (name.as_str(), number(*value)));
        serializer.collect_map(head.chain(time).chain(values))
    }
}

fn line(object: &Line<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    Ok(line)
}

/// Whole numbers without a fraction; what JSON cannot say (infinity, not a number) as null.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    if value.fract() == 0.0 && value.abs() < EXACT {
        return Value::from(value as i64);
    }
    Value::from(value)
}

/// How much of the two files belongs to a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offsets {
    pub metrics_bytes: u64,
    pub timings_bytes: u64,
    /// 0 in checkpoints of runs without histograms, and of older programs.
    #[serde(default)]
    pub histograms_bytes: u64,
}

impl Offsets {
    /// What is there now, brought onto the disk: for the state of a checkpoint about to be written.
    ///
    /// # Errors
    /// The file system refused.
    pub fn now(folder: &Folder) -> Result<Self, RecordError> {
        Ok(Offsets {
            metrics_bytes: synced_len(&folder.metrics_jsonl())?,
            timings_bytes: synced_len(&folder.timings_jsonl())?,
            histograms_bytes: histograms::synced_len(&folder.histograms_jsonl())?,
        })
    }
}

fn synced_len(path: &Path) -> Result<u64, RecordError> {
    let len = || {
        let file = File::options().append(true).create(true).open(path)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    len().map_err(RecordError::io("sync", path))
}

/// The sink that writes both files, the sounds, and TensorBoard's view of all of them.
pub struct Metrics {
    folder: Folder,
    metrics: Lines,
    timings: Lines,
    view: TensorBoard,
    earlier: Vec<Row>,
    every: u64,
}

impl Metrics {
    /// Opens the files of a run, cut back to `offsets` (all zeros in a new run), and its sounds to the last row that is left. Of updates,
    /// every `every`-th is kept.
    ///
    /// # Errors
    /// A file is shorter than its offset, or the file system refused.
    pub fn open(folder: &Folder, offsets: Offsets, every: u64) -> Result<Self, RecordError> {
        let metrics = Lines::open(folder.metrics_jsonl(), offsets.metrics_bytes)?;
        let timings = Lines::open(folder.timings_jsonl(), offsets.timings_bytes)?;
        let earlier = read(folder)?;
        // A sound is made behind the row of its evaluation, and before the next checkpoint.
        let heard = sounds::cut_back(folder, earlier.iter().map(|row| row.step).max())?;
        let spread = histograms::cut_back(folder, offsets.histograms_bytes)?;
        let view = TensorBoard::open(folder, &Shown { rows: &earlier, sounds: &heard, spread: &spread })?;
        Ok(Metrics { folder: folder.clone(), metrics, timings, view, earlier, every })
    }

    /// The rows that were there when it was opened.
    pub fn earlier(&self) -> &[Row] {
        &self.earlier
    }
}

impl Sink for Metrics {
    fn emit(&mut self, event: &Event) -> Result<(), RecordError> {
        match event {
            Event::SoundsMade(made) => return self.view.append_sounds(&sounds::write(&self.folder, made)?),
            Event::WeightsMeasured(measured) => {
                return self.view.append_spread(&histograms::append(&self.folder, measured)?);
            }
            Event::RunFinished(finished) => return self.view.end(finished.state),
            _ => {}
        }
        let Some(row) = Row::of(event, self.every) else { return Ok(()) };
        self.metrics.append(row.metrics_line())?;
        self.timings.append(row.timings_line())?;
        self.view.append(&row)
    }
}

/// A file that grows by whole lines.
struct Lines {
    file: File,
    path: PathBuf,
}

impl Lines {
    fn open(path: PathBuf, offset: u64) -> Result<Self, RecordError> {
        let file = File::options().append(true).create(true).open(&path);
        let file = file.map_err(RecordError::io("open", &path))?;
        let len = file.metadata().map_err(RecordError::io("read", &path))?.len();
        if len < offset {
            let reason = format!("it has {len} bytes, but the checkpoint was saved when it had {offset}");
            return Err(RecordError::damaged(&path, reason));
        }
        file.set_len(offset).map_err(RecordError::io("cut back", &path))?;
        Ok(Lines { file, path })
    }

    fn append(&mut self, line: Result<Vec<u8>, serde_json::Error>) -> Result<(), RecordError> {
        let line = line.map_err(|source| RecordError::Json { path: self.path.clone(), source })?;
        self.file.write_all(&line).map_err(RecordError::io("write", &self.path))
    }
}

/// The rows of a run's metrics.jsonl, with their timings where timings.jsonl has them.
///
/// A last line that a killed process left unfinished is passed over; so is everything where there is no file.
///
/// # Errors
/// Any other line is not a row, or the file system refused.
pub fn read(folder: &Folder) -> Result<Vec<Row>, RecordError> {
    let mut timings = objects(&folder.timings_jsonl())?.into_iter();
    let rows = objects(&folder.metrics_jsonl())?.into_iter().map(|mut values| {
        let mut timings = timings.next().unwrap_or_default();
        timings.remove("step");
        let step = values.remove("step").unwrap_or_default() as u64;
        let unix_secs = timings.remove("unix_secs").unwrap_or_default();
        Row { step, values, timings, unix_secs }
    });
    Ok(rows.collect())
}

fn objects(path: &Path) -> Result<Vec<Values>, RecordError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordError::io("read", path)(error)),
    };
    // What follows the last newline is unfinished or nothing.
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let lines = text[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.enumerate().map(|(index, line)| object(path, index + 1, line)).collect()
}

fn object(path: &Path, number: usize, line: &[u8]) -> Result<Values, RecordError> {
    let object: BTreeMap<String, Option<f64>> = serde_json::from_slice(line)
        .map_err(|error| RecordError::damaged(path, format!("line {number} is not a row: {error}")))?;
    Ok(object.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}
