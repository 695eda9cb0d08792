//! `[model.*]`: what learns. One table per family of models; an experiment names exactly one.

mod codec_lm;
mod diffwave_sashimi;
mod keyword;
mod sashimi;
mod speaker;
mod ssamba;
mod tacomamba;
mod wav2vec2;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use codec_lm::{CodePattern, CodecLm, CodecName, CodedText, PhonemeLanguage};
pub use diffwave_sashimi::DiffwaveSashimi;
pub use keyword::Keyword;
pub use sashimi::{
    BlockNorm, Discretization, KernelLength, Measure, Quantizer, Sashimi, StateMatrix, StateSpace, UnetSkips,
};
pub use speaker::{Speaker, SpeakerEncoder};
pub use ssamba::{
    AttentionScores, BimambaType, ClassToken, Filterbank, PatchTask, Patches, Pretext, Scene, Ssamba, Ssast,
};
pub use tacomamba::{MelScaling, Scan, SpeechDesign, SpeechMixer, Tacomamba, TextCleaners};
pub use wav2vec2::{FeatExtractNorm, Pooling, Wav2vec2};

/// What learns.
///
/// The choice is the name of the table, so a file that names another model than the layer below replaces it whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Model {
    /// A wav2vec2 encoder with a CTC head and, if asked, classifier heads; attention or bidirectional Mamba inside.
    #[serde(rename = "wav2vec2")]
    Wav2vec2(Wav2vec2),
    /// A classifier of short clips: log-mel energies and bidirectional Mamba-2 layers.
    #[serde(rename = "keyword")]
    Keyword(Keyword),
    /// A classifier of speakers: log-mel energies and Mamba layers, or what these are compared with.
    #[serde(rename = "speaker")]
    Speaker(Speaker),
    /// SaShiMi: S4 layers at several rates that tell a waveform's next sample from those before it, and so make sound.
    #[serde(rename = "sashimi")]
    Sashimi(Sashimi),
    /// DiffWave with SaShiMi inside: makes sound out of noise, all samples at once, in some hundred steps.
    #[serde(rename = "diffwave_sashimi")]
    DiffwaveSashimi(DiffwaveSashimi),
    /// SSAMBA: patches of a spectrogram through bidirectional Mamba layers, pre-trained on masked patches or classifying.
    #[serde(rename = "ssamba")]
    Ssamba(Ssamba),
    /// SSAST: the same through a vision transformer.
    #[serde(rename = "ssast")]
    Ssast(Ssast),
    /// TacoMamba: text to speech.
    #[serde(rename = "tacomamba")]
    Tacomamba(Tacomamba),
    /// A language model of sound: text in, codes of a codec out.
    #[serde(rename = "codec_lm")]
    CodecLm(CodecLm),
}

impl Model {
    /// Where the first weights come from, as written; `None` for a family that is always drawn.
    pub fn pretrained(&self) -> Option<&String> {
        match self {
            Self::Wav2vec2(model) => Some(&model.pretrained),
            Self::Sashimi(model) => Some(&model.pretrained),
            Self::DiffwaveSashimi(model) => Some(&model.pretrained),
            Self::Ssamba(model) => Some(&model.pretrained),
            Self::Ssast(model) => Some(&model.pretrained),
            Self::Keyword(_) | Self::Speaker(_) | Self::Tacomamba(_) | Self::CodecLm(_) => None,
        }
    }

    /// The same, to be written anew.
    pub fn pretrained_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Wav2vec2(model) => Some(&mut model.pretrained),
            Self::Sashimi(model) => Some(&mut model.pretrained),
            Self::DiffwaveSashimi(model) => Some(&mut model.pretrained),
            Self::Ssamba(model) => Some(&mut model.pretrained),
            Self::Ssast(model) => Some(&mut model.pretrained),
            Self::Keyword(_) | Self::Speaker(_) | Self::Tacomamba(_) | Self::CodecLm(_) => None,
        }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::Wav2vec2(Wav2vec2::default())
    }
}
