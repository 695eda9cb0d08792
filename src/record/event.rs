//! What training says while it works.
//!
//! The loop emits [`Event`]s and knows nothing of files or terminals; each [`Sink`] turns them into one thing (a row, a bar, a line
//! of the log). So the terminal, TensorBoard and the files cannot disagree, and the loop stays flat. Events hold facts: no
//! formatting, and clock values only in fields that say so (`_secs`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Histogram, RecordError};

/// Named numbers, in the order they are shown and written: alphabetical, so that files have the same bytes every time.
pub type Values = BTreeMap<String, f64>;

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A process began work on the run: for the first time or again.
    RunStarted(RunStarted),
    /// The run goes on from a checkpoint. Follows [`Event::RunStarted`].
    Resumed(Resumed),
    /// An update was taken.
    StepDone(StepDone),
    /// Another snapshot teaches from now on.
    TeacherSwitched { step: u64, snapshot_step: u64 },
    /// A part of the corpus is about to be judged, which may take a while.
    EvalStarted { step: u64, split: String },
    /// A part of the corpus was judged.
    EvalDone(EvalDone),
    /// The model is about to be heard, which may take a while.
    SoundsStarted { step: u64, clips: usize },
    /// The model was heard.
    SoundsMade(SoundsMade),
    /// The spread of the weights was measured.
    WeightsMeasured(WeightsMeasured),
    /// A checkpoint is safely on disk.
    CheckpointSaved(CheckpointSaved),
    /// Something worth knowing.
    Note { text: String },
    /// Something the reader should look into.
    Warning { text: String },
    /// The process stops working on the run.
    RunFinished(RunFinished),
}

/// What is about to be trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStarted {
    /// Readable name, the experiment's.
    pub name: String,
    /// Eight hexadecimal digits: what the run means.
    pub id: String,
    /// What it is to the request: `teacher`, `student`, `source` …
    pub role: String,
    /// Updates already behind it; 0 in a new run.
    pub step: u64,
    pub max_steps: u64,
    /// Parameters of the model, frozen ones included.
    pub params: u64,
    /// Parameters that updates may change.
    pub trainable_params: u64,
}

/// Where a resumed run goes on, and why it had stopped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resumed {
    pub step: u64,
    pub max_steps: u64,
    /// The checkpoint folder, as the reader may type it.
    pub from: String,
    /// Seconds since it was saved, where known.
    pub age_secs: Option<f64>,
    /// Why the last process stopped: `interrupted by SIGTERM`, `it was killed` … A fragment.
    pub why: String,
}

/// One update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepDone {
    /// Updates behind the run, this one included.
    pub step: u64,
    pub lr: f64,
    /// Loss terms by name, normalised as the gradient is (`loss` is the total).
    pub losses: Values,
    /// Global norm of the gradients before clipping.
    pub grad_norm: f64,
    /// False where the gradients were not finite, so nothing was changed.
    pub taken: bool,
    pub utterances: u64,
    /// Utterances without a finite loss; they counted nowhere.
    pub infinite: u64,
    /// Sound in the update's batches, without padding.
    pub audio_secs: f64,
    /// Time the update took.
    pub step_secs: f64,
}

/// A split was judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvalDone {
    pub step: u64,
    /// `dev`, `test` …
    pub split: String,
    /// Who was judged, where it is not the model in training: `teacher`.
    pub subject: Option<String>,
    /// Names without the split: `wer`, `cer`, `loss` …
    pub metrics: Values,
    pub utterances: u64,
    pub audio_secs: f64,
    /// Time the evaluation took.
    pub eval_secs: f64,
}

impl EvalDone {
    /// The metrics by their full names: `dev/wer`, `teacher/dev/wer`.
    pub fn named(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        let who = self.subject.as_ref().map(|subject| format!("{subject}/")).unwrap_or_default();
        self.metrics.iter().map(move |(name, value)| (format!("{who}{}/{name}", self.split), *value))
    }
}

/// A model in training made sound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SoundsMade {
    pub step: u64,
    pub rate_hz: u32,
    /// Samples of each clip. The clip of a number is made from the same draws at every step.
    #[serde(skip)]
    pub clips: Vec<Vec<f32>>,
    /// Time the making took.
    pub make_secs: f64,
}

/// How the weights are spread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeightsMeasured {
    pub step: u64,
    /// By parameter.
    pub weights: BTreeMap<String, Histogram>,
}

/// Why a checkpoint was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The newest state.
    Latest,
    /// The newest and, by the metric that selects, the best.
    Best,
}

/// A checkpoint was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointSaved {
    pub step: u64,
    pub kind: CheckpointKind,
    /// Relative to the run's folder.
    pub path: String,
    pub bytes: u64,
    /// Time the writing took.
    pub save_secs: f64,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process works on it, or one did and was killed.
    #[default]
    Running,
    /// Stopped on request, with a valid checkpoint.
    Interrupted,
    /// Stopped by an error.
    Failed,
    /// All updates taken, all judgements made.
    Finished,
}

impl RunState {
    /// Its name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Interrupted => "interrupted",
            RunState::Failed => "failed",
            RunState::Finished => "finished",
        }
    }
}

/// The end of a process's work on a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunFinished {
    pub state: RunState,
    pub step: u64,
    /// Final metrics with their split: `test/wer`, `dev/wer` …
    pub metrics: Values,
    /// Why it stopped, where it is not finished. A fragment.
    pub cause: Option<String>,
    /// Time spent on the run, all its processes together; 0 where it is not known.
    pub wall_secs: f64,
    /// Mean time of an update in this process; 0 where none was taken.
    pub secs_per_step: f64,
    /// Peak resident memory of this process, where the system tells.
    pub peak_bytes: Option<u64>,
}

/// Turns events into something that stays or shows.
pub trait Sink {
    /// Takes one event.
    ///
    /// # Errors
    /// What should be kept could not be written.
    fn emit(&mut self, event: &Event) -> Result<(), RecordError>;
}

/// Hands every event to several sinks, in order.
#[derive(Default)]
pub struct Fanout<'a> {
    sinks: Vec<Box<dyn Sink + 'a>>,
}

impl<'a> Fanout<'a> {
    /// No sinks yet.
    pub fn new() -> Self {
        Fanout::default()
    }

    /// Adds a sink behind those already there.
    #[must_use]
    pub fn with(mut self, sink: impl Sink + 'a) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }
}

impl Sink for Fanout<'_> {
    /// Every sink gets the event even where an earlier one fails; the first error is returned.
    fn emit(&mut self, event: &Event) -> Result<(), RecordError> {
        let mut outcome = Ok(());
        for sink in &mut self.sinks {
            let result = sink.emit(event);
            outcome = outcome.and(result);
        }
        outcome
    }
}

/// Keeps every event: for tests and for callers that look afterwards.
impl Sink for Vec<Event> {
    fn emit(&mut self, event: &Event) -> Result<(), RecordError> {
        self.push(event.clone());
        Ok(())
    }
}
