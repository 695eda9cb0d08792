//! How a command fails: what is said, and the exit code.
//!
//! 1 the run failed · 2 the request is wrong · 66 an input is missing · 70 a bug of ours · 73 already running · 74 reading or writing failed ·
//! 75 interrupted with a valid checkpoint.

use std::any::Any;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use kernels::OpError;
use serde_json::json;

use super::paint;
use crate::config::Problems;
use crate::corpora::CorpusError;
use crate::data::DataError;
use crate::fetch::{Catalogue, FetchError, Kind};
use crate::launch::LaunchError;
use crate::launch::slurm::SlurmError;
use crate::model::ModelError;
use crate::model::sashimi::published::PublishedError;
use crate::model::weights::WeightsError;
use crate::plan::DeviceChoice;
use crate::quality::QualityError;
use crate::record::RecordError;
use crate::train::{Lack, TrainError};

/// The run failed.
pub const FAILED: u8 = 1;
/// The request is wrong.
pub const REQUEST: u8 = 2;
/// An input is missing.
pub const MISSING: u8 = 66;
/// A bug of ours.
pub const INTERNAL: u8 = 70;
/// Somebody is at work on it, or it would be overwritten.
pub const RUNNING: u8 = 73;
/// Reading or writing failed.
pub const IO: u8 = 74;
/// Stopped with a valid checkpoint: the same command goes on.
pub const INTERRUPTED: u8 = 75;
/// Ended by Ctrl-C, with nothing that a later command would mind.
pub const KILLED: u8 = 130;
/// What shells report of a program whose reader went away, as with `| head`: nobody is there to be told.
const CLOSED_PIPE: u8 = 141;

/// Makes a folder for what a command leaves, and those above it.
///
/// # Errors
/// The file system refused.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new(IO, format!("cannot make `{}`: {error}", folder.display())))
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    message: String,
    advice: Vec<String>,
    problems: Problems,
}

impl Failure {
    /// A failure with words of its own.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Failure { code, message: message.into(), advice: Vec::new(), problems: Problems::default() }
    }

    /// The system did not let us read `what`: it is not there, or something else is wrong with it.
    pub fn unread(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        let code = if error.kind() == std::io::ErrorKind::NotFound { MISSING } else { IO };
        Failure::new(code, format!("cannot read `{what}`: {error}"))
    }

    /// Somebody asked to stop, and nothing is left behind.
    pub fn stopped() -> Self {
        Failure::new(KILLED, "stopped on request")
    }

    /// The same failure with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.advice.push(help.into());
        self
    }

    /// A bug of ours, from a panic's payload.
    pub fn internal(panic: &(dyn Any + Send)) -> Self {
        let words = panic
            .downcast_ref::<&str>()
            .map(|words| (*words).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no words".into());
        // Printing has no other way to fail than a panic: the reader of a pipe went away, or a disk is full.
        if let Some(why) = words.strip_prefix("failed printing to stdout: ") {
            let code = if why.contains("os error 32") { CLOSED_PIPE } else { IO };
            return Failure::new(code, format!("cannot write to standard output: {why}"));
        }
        Failure::new(INTERNAL, format!("internal error: {words}"))
            .help("this is a bug of runner; a report with the command and the experiment helps to find it")
    }

    /// What went wrong, on lines of text.
    pub fn words(&self) -> String {
        match self.problems.0.is_empty() {
            true => self.message.clone(),
            false => self.problems.to_string(),
        }
    }

    /// Says it and gives the exit code.
    pub fn report(self, as_json: bool) -> ExitCode {
        if self.code == CLOSED_PIPE {
            return ExitCode::from(CLOSED_PIPE);
        }
        if as_json {
            let value = match self.problems.0.is_empty() {
                true => json!({"ok": false, "error": self.message, "help": self.advice}),
                false => json!({"ok": false, "problems": self.problems}),
            };
            println!("{value:#}");
        }
        if self.problems.0.is_empty() {
            tell(&paint::diagnostics(&format!("error: {}", self.message)));
            for help in &self.advice {
                tell(&paint::diagnostics(&format!("help: {help}")));
            }
        } else {
            tell(&paint::diagnostics(&self.problems.to_string()));
        }
        ExitCode::from(self.code)
    }
}

/// A line on standard error. Where that is no more (a reader that went away, a full disk behind `2>`), the exit code has to do.
fn tell(line: &str) {
    _ = writeln!(std::io::stderr(), "{line}");
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        // Nothing but the file itself is wrong: an input is missing, the request may be fine.
        let absent = problems.0.iter().all(|problem| problem.code.id() == "E008" && problem.path.is_empty());
        let code = if absent { MISSING } else { REQUEST };
        Failure { code, message: String::new(), advice: Vec::new(), problems }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        let code = match error {
            RecordError::AlreadyRunning { .. } => RUNNING,
            RecordError::Io { .. } | RecordError::Damaged { .. } => IO,
            RecordError::Json { .. } => FAILED,
        };
        let help = error.help();
        let failure = Failure::new(code, error.to_string());
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<CorpusError> for Failure {
    fn from(error: CorpusError) -> Self {
        let code = if error.is_missing() { MISSING } else { FAILED };
        let failure = Failure::new(code, error.to_string());
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let code = match &error {
            DataError::NoSound { .. } => MISSING,
            DataError::FeatureCache { .. } => IO,
            DataError::Text(error) if error.is_missing() => MISSING,
            _ => FAILED,
        };
        match error {
            DataError::Corpus(error) => error.into(),
            DataError::Phonemes(error) => error.into(),
            error => error.help().into_iter().fold(Failure::new(code, error.to_string()), Failure::help),
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let code = match &error {
            FetchError::Unknown { .. }
            | FetchError::OtherKind { .. }
            | FetchError::NoSubset { .. }
            | FetchError::Mirror { .. }
            | FetchError::NoCache
            | FetchError::Catalogue { .. } => REQUEST,
            FetchError::Walled { .. } | FetchError::Absent { .. } | FetchError::Refused { .. } => MISSING,
            FetchError::Busy { .. } | FetchError::InTheWay { .. } => RUNNING,
            FetchError::Io { source, action: "read", .. }
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                MISSING
            }
            FetchError::Io { .. } | FetchError::NoRoom { .. } | FetchError::GaveUp { .. } => IO,
            FetchError::Interrupted => KILLED,
            _ => FAILED,
        };
        let help = error.help();
        let failure = Failure::new(code, error.to_string());
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Self {
        let code = match &error {
            WeightsError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => MISSING,
            WeightsError::Io { .. } => IO,
            WeightsError::Format { .. } | WeightsError::NotFinite { .. } | WeightsError::Misfit { .. } => {
                FAILED
            }
        };
        Failure::new(code, error.to_string())
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Weights(error) => error.into(),
            ModelError::PretrainedMissing { ref name, .. } => Failure::new(MISSING, error.to_string())
                .help(way_to(name))
                .help("or start from random weights: `-s model.wav2vec2.pretrained=random:17`"),
            ModelError::Conflict { .. } => Failure::new(REQUEST, error.to_string())
                .help("`config.json` fixes the architecture: set these options in `[model.wav2vec2]` to its values, or name another checkpoint"),
            ModelError::Published(error) => error.into(),
            ModelError::Op(error) => error.into(),
        }
    }
}

impl From<PublishedError> for Failure {
    fn from(error: PublishedError) -> Self {
        let help = error.help();
        match error {
            PublishedError::Weights(error) => error.into(),
            error => help.into_iter().fold(Failure::new(FAILED, error.to_string()), Failure::help),
        }
    }
}

/// How to come by pretrained weights.
fn way_to(pretrained: &str) -> String {
    match Catalogue::shipped().and_then(|all| Ok(all.find(Kind::Model, pretrained)?.name.clone())) {
        Ok(name) => format!("fetch it: `runner data fetch --model {name}`"),
        Err(_) => "download the checkpoint (`config.json`, `model.safetensors`) and set `model.wav2vec2.pretrained` to its folder".into(),
    }
}

impl From<OpError> for Failure {
    fn from(error: OpError) -> Self {
        let failure = Failure::new(FAILED, error.to_string());
        match error {
            OpError::NoRoom { .. } => failure.help(
                "`--device cpu`, or `-s run.device=cpu` where the experiment says it, takes the machine's own memory",
            ),
            _ => failure,
        }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Data(error) => error.into(),
            TrainError::Model(error) => error.into(),
            TrainError::Weights(error) => error.into(),
            TrainError::Codec(error) => error.into(),
            TrainError::Record(error) => error.into(),
            TrainError::Op(error) => error.into(),
            TrainError::NoWaypoints { .. } | TrainError::NoTeacher { .. } | TrainError::NoParent { .. } => {
                Failure::new(MISSING, error.to_string())
            }
            TrainError::NoDevice { wanted, lack: Lack::Program } => {
                let auto = wanted.on(DeviceChoice::Auto);
                Failure::new(REQUEST, error.to_string())
                    .help(format!("take `{auto}`, or build with `--features cuda`"))
            }
            TrainError::NoDevice { wanted, .. } => {
                // What was `auto` found a GPU, and could not open it.
                let found = wanted.device == DeviceChoice::Auto;
                let other = wanted.on(if found { DeviceChoice::Cpu } else { DeviceChoice::Auto });
                Failure::new(REQUEST, error.to_string())
                    .help(format!("take `{other}`; `runner doctor` lists what there is"))
            }
            TrainError::Exhausted { ref help, .. } => {
                let lower = "a smaller `data.batch_size` takes less".to_owned();
                Failure::new(FAILED, error.to_string())
                    .help(help.clone().unwrap_or(lower))
                    .help("a run goes on from its last checkpoint by the same command")
            }
            TrainError::Lost { .. } => Failure::new(FAILED, error.to_string())
                .help("the same command goes on from the last checkpoint")
                .help("where memory ran out, a smaller `run.processes` takes less"),
            TrainError::NoRoom { ref help, .. } => {
                help.iter().fold(Failure::new(REQUEST, error.to_string()), |failure, help| failure.help(help))
            }
            TrainError::DataChanged { .. } => Failure::new(FAILED, error.to_string())
                .help("restore the corpus, or start over with `--fresh`, which moves the run aside"),
            TrainError::Diverged { .. } | TrainError::Broken { .. } => Failure::new(FAILED, error.to_string())
                .help("a smaller `train.max_lr` or a longer `train.warmup_steps` helps")
                .help("checkpoints of before are whole; the same command goes on from the last"),
            TrainError::Asked => Failure::stopped(),
            TrainError::Nonfinite(_) => Failure::new(FAILED, error.to_string())
                .help("`train.nonfinite = \"skip\"` passes over such updates, `\"lower_lr\"` lowers the rate at each; both go on from the checkpoint before it"),
            error => Failure::new(FAILED, error.to_string()),
        }
    }
}

impl From<QualityError> for Failure {
    fn from(error: QualityError) -> Self {
        match error {
            QualityError::NoClasses(_) => Failure::new(REQUEST, error.to_string()).help(
                "name a run of a classifier, for example of `experiments/speech_commands_classifier.toml`",
            ),
            QualityError::Data(error) => error.into(),
            QualityError::Asked => Failure::stopped(),
            error => Failure::new(FAILED, error.to_string()),
        }
    }
}

impl From<SlurmError> for Failure {
    fn from(error: SlurmError) -> Self {
        let code = match &error {
            SlurmError::Absent { .. } => MISSING,
            SlurmError::Record(_) => IO,
            _ => FAILED,
        };
        let help = error.help();
        match error {
            SlurmError::Record(error) => error.into(),
            error => help.into_iter().fold(Failure::new(code, error.to_string()), Failure::help),
        }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Train(error) => error.into(),
            LaunchError::Record(error) => error.into(),
        }
    }
}

impl Failure {
    /// The problems found, for JSON; none where it failed for another reason.
    pub fn as_problems(&self) -> Vec<crate::config::Problem> {
        self.problems.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Wanted;

    fn of(error: TrainError) -> (u8, String, Vec<String>) {
        let failure = Failure::from(error);
        (failure.code, failure.message, failure.advice)
    }

    #[test]
    fn a_device_that_is_not_there_is_a_wrong_request() {
        let lack = Lack::Gpu("there is no GPU 3: there are 2, numbered from 0".into());
        let wanted = Wanted::by_option(DeviceChoice::Cuda(3));
        let (code, message, advice) = of(TrainError::NoDevice { wanted, lack });
        assert_eq!(code, REQUEST);
        assert_eq!(message, "`--device cuda:3`, but there is no GPU 3: there are 2, numbered from 0");
        assert_eq!(advice, ["take `--device auto`; `runner doctor` lists what there is"]);
    }

    #[test]
    fn a_gpu_without_memory_left_fails_a_run_that_can_go_on() {
        let exhausted = |help: Option<&str>| TrainError::Exhausted {
            at: " in update 7, whose largest batch is 8 × 160000 samples".into(),
            reason: "`linear` found no room".into(),
            help: help.map(str::to_owned),
        };
        let (code, message, advice) = of(exhausted(Some("about 6 such utterances fit")));
        assert_eq!(code, FAILED);
        assert_eq!(
            message,
            "the GPU has no memory left in update 7, whose largest batch is 8 × 160000 samples: `linear` found no room"
        );
        let go_on = "a run goes on from its last checkpoint by the same command";
        assert_eq!(advice, ["about 6 such utterances fit", go_on]);
        assert_eq!(of(exhausted(None)).2, ["a smaller `data.batch_size` takes less", go_on]);
    }
}
