//! `runner data`: what makes tokens of text and of sound.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::data::{Part, part};
use super::process::positive;
use crate::cli::completions;
use crate::codec::Backend;
use crate::text::g2p;

/// Who reads a text aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum G2pBackend {
    /// The espeak-ng program.
    Espeak,
    /// espeak-ng's rules in Rust, in builds with the feature `espeak`: no program is needed.
    BuiltIn,
    /// Nobody: characters are taken for phonemes.
    Characters,
}

impl G2pBackend {
    /// The same with the program that is asked for.
    pub fn backend(self, espeak: &Path) -> g2p::Backend {
        match self {
            G2pBackend::Espeak => g2p::Backend::Espeak(espeak.to_owned()),
            G2pBackend::BuiltIn => g2p::Backend::BuiltIn,
            G2pBackend::Characters => g2p::Backend::Characters,
        }
    }
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

/// Whose codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AudioBackend {
    /// EnCodec at 24 kHz.
    Encodec,
    /// The Descript Audio Codec.
    Dac,
    /// Vocos, which decodes EnCodec's codes; EnCodec makes them.
    Vocos,
    /// NeMo's codec at 44.1 kHz, with finite scalar quantisation.
    Nemo,
    /// Rounded cepstra at 16 kHz, which need no weights; their files are of the safetensors form.
    Cepstral,
}

impl From<AudioBackend> for Backend {
    fn from(name: AudioBackend) -> Self {
        match name {
            AudioBackend::Encodec => Backend::Encodec,
            AudioBackend::Dac => Backend::Dac,
            AudioBackend::Vocos => Backend::Vocos,
            AudioBackend::Nemo => Backend::Nemo,
            AudioBackend::Cepstral => Backend::Cepstral,
        }
    }
}

/// Which codec.
#[derive(Debug, Args)]
pub struct CodecArguments {
    /// The codec.
    #[arg(long, value_enum, default_value = "encodec")]
    pub audio_backend: AudioBackend,
    /// The codec's weights instead of the published ones: a name at Hugging Face, a folder, or a file.
    #[arg(long, value_name = "NAME")]
    pub weights: Option<String>,
}

impl CodecArguments {
    /// The codec by its name.
    pub fn backend(&self) -> Backend {
        self.audio_backend.into()
    }
}

#[derive(Debug, Args)]
pub struct EncodeArguments {
    /// Sound files: wav, flac, ogg or sph.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The folder for the codes, NAME.enc for NAME.wav.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    #[command(flatten)]
    pub codec: CodecArguments,
    /// The bandwidth, which says how many levels there are: of EnCodec by default 6, which is eight levels of the published model, of DAC by default all.
    #[arg(long, value_name = "KBPS")]
    pub bandwidth: Option<f64>,
    /// Write safetensors files instead of numpy's.
    #[arg(long)]
    pub safetensors: bool,
    /// Pass over recordings that last longer: they are in memory whole. `runner data process` codes longer ones in the pieces of their transcripts.
    #[arg(long, value_name = "SECS", value_parser = positive, default_value_t = 3_600.0)]
    pub max_duration: f64,
    /// Make codes that are there already once more.
    #[arg(long)]
    pub again: bool,
}

#[derive(Debug, Args)]
pub struct DecodeArguments {
    /// Files of codes: NAME.enc, or NAME.safetensors, with codes of that codec.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The folder for the sound, NAME.wav for NAME.enc.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    #[command(flatten)]
    pub codec: CodecArguments,
    /// Decode these many levels alone, the coarsest.
    #[arg(long, value_name = "N")]
    pub levels: Option<usize>,
    /// Make sound that is there already once more.
    #[arg(long)]
    pub again: bool,
}

/// What is done to codes.
#[derive(Debug, Subcommand)]
pub enum CodesVerb {
    /// Keep the first seconds of an utterance, the last, or any.
    Trim {
        #[command(flatten)]
        one: OneUtterance,
        /// So many; negative ones are the last.
        #[arg(long, value_name = "SECS", allow_negative_numbers = true)]
        seconds: f64,
        /// Take them from a place that this seed draws.
        #[arg(long, value_name = "SEED")]
        random: Option<u64>,
    },
    /// Repeat an utterance until it is long enough, and cut it there.
    Repeat {
        #[command(flatten)]
        one: OneUtterance,
        /// How long.
        #[arg(long, value_name = "SECS")]
        seconds: f64,
    },
    /// Put silence around an utterance, half in front and half behind.
    Pad {
        #[command(flatten)]
        one: OneUtterance,
        /// How much in all.
        #[arg(long, value_name = "SECS", default_value_t = 1.0)]
        seconds: f64,
    },
    /// Make silence.
    Silence {
        /// The file of codes to write.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// How long.
        #[arg(long, value_name = "SECS")]
        seconds: f64,
        /// The codec.
        #[arg(long, value_enum, default_value = "encodec")]
        audio_backend: AudioBackend,
    },
    /// Put utterances one after the other.
    Concat {
        /// Files of codes of one codec.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The file of codes to write.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Put this one between any two.
        #[arg(long, value_name = "FILE")]
        between: Option<PathBuf>,
    },
    /// Mix utterances: decode them, take the mean, and make codes of that.
    Mix {
        /// Files of codes of one codec.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The file of codes to write.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Make the mean so many times as loud.
        #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
        scale: f32,
        #[command(flatten)]
        codec: CodecArguments,
        /// The bandwidth of the codes to write.
        #[arg(long, value_name = "KBPS")]
        bandwidth: Option<f64>,
    },
}

#[derive(Debug, Args)]
pub struct OneUtterance {
    /// The file of codes.
    pub file: PathBuf,
    /// The file of codes to write.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
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
    /// Pass over recordings that last longer: they are in memory whole.
    #[arg(long, value_name = "SECS", value_parser = positive, default_value_t = 14_400.0)]
    pub max_duration: f64,
    /// Transcribe files that have their transcript already once more.
    #[arg(long)]
    pub again: bool,
    /// Threads; one per core.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}
