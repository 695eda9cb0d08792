//! `runner data`: what is fetched, and what is prepared from what.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;

use crate::cli::completions;
use crate::corpora::Split;

#[derive(Debug, Subcommand)]
pub enum DataVerb {
    /// Fetch a public corpus or checkpoint; without a name, list all that can be fetched.
    ///
    /// What arrives is compared with the checksum that its publisher states, unpacked, and only then has its name. A download that broke
    /// off goes on where it ended; a second fetch finds everything there and does nothing.
    Fetch(FetchArguments),
    /// Bring audio into the prepared format.
    #[command(subcommand)]
    Prepare(PrepareVerb),
}

#[derive(Debug, Args)]
pub struct FetchArguments {
    /// The corpus.
    #[arg(add = ArgValueCompleter::new(completions::corpora))]
    pub name: Option<String>,
    /// The model, instead of a corpus: its name in the list or at Hugging Face.
    #[arg(long, value_name = "NAME", conflicts_with = "name", add = ArgValueCompleter::new(completions::models))]
    pub model: Option<String>,
    /// The folder it goes to, instead of its own.
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Only these parts of it.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub subset: Vec<String>,
    /// Fetch nothing: compare what is there with what was fetched.
    #[arg(long)]
    pub verify: bool,
    /// Keep archives beside what they unpack to.
    #[arg(long)]
    pub keep_archive: bool,
    /// Ask this server instead of the publisher's, for the same paths.
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// A catalogue of your own instead of the shipped one.
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// How often a failing server is asked again.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,
    /// Wait before it is asked again the first time; doubled each time.
    #[arg(long, value_name = "SECS", default_value = "2", value_parser = secs)]
    pub retry_wait: f64,
}

/// A time to wait, in seconds.
fn secs(text: &str) -> Result<f64, String> {
    let secs = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.0..=3600.0).contains(&secs) { Ok(secs) } else { Err("it must lie between 0 and 3600".into()) }
}

#[derive(Debug, Subcommand)]
pub enum PrepareVerb {
    /// TED-LIUM 3: talks (NIST Sphere) and segments (STM) of its legacy splits. SOURCE is the release's folder.
    Tedlium(Places),
    /// SLURP: real and synthetic commands with a scenario and an action. SOURCE is the clone of its repository, with the audio.
    Slurp {
        #[command(flatten)]
        places: Places,
        /// Folder of real recordings [default: audio/slurp_real or slurp_real in SOURCE].
        #[arg(long, value_name = "DIR")]
        real: Option<PathBuf>,
        /// Folder of synthetic recordings [default: audio/slurp_synth or slurp_synth in SOURCE].
        #[arg(long, value_name = "DIR")]
        synthetic: Option<PathBuf>,
        /// Folder of train.jsonl and its like [default: dataset/slurp in SOURCE].
        #[arg(long, value_name = "DIR")]
        metadata: Option<PathBuf>,
        #[command(flatten)]
        keep: Keep,
    },
    /// VoxCeleb1: whose voice it is, with SUPERB's splits. SOURCE is the folder that holds `wav`.
    Voxceleb1 {
        #[command(flatten)]
        places: Places,
        /// The list of splits [default: veri_test_class.txt or iden_split.txt in SOURCE].
        #[arg(long, value_name = "FILE")]
        splits: Option<PathBuf>,
        #[command(flatten)]
        keep: Keep,
    },
    /// A folder of audio and a table of transcripts (columns path, text, optionally labels and split). SOURCE is the table: CSV, TSV or
    /// `|`-separated.
    Table {
        #[command(flatten)]
        places: Places,
        /// Folder that the table's paths are relative to.
        #[arg(long, value_name = "DIR", default_value = ".")]
        audio: PathBuf,
        /// Sampling rate of the prepared audio.
        #[arg(long, value_name = "HZ", default_value_t = 16_000)]
        rate_hz: u32,
        /// Keep the transcripts' capitals.
        #[arg(long)]
        keep_case: bool,
        #[command(flatten)]
        keep: Keep,
    },
    /// A Hugging Face data set on disk: saved, cached, or parquet shards (in builds with the feature `datasets`). SOURCE is its folder;
    /// paths in its rows are relative to it, or to the working directory.
    Dataset(DatasetArguments),
}

#[derive(Debug, Args)]
pub struct DatasetArguments {
    #[command(flatten)]
    pub places: Places,
    /// Column of the audio: encoded bytes, or a path.
    #[arg(long, value_name = "COLUMN")]
    pub audio: String,
    /// Column of the transcripts.
    #[arg(long, value_name = "COLUMN", required_unless_present = "text_constant")]
    pub text: Option<String>,
    /// The same transcript for every utterance, where only labels matter.
    #[arg(long, value_name = "TEXT", conflicts_with = "text")]
    pub text_constant: Option<String>,
    /// Columns of the labels, one per classifier head.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub label: Vec<String>,
    /// Column whose last three path components name the utterances; the audio's own path where not given.
    #[arg(long, value_name = "COLUMN")]
    pub name: Option<String>,
    /// Splits to take and what they become: `train=train,valid.clean=dev`; without it, all with a name that says it.
    #[arg(long, value_name = "SPLIT=NAME", value_delimiter = ',', value_parser = split_becomes)]
    pub split: Vec<(String, Split)>,
    /// Sampling rate of the prepared audio.
    #[arg(long, value_name = "HZ", default_value_t = 16_000)]
    pub rate_hz: u32,
    /// Keep the transcripts' capitals.
    #[arg(long)]
    pub keep_case: bool,
}

/// `NAME=train`, `NAME=dev` or `NAME=test`.
fn split_becomes(text: &str) -> Result<(String, Split), String> {
    let (name, split) = text.split_once('=').ok_or("write `SPLIT=NAME`, such as `validation=dev`")?;
    Ok((name.to_owned(), split.parse()?))
}

/// From where to where.
#[derive(Debug, Args)]
pub struct Places {
    /// What to prepare.
    #[arg(long, value_name = "SOURCE")]
    pub from: PathBuf,
    /// Folder to make. Where an earlier start was stopped, it goes on.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Threads that decode and write [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
}

/// What becomes of recordings that can be used as they are.
#[derive(Debug, Args)]
pub struct Keep {
    /// Link to recordings that can be used as they are, instead of copying them; SOURCE must then stay where it is.
    #[arg(long)]
    pub link: bool,
}
