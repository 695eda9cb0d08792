//! The verbs and their options, once.

mod data;
mod model;
mod prepare;
mod process;
mod results;
mod tokens;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::completions;
pub use data::{DataVerb, FeaturesArguments, FetchArguments, Part, StatisticsArguments, StatsArguments};
pub use model::{
    DrawArguments, EvalArguments, ExportArguments, GenerateArguments, ModelArguments, PredictArguments,
};
pub use prepare::{DatasetArguments, Keep, OwnVerb, Places, PrepareVerb, PublishedArguments};
pub use process::{Normalisation, ProcessArguments, SimilarArguments, SimilarFeatures, SliceChoice};
pub use results::{Format, GcArguments, ReportArguments, ResultsArguments};
pub use tokens::{
    CodecArguments, CodesVerb, DecodeArguments, EncodeArguments, G2pArguments, G2pBackend, MetadataArguments,
    OneUtterance, TranscribeArguments,
};

/// The contract with scripts.
const EXIT_CODES: &str = "Exit codes: 0 done · 1 failed · 2 the request is wrong · 66 an input is missing · 70 a bug of runner · \
73 already running, or would overwrite · 74 reading or writing failed · 75 interrupted with a valid checkpoint, run again · 130, 143 killed";

/// A declarative experiment runner for state-space-model research in speech and audio.
#[derive(Debug, Parser)]
#[command(name = "runner", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Print data as JSON on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but errors.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colours in messages; `auto` heeds `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train, resume or report an experiment: the same command does what is left to do.
    Run(RunArguments),
    /// Run every point of an experiment's `[sweep]`: the same command does what is left to do.
    ///
    /// Each point is a run of its own, the same as that of the plain experiment with the point's options set, by a process of its own. Runs
    /// that points need, such as teachers, come first and once. What is done already, wherever it was asked for, is not done again.
    Sweep(SweepArguments),
    /// Say how the points of a sweep stand: in the queue of a cluster, at work, done, failed.
    ///
    /// The queue is asked at most every 20 seconds; what was heard last is shown in between.
    Status(StatusArguments),
    /// Work on one frozen run of a sweep.
    #[command(hide = true)]
    Work(WorkArguments),
    /// Share the updates of a run that another process has.
    #[command(hide = true)]
    Helper(HelperArguments),
    /// Find every mistake in experiments without running anything.
    Check(CheckArguments),
    /// Print what a run would do: model, data, schedule, memory.
    Plan(Request),
    /// Time some updates in memory: where each step goes, by part, layer and op.
    Profile(ProfileArguments),
    /// Print the experiment with every layer merged.
    Show(ShowArguments),
    /// Print the JSON Schema of experiments.
    Schema {
        /// Print every option as a Markdown page instead.
        #[arg(long)]
        reference: bool,
    },
    /// Explain an option, the options of a table, or an error code.
    Explain {
        /// An option such as `train.max_lr` or `max_lr`, a table such as `train`, a code such as `E002`, or a paper's program such as
        /// `train_distill.py`; without it, all codes are listed.
        #[arg(add = ArgValueCompleter::new(completions::names))]
        name: Option<String>,
    },
    /// Print the run's identity, the hash that its folder ends in.
    Id(Request),
    /// Print the options in which two experiments differ.
    Diff(DiffArguments),
    /// Write a shipped experiment as a commented file to start from.
    Init(InitArguments),
    /// Say the papers' own commands as experiments: a README, a shell recipe, or one command line.
    ///
    /// Prints TOML; several experiments one after the other, each under its name. Shell recipes are read, never executed. A flag that
    /// the published program does not have is an error, one without effect here a note. `runner explain train_distill.py` lists a
    /// program's flags.
    Import(ImportArguments),
    /// Judge a run's checkpoint on a split, or judge sound by a classifier.
    Eval(EvalArguments),
    /// Transcribe or classify sound files with a run's checkpoint or an exported model.
    Predict(PredictArguments),
    /// Make sound with a run's checkpoint, or with one that the published programs left.
    Generate(GenerateArguments),
    /// Write a run's checkpoint as a folder that other programs load: weights, `config.json`, vocabulary, model card.
    Export(ExportArguments),
    /// List runs.
    Results(ResultsArguments),
    /// Tell runs as one page of HTML: curves, table, mistakes, sounds, configuration, cost.
    ///
    /// The page is one file that opens from disk without a network, in light and dark, on paper and on a phone. Runs may be unfinished,
    /// failed or damaged: the page says so. Example: `runner report results/runs/tedlium_* -o report.html`. An older page of this verb is
    /// replaced, any other file is not.
    Report(ReportArguments),
    /// List checkpoints that runs can do without, and remove them with `--yes`.
    ///
    /// Never goes: a run's newest checkpoint, its `latest` and its `best`; anything of a run that is not done, that a process works on, or
    /// that another run or a sweep beside it builds on. Runs elsewhere are not seen: name their folders too.
    Gc(GcArguments),
    /// Run a model once and write every named activation.
    Forward(ForwardArguments),
    /// Fetch and prepare corpora, fetch checkpoints.
    #[command(subcommand)]
    Data(DataVerb),
    /// Say what this machine offers, with a cure for each lack.
    Doctor {
        /// Folder whose disk is looked at.
        #[arg(default_value = "results/runs")]
        runs_dir: PathBuf,
        /// Say what the settings of the cluster mean for the jobs of a sweep instead.
        #[arg(long)]
        slurm: bool,
    },
    /// Print the script by which a shell completes verbs, files and options, for example `source <(runner completions bash)`.
    Completions { shell: Shell },
    /// Print the manual page.
    Man {
        /// Write one page for the program and one for each verb into this folder instead.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

/// Shells that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    /// Its name, as its program is called.
    pub fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }
}

/// When messages are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Args)]
pub struct DiffArguments {
    /// One experiment.
    pub left: PathBuf,
    /// The other.
    pub right: PathBuf,
    /// Lay the files' `[profile.NAME]` over both.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Set one option in both.
    #[arg(short = 's', value_name = "KEY=VALUE", add = ArgValueCompleter::new(completions::assignments))]
    pub sets: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// A README, a shell recipe, `-` for standard input, or a command line in quotes.
    #[arg(value_name = "FILE|'COMMAND'|-")]
    pub from: String,
    /// What the experiment is called, where the command leaves it open.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Write each experiment into this folder, as `NAME.toml`.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// The shipped experiment to start from.
    #[arg(long, value_name = "NAME", default_value = "tedlium_direct")]
    pub from: String,
    /// The file to write; must not exist [default: NAME.toml].
    pub file: Option<PathBuf>,
}

/// An experiment and what is laid over it.
#[derive(Debug, Clone, Args)]
pub struct Request {
    /// The experiment's TOML file.
    pub experiment: PathBuf,
    /// Lay the file's `[profile.NAME]` over it.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Options in the papers' notation, for example `batch_size=8,max_lr=1e-3`.
    #[arg(long, value_name = "A=1,B=2")]
    pub hparams: Option<String>,
    /// Set one option, for example `-s train.max_lr=1e-3`.
    #[arg(short = 's', value_name = "KEY=VALUE", add = ArgValueCompleter::new(completions::assignments))]
    pub sets: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub request: Request,
    /// Move the run's folder aside and start over. Needed runs are reused.
    #[arg(long)]
    pub fresh: bool,
}

#[derive(Debug, Args)]
pub struct SweepArguments {
    #[command(flatten)]
    pub request: Request,
    /// List the points and how they stand, with `--on slurm` the scripts too; start nothing and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the points are worked on.
    #[arg(long, value_enum, default_value = "local", value_name = "WHERE")]
    pub on: Place,
    /// Runs at a time, among which the cores are shared out [default: one a core, as many as memory has room for]. On a cluster: tasks of
    /// an array at a time, instead of `slurm.max_parallel`.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// After a failure go on with the other points, or stop them all with their checkpoints.
    #[arg(long, value_enum, default_value = "continue", value_name = "WHAT")]
    pub on_failure: OnFailure,
    /// Which of the runs that did not come to their end before are worked on again.
    #[arg(long, value_enum, default_value = "all", value_name = "WHICH")]
    pub retry: Retry,
}

/// Where the points of a sweep are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// On this machine, by worker processes.
    Local,
    /// On a cluster, by jobs with the resources of `[slurm]`; the command ends when they are submitted.
    Slurm,
}

/// What a failing point does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    Continue,
    Stop,
}

/// Runs to work on again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Retry {
    /// Those that an error ended.
    Failed,
    /// Those that were interrupted or killed.
    Preempted,
    All,
    None,
}

#[derive(Debug, Args)]
pub struct WorkArguments {
    /// The sweep's folder.
    pub sweep: PathBuf,
    /// The run's identity.
    pub id: String,
    /// CPU threads.
    #[arg(long, value_name = "N")]
    pub threads: usize,
    /// Save and stop when standard input ends.
    #[arg(long)]
    pub leashed: bool,
    /// This is a job of Slurm: when its time is over, it queues itself again.
    #[arg(long)]
    pub slurm: bool,
}

#[derive(Debug, Args)]
pub struct HelperArguments {
    /// The run's config.toml.
    pub config: PathBuf,
    /// The run's identity.
    #[arg(long)]
    pub id: String,
    /// This process's place among those of the run, from 1.
    #[arg(long, value_name = "N")]
    pub rank: usize,
    /// Processes of the run.
    #[arg(long, value_name = "N")]
    pub ranks: usize,
    /// CPU threads.
    #[arg(long, value_name = "N")]
    pub threads: usize,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// A sweep's folder, its name or its file [default: the newest sweep].
    pub sweep: Option<PathBuf>,
    /// Folder of run folders, beside that of the sweeps.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    pub runs_dir: PathBuf,
}

#[derive(Debug, Args)]
pub struct ProfileArguments {
    #[command(flatten)]
    pub request: Request,
    /// Updates to measure [default: 10]; of a sweep, passes forward at each point [default: 3].
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Those before them that are not measured [default: 2; of a sweep 1].
    #[arg(long, value_name = "N")]
    pub warmup: Option<u64>,
    /// Write every step, layer and op into this file, for Perfetto or chrome://tracing.
    #[arg(long, value_name = "FILE.json")]
    pub trace: Option<PathBuf>,
    /// Of a sweep, write the table into this file, and a picture beside it (`FILE.svg`).
    #[arg(short, long, value_name = "FILE.md")]
    pub output: Option<PathBuf>,
    /// Measure this point of the sweep in this process: what each point's own process is asked.
    #[arg(long, value_name = "N", hide = true)]
    pub point: Option<usize>,
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Experiments to check.
    #[arg(required = true)]
    pub experiments: Vec<PathBuf>,
    /// Lay the files' `[profile.NAME]` over them.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Options in the papers' notation.
    #[arg(long, value_name = "A=1,B=2")]
    pub hparams: Option<String>,
    /// Set one option.
    #[arg(short = 's', value_name = "KEY=VALUE", add = ArgValueCompleter::new(completions::assignments))]
    pub sets: Vec<String>,
    /// Look at the corpus too: every file it names, the sound of some, and one update of the model on two utterances.
    #[arg(long)]
    pub data: bool,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    pub request: Request,
    /// Say where each value came from.
    #[arg(long)]
    pub origin: bool,
}

#[derive(Debug, Args)]
pub struct ForwardArguments {
    #[command(flatten)]
    pub request: Request,
    /// A sound file, or a safetensors file: `input_values` [B, L] and, optionally, `lengths` [B]; for SaShiMi `codes` [B, L], for DiffWave
    /// `audio` [B, L] and `steps` [B].
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where the activations go, as safetensors.
    #[arg(long, value_name = "OUT.safetensors")]
    pub dump: PathBuf,
}
