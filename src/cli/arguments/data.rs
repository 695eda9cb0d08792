//! `runner data`: what is fetched, and what is prepared from what.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;

use super::{
    CodesVerb, DecodeArguments, EncodeArguments, G2pArguments, MetadataArguments, PrepareVerb,
    ProcessArguments, Request, SimilarArguments, TranscribeArguments,
};
use crate::cli::completions;

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
    /// Make the features that `data.feature_cache` keeps of an experiment's clips, before a run does: spectrograms, as the model hears them.
    ///
    /// How much room they take is said first. What is there is not made again, so the command may be stopped and given again. Several processes
    /// share the work with `--part 1/4`, `--part 2/4` and so on.
    Features(FeaturesArguments),
    /// Say what there is in a folder of sound files: hours, lengths, levels, clipping, silence, rates, folders, and languages where metadata name them.
    Stats(StatsArguments),
    /// Measure the log-mel energies of an experiment's training clips, for `dataset_mean` and `dataset_std` of a model of patches.
    Statistics(StatisticsArguments),
    /// Make phonemes of text: IPA as espeak-ng reads it, a line for each text.
    ///
    /// Punctuation stays where it stands, and text is read piece by piece between it, as Python's `phonemizer` does. With `--json` a line is an
    /// object with text, language, phonemes and their ids. A text that has none is named and leaves an empty line.
    #[command(name = "g2p")]
    G2p(G2pArguments),
    /// Make codes of sound with a neural codec: EnCodec at 24 kHz, if no other is named.
    ///
    /// Sound of any rate is brought to the codec's as torchaudio does it. Files that are done are passed over, those that cannot be used are named.
    Encode(EncodeArguments),
    /// Make sound of codes: of EnCodec at 24 kHz, if no other codec is named.
    Decode(DecodeArguments),
    /// Cut, repeat, join and mix files of codes.
    ///
    /// Text and phonemes are left out of what is written, since they are those of the whole.
    #[command(subcommand)]
    Codes(CodesVerb),
    /// Write down what is said in a folder of sound files, sentence by sentence, with Whisper (in builds with the feature `transcribe`).
    ///
    /// A speaker's files, GROUP/SPEAKER/NAME.wav, have their transcripts in GROUP/SPEAKER/whisper.json. Files that are done are passed over, those
    /// that cannot be used are named. The command may be stopped and given again; several processes share the work with `--part 1/4`, `--part 2/4`
    /// and so on.
    Transcribe(TranscribeArguments),
    /// Tell what is known of the utterances in a folder of codes: text, phonemes, language and length, a JSON file for each speaker.
    Metadata(MetadataArguments),
    /// Make a data set of codes of recordings with transcripts, cut into utterances where asked for, with texts and phonemes.
    ///
    /// What is there is not made again, so the command may be stopped and given again. Files that cannot be used are named and left out. Several
    /// processes share the work with `--part 1/4`, `--part 2/4` and so on; `dataset.json` and `missing.json` tell of what all of them have seen.
    Process(ProcessArguments),
    /// Find out which utterances of a speaker are alike, for `similar` in the metadata: indices of a speaker's utterances, the most similar first.
    ///
    /// Utterances are compared by the cosine of their features. An utterance is not similar to itself, nor are slices of one recording, which overlap.
    Similar(SimilarArguments),
}

#[derive(Debug, Args)]
pub struct FeaturesArguments {
    #[command(flatten)]
    pub request: Request,
    /// Only this part of the clips, of so many: one of several processes.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = part)]
    pub part: Part,
    /// Threads; one per core.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

/// One of several parts, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub index: usize,
    pub of: usize,
}

/// `I/N`, counted from 1.
pub(super) fn part(text: &str) -> Result<Part, String> {
    let numbers = text.split_once('/').and_then(|(at, of)| Some((at.parse().ok()?, of.parse().ok()?)));
    match numbers {
        Some((at, of)) if (1..=of).contains(&at) => Ok(Part { index: at - 1, of }),
        _ => Err("it must be a part of so many, as 1/4 or 4/4".to_owned()),
    }
}

#[derive(Debug, Args)]
pub struct StatsArguments {
    /// The folder, with all folders in it.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Draw it, too, into this file (SVG).
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Threads; one per core.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
pub struct StatisticsArguments {
    #[command(flatten)]
    pub request: Request,
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
