//! `runner data`: what makes tokens of text and of sound.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::data::{Part, part};
use crate::cli::completions;

/// Who reads a text aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum G2pBackend {
    /// The espeak-ng program.
    Espeak,
    /// Nobody: characters are taken for phonemes.
    Characters,
}

#[derive(Debug, Args)]
pub struct G2pArguments {
    /// A text, in quotes.
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub text: Vec<String>,
    /// A file with a text on each line; `-` is standard input.
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// The language: en, ja, de, fr, zh or ko, or auto to detect it for each text.
    #[arg(long, value_name = "TAG", default_value = "auto")]
    pub language: String,
    /// Who reads.
    #[arg(long, value_enum, default_value = "espeak")]
    pub backend: G2pBackend,
    /// The espeak-ng program, where it is not called so or not on the path.
    #[arg(long, value_name = "PATH", default_value = "espeak-ng")]
    pub espeak: PathBuf,
    /// Leave out punctuation.
    #[arg(long)]
    pub no_punctuation: bool,
    /// Leave out marks of stress.
    #[arg(long)]
    pub no_stress: bool,
    /// Keep a space behind the last word.
    #[arg(long)]
    pub no_strip: bool,
    /// Keep tags such as `(en)` where espeak-ng reads a word in another language.
    #[arg(long)]
    pub keep_language_tags: bool,
    /// Print the ids of the 256-id phoneme vocabulary instead.
    #[arg(long)]
    pub ids: bool,
}

#[derive(Debug, Args)]
pub struct MetadataArguments {
    /// The folder of codes: GROUP/SPEAKER/NAME.enc, .dac, .nem or .safetensors.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The folder for the metadata: GROUP/SPEAKER.json.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

#[derive(Debug, Args)]
pub struct EncodeArguments {
    /// Sound files: wav, flac, ogg or sph.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The folder for the codes, NAME.enc for NAME.wav.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Weights of EnCodec at 24 kHz: a name at Hugging Face, a folder, or a file.
    #[arg(long, value_name = "NAME", default_value = "facebook/encodec_24khz")]
    pub weights: String,
    /// The bandwidth, which says how many levels there are: 0.75 for each of the published model.
    #[arg(long, value_name = "KBPS", default_value_t = 6.0)]
    pub bandwidth: f64,
    /// Write safetensors files instead of numpy's.
    #[arg(long)]
    pub safetensors: bool,
    /// Make codes that are there already once more.
    #[arg(long)]
    pub again: bool,
}

#[derive(Debug, Args)]
pub struct DecodeArguments {
    /// Files of codes: NAME.enc, or NAME.safetensors with codes of EnCodec.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The folder for the sound, NAME.wav for NAME.enc.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Weights of EnCodec at 24 kHz: a name at Hugging Face, a folder, or a file.
    #[arg(long, value_name = "NAME", default_value = "facebook/encodec_24khz")]
    pub weights: String,
    /// Decode these many levels alone, the coarsest.
    #[arg(long, value_name = "N")]
    pub levels: Option<usize>,
    /// Make sound that is there already once more.
    #[arg(long)]
    pub again: bool,
}

#[derive(Debug, Args)]
pub struct TranscribeArguments {
    /// The folder of sound: GROUP/SPEAKER/NAME.wav, or flac, ogg and sph.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The folder for the transcripts: GROUP/SPEAKER/whisper.json.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Weights of Whisper: a name at Hugging Face, or a folder.
    #[arg(long, value_name = "NAME", default_value = "openai/whisper-large-v3", add = ArgValueCompleter::new(completions::models))]
    pub model_name: String,
    /// The language that is spoken, as `en` or `english`, or auto to detect it for each file.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub language: String,
    /// Only this part of the speakers, of so many: one of several processes.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = part)]
    pub part: Part,
    /// Transcribe files that have their transcript already once more.
    #[arg(long)]
    pub again: bool,
    /// Threads; one per core.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}
