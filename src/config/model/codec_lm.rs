//! `[model.codec_lm]`: a language model of sound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language model of sound: one causal stack of Mamba-2 layers over a text and behind it the codes of its sound, frame by frame, each level
/// of codes with a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CodecLm {
    /// The codec whose codes are told; `data.sr` is its rate. Codes that take long to make are worth keeping: `data.feature_cache`.
    pub codec: CodecName,

    /// The codec's weights instead of the published ones: a name at Hugging Face, a folder, or a file.
    pub codec_weights: Option<String>,

    /// Levels of codes that are told, the coarsest first: of `cepstral` and `nemo` up to 8, of `dac` up to 9, of `encodec` up to 32.
    #[schemars(range(min = 1, max = 32))]
    pub levels: usize,

    /// In which order the codes of a frame are told.
    pub pattern: CodePattern,

    /// What a text is told as.
    pub text: CodedText,

    /// In which language texts are read (`text = "phonemes"`).
    pub language: PhonemeLanguage,

    /// An aid: so many symbols around the place that a frame has in its text, if all symbols lasted as long, are told with the frame before; an odd number.
    /// 0 = none: the model has to keep the text in mind, and to find by itself how far it is. In training a text lasts as long as its sound.
    #[schemars(range(max = 31))]
    pub cue_symbols: usize,

    /// How many frames a symbol lasts when sound is made, beginning and end of a text included (`cue_symbols` above 0).
    #[schemars(range(max = 1_000.0), extend("exclusiveMinimum" = 0))]
    pub frames_per_symbol: f64,

    /// Width of the stack.
    #[schemars(range(min = 1, max = 65_536))]
    pub d_model: usize,

    /// Layers.
    #[schemars(range(min = 1, max = 1_024))]
    pub n_layers: usize,

    /// States per channel of a mixer.
    #[schemars(range(min = 1, max = 4_096))]
    pub d_state: usize,

    /// Channels inside a mixer, in widths.
    #[schemars(range(min = 1, max = 64))]
    pub expand: usize,

    /// Channels of a head of a mixer.
    #[schemars(range(min = 1, max = 65_536))]
    pub headdim: usize,

    /// Dropout behind mixers.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dropout: f64,

    /// Voices, told apart by the first label of a line (`data_format = "nltLa"`); 0 = there is one, and nothing is told.
    #[schemars(range(max = 1_048_576))]
    pub speakers: usize,
}

/// A codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodecName {
    /// Cepstra, rounded: no weights; 16,000 Hz, 62.5 frames a second, levels of 1,000 codes that say different things.
    Cepstral,
    /// EnCodec: 24,000 Hz, 75 frames a second, levels of 1,024 codes that refine each other.
    Encodec,
    /// The Descript Audio Codec: 44,100 Hz, 86 frames a second, levels of 1,024 codes that refine each other.
    Dac,
    /// NeMo's codec with finite scalar quantisation: 44,100 Hz, 86 frames a second, levels of 1,000 codes that say different things.
    Nemo,
}

/// In which order the codes of a frame are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodePattern {
    /// All levels at once, each by itself: for levels that say different things of a frame, as those of finite scalar quantisation do.
    Parallel,
    /// Each level a frame later than the one before, whose codes it then knows (MusicGen, arXiv 2306.05284): for levels that refine each other.
    Delay,
}

/// What a text is told as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodedText {
    /// English characters, numbers and abbreviations as words.
    Characters,
    /// Phonemes by the espeak-ng program, as 256 ids.
    Phonemes,
}

/// The language of phonemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PhonemeLanguage {
    /// Detected for each text.
    Auto,
    /// English.
    En,
    /// Japanese.
    Ja,
    /// German.
    De,
    /// French.
    Fr,
    /// Mandarin.
    Zh,
    /// Korean.
    Ko,
}

impl Default for CodecLm {
    fn default() -> Self {
        Self {
            codec: CodecName::Cepstral,
            codec_weights: None,
            levels: 8,
            pattern: CodePattern::Parallel,
            text: CodedText::Phonemes,
            language: PhonemeLanguage::Auto,
            cue_symbols: 0,
            frames_per_symbol: 4.5,
            d_model: 512,
            n_layers: 12,
            d_state: 128,
            expand: 2,
            headdim: 64,
            dropout: 0.1,
            speakers: 0,
        }
    }
}
