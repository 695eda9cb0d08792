//! The verbs that lay runs side by side: tables and pages.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = RESULTS_EXAMPLES)]
pub struct ResultsArguments {
    /// Where to look and what for: folders of runs, of a sweep or of one run [default: results/runs], and what names of runs contain, with
    /// `*` and `?` for all of the name.
    #[arg(value_name = "PATTERN|DIR")]
    pub which: Vec<String>,
    /// Only the points of the newest sweep of this name, with what differs between them.
    #[arg(long, value_name = "NAME")]
    pub sweep: Option<String>,
    /// Beside the numbers that papers published: `tedlium`, `slurp`, `voxceleb`, `sc09`, `youtubemix`, `beethoven`, `speech_commands`.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["columns", "wide", "group_by", "across", "sort", "descending", "top"])]
    pub paper: Option<String>,
    /// Only runs that meet a condition, for example `train.max_lr < 1e-3`; may be given several times.
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// These columns, instead of what differs and what came out: options, metrics, or `run`, `host`, `git_sha` and the like. The end of a
    /// name will do: `wer`, `max_lr`.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub columns: Vec<String>,
    /// All options that differ, however many.
    #[arg(long, conflicts_with = "columns")]
    pub wide: bool,
    /// Several runs as one row, with mean, standard deviation and how many: those that agree in these columns, or, if none are named, in
    /// everything but the seed.
    #[arg(long, value_name = "A,B", num_args = 0..=1, default_missing_value = ResultsArguments::REPETITIONS)]
    pub group_by: Option<String>,
    /// Folds as one row: runs that differ only in these options, and in those of the same table that go with them.
    ///
    /// Beside what was judged at the end of each run (`test/…`) stand two numbers of the dev list, by the metric that chooses checkpoints:
    /// `best/…` is the mean of each run's own best, `common/…` that of all runs after the one number of updates that is best for their mean
    /// (`common/step`), as folds are published where the fold that is judged on chooses the epoch, too.
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "group_by")]
    pub across: Vec<String>,
    /// Sort by this column.
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
    /// Largest first.
    #[arg(long)]
    pub descending: bool,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// How the table is written [default: `table`, or as the name of the file says].
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Into this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl ResultsArguments {
    /// What `--group-by` without columns stands for.
    pub const REPETITIONS: &str = "repetitions";
}

#[derive(Debug, Args)]
#[command(after_help = GC_EXAMPLES)]
pub struct GcArguments {
    /// Folders of runs, or runs.
    #[arg(default_value = "results/runs", value_name = "DIR|RUN")]
    pub dirs: Vec<PathBuf>,
    /// Remove them; without it nothing is touched.
    #[arg(long)]
    pub yes: bool,
    /// Waypoints too, which `output.keep_every` keeps for students to come.
    #[arg(long)]
    pub waypoints: bool,
    /// No more than brings all checkpoints there below this, the oldest first: `500MB`, `20GB`, or bytes.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub below: Option<u64>,
}

/// Bytes as they are written here and elsewhere.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let factor = match text[digits.len()..].trim_start() {
        "" | "B" => 1_u64,
        "kB" | "K" => 1_000,
        "MB" | "M" => 1_000_000,
        "GB" | "G" => 1_000_000_000,
        "TB" | "T" => 1_000_000_000_000,
        unit => return Err(format!("`{unit}` is no unit: `kB`, `MB`, `GB` and `TB` are")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("`{digits}` is no number"))?;
    if number.is_finite() && number >= 0.0 {
        Ok((number * factor as f64) as u64)
    } else {
        Err("a size is not negative".into())
    }
}

const GC_EXAMPLES: &str = "Examples:
  runner gc
  runner gc --below 20GB --yes
  runner gc results/runs/teacher_ctc-9aac0aa5 --waypoints";

const RESULTS_EXAMPLES: &str = "Examples:
  runner results 'tedlium*' --sort wer --top 10
  runner results --where 'train.max_lr < 1e-3' --group-by
  runner results --sweep cald_alpha --group-by distill.alpha_layer_distill_loss -o alpha.tex
  runner results --sweep ssamba_esc50 --across data.dev_meta
  runner results --paper sc09";

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// Folders of runs, a folder of many, the folder or name of a sweep, or parts of runs' names, with `*` for anything [default: all runs].
    #[arg(value_name = "RUN|SWEEP|PATTERN")]
    pub runs: Vec<String>,
    /// The page to write.
    #[arg(short, long, value_name = "FILE.html")]
    pub output: PathBuf,
    /// So many of the worst utterances can be heard and seen, of each list that runs were judged on, and so many sounds that each run made;
    /// of long ones the first 10 s.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub audio: usize,
    /// Show a picture, SVG or PNG, too, for example `results/tables/scaling.svg=Time by length`.
    #[arg(long = "figure", value_name = "FILE[=CAPTION]")]
    pub figures: Vec<String>,
    /// What the page is called [default: the run's or sweep's name].
    #[arg(long, value_name = "TITLE")]
    pub title: Option<String>,
    /// Where names and patterns are looked for.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    pub runs_dir: PathBuf,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    #[value(alias = "text")]
    Table,
    /// Markdown, for people.
    #[value(alias = "markdown")]
    Md,
    /// Comma-separated values, every digit.
    Csv,
    /// An array of objects, every digit.
    Json,
    /// Parquet, every digit, for pandas, polars and DuckDB.
    Parquet,
    /// A `tabular` with the lines of booktabs, for papers.
    Latex,
}
