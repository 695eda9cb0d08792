//! `runner data process` and `runner data similar`: recordings with transcripts as a data set of codes, and which utterances are alike.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::data::{Part, part};
use super::{CodecArguments, G2pBackend};

/// Whether recordings are cut into the segments of their transcripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SliceChoice {
    /// Where a speaker has one recording alone, and in the groups Audiobooks and LibriVox.
    Auto,
    /// Wherever there are segments.
    True,
    /// Nowhere.
    False,
}

#[derive(Debug, Args)]
pub struct ProcessArguments {
    /// The folder of sound: GROUP/SPEAKER/FILE. A SPEAKER called Noise is one without transcripts.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The folder of transcripts: GROUP/SPEAKER/whisper.json.
    #[arg(long, value_name = "DIR")]
    pub transcripts: PathBuf,
    /// What files of transcripts are called.
    #[arg(long, value_name = "FILE", default_value = "whisper.json")]
    pub transcript_name: PathBuf,
    /// The folder for the codes: 24KHz-encodec/GROUP/SPEAKER/NAME.enc, with the codec's rate and name.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Only speakers of this name.
    #[arg(long, value_name = "NAME")]
    pub speaker: Option<String>,
    #[command(flatten)]
    pub codec: CodecArguments,
    /// The bandwidth, which says how many levels there are: of EnCodec by default 6, which is eight levels of the published model.
    #[arg(long, value_name = "KBPS")]
    pub bandwidth: Option<f64>,
    /// Write safetensors files instead of numpy's.
    #[arg(long)]
    pub safetensors: bool,
    /// Cut recordings into the segments of their transcripts, as NAME_00000, NAME_00001 and so on.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub slice: SliceChoice,
    /// Pass over utterances that last longer: what is coded in one piece is in memory whole.
    #[arg(long, value_name = "SECS", value_parser = positive, default_value_t = 3_600.0)]
    pub max_duration: f64,
    /// Pass over speakers with fewer recordings.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub min_utterances: usize,
    /// Read texts of other languages than en, ja, de, fr, zh and ko as the one of these that they look like, instead of leaving them out.
    #[arg(long)]
    pub strict_languages: bool,
    /// Who reads the texts aloud.
    #[arg(long, value_enum, default_value = "espeak", value_name = "BACKEND")]
    pub g2p: G2pBackend,
    /// The espeak-ng program, where it is not called so or not on the path.
    #[arg(long, value_name = "PATH", default_value = "espeak-ng")]
    pub espeak: PathBuf,
    /// Read the files that are there, and make those once more that are damaged, have too few frames, or codes that are all 0.
    #[arg(long)]
    pub verify_audio: bool,
    /// Pass over speakers whose folder of codes is there.
    #[arg(long)]
    pub skip_existing_folders: bool,
    /// Recordings that are worked on at a time; one for each core. They share the cores, and each stays on one NUMA node of them.
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// Only this part of the speakers, of so many: one of several processes, on this machine or others.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = part)]
    pub part: Part,
}

/// What utterances are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SimilarFeatures {
    /// The mean of 40 cepstra of the sound, as torchaudio's `MFCC` has them.
    Mfcc,
    /// The mean of what the codec's codebooks have for the codes, which needs its weights.
    Codec,
    /// How often each level has each code: for codes without weights.
    Histogram,
    /// What a trained classifier of speakers stands on: `--run`.
    Speaker,
    /// What a trained model of codes holds the codes to stand for, the last level left out: `--run`.
    Response,
    /// What that model has in mind while it hears the codes behind the text that the metadata have: `--run`.
    Hidden,
}

/// What is done to features before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Normalisation {
    /// Nothing.
    None,
    /// Their mean over the utterances that are compared is taken off.
    Mean,
    /// The same, and each is divided by its standard deviation.
    #[value(name = "mean_variance")]
    MeanVariance,
}

/// Whom an utterance is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Across {
    /// The utterances of all speakers.
    Speakers,
}

#[derive(Debug, Args)]
pub struct SimilarArguments {
    /// The folder of metadata: GROUP/SPEAKER.json, whose utterances get a list `similar`.
    #[arg(long, value_name = "DIR")]
    pub metadata: PathBuf,
    /// What utterances are compared by.
    #[arg(long, value_enum, default_value = "mfcc")]
    pub features: SimilarFeatures,
    /// The folder of sound, GROUP/SPEAKER/ID.wav or the like: for mfcc and speaker.
    #[arg(long, value_name = "DIR", conflicts_with = "codes")]
    pub audio: Option<PathBuf>,
    /// The folder of codes, GROUP/SPEAKER/ID.enc or the like: mfcc and speaker decode them where there is no `--audio`.
    #[arg(long, value_name = "DIR")]
    pub codes: Option<PathBuf>,
    #[command(flatten)]
    pub codec: CodecArguments,
    /// The folder of a run, or one of its checkpoints, RUN@best: of a classifier of speakers for speaker, of a model of codes for response and hidden.
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// What is done to features first.
    #[arg(long, value_enum, default_value = "mean_variance", value_name = "HOW")]
    pub normalise: Normalisation,
    /// Compare with the utterances of all speakers, not of the same one alone; metadata stay as they are, `--out` has what was found.
    #[arg(long, value_enum, value_name = "WHAT", requires = "out")]
    pub across: Option<Across>,
    /// So many of the most similar are kept; 0 keeps all.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub top_k: usize,
    /// Only utterances whose cosine is above are similar.
    #[arg(long, value_name = "COSINE", default_value_t = 0.5, allow_negative_numbers = true, value_parser = cosine)]
    pub min_score: f32,
    /// Slices of one recording (NAME_00000, NAME_00001) may be similar to each other.
    #[arg(long)]
    pub same_recording: bool,
    /// Only speakers of this name.
    #[arg(long, value_name = "NAME")]
    pub speaker: Option<String>,
    /// A folder for similarities.json and embeddings.json.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Compare utterances once more that have their lists.
    #[arg(long)]
    pub again: bool,
    /// Threads; one per core.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

/// A time that is one.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    let secs = text.parse::<f64>().map_err(|error| error.to_string())?;
    if secs > 0.0 && secs.is_finite() { Ok(secs) } else { Err("it must be more than 0".into()) }
}

/// A cosine, or what lies below all.
fn cosine(text: &str) -> Result<f32, String> {
    let cosine = text.parse::<f32>().map_err(|error| error.to_string())?;
    if (-2.0..=1.0).contains(&cosine) { Ok(cosine) } else { Err("it must lie between -2 and 1".into()) }
}
