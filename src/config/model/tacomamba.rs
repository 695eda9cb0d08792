//! `[model.tacomamba]`: text to speech.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Text to speech with Mamba: a bidirectional encoder of text, durations by monotonic alignment search, an autoregressive decoder of mel frames
/// and a postnet. Sizes default to the recommended ones, 20.9 million parameters with one voice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tacomamba {
    /// How the parts stand together.
    pub design: SpeechDesign,

    /// What mixes frames.
    pub mixer: SpeechMixer,

    /// How mixers scan.
    pub scan: Scan,

    /// Width of encoder and decoder.
    #[schemars(range(min = 1, max = 65_536))]
    pub width: usize,

    /// Convolutions in front of the encoder's mixers (`design = "aligned"`).
    #[schemars(range(max = 1_024))]
    pub encoder_convs: usize,

    /// Layers of the encoder (not `design = "prefix"`).
    #[schemars(range(min = 1, max = 1_024))]
    pub encoder_layers: usize,

    /// Layers of the decoder.
    #[schemars(range(min = 1, max = 1_024))]
    pub decoder_layers: usize,

    /// States per channel of a mixer.
    #[schemars(range(min = 1, max = 4_096))]
    pub d_state: usize,

    /// Channels inside a mixer, in widths.
    #[schemars(range(min = 1, max = 64))]
    pub expand: usize,

    /// Channels of a head (`mixer = "mamba2"`).
    #[schemars(range(min = 1, max = 65_536))]
    pub headdim: usize,

    /// Whether the decoder hears the frame before (`design = "aligned"`). Without, all frames of a sentence are made at once.
    pub autoregressive: bool,

    /// Width of the layers that the frame before goes through.
    #[schemars(range(min = 1, max = 65_536))]
    pub prenet_width: usize,

    /// Dropout behind these layers. It stays on when speech is made: what is heard of the frame before is little, so that an error in it does no harm.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub prenet_dropout: f64,

    /// Width of the layers that tell durations (not `design = "prefix"`).
    #[schemars(range(min = 1, max = 65_536))]
    pub duration_width: usize,

    /// Width of the five convolutions that refine the mel spectrogram (`design = "aligned"`); 0 = there are none.
    #[schemars(range(max = 65_536))]
    pub postnet_width: usize,

    /// Dropout behind these convolutions.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub postnet_dropout: f64,

    /// Dropout behind the encoder's convolutions and the layers that tell durations (not `design = "prefix"`).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dropout: f64,

    /// Voices, told apart by the first label of a line (`data_format = "nltLa"`); 0 = there is one, and nothing is told.
    #[schemars(range(max = 1_048_576))]
    pub speakers: usize,

    /// Width of a voice's vector.
    #[schemars(range(min = 1, max = 65_536))]
    pub speaker_width: usize,

    /// What is done to a text before it is spelt.
    pub cleaners: TextCleaners,

    /// A blank symbol between any two characters.
    pub blanks: bool,

    /// What stands for how much is in a mel band.
    pub mel: MelScaling,

    /// Samples under the Fourier transform, an even number.
    #[schemars(range(min = 2, max = 65_536))]
    pub n_fft: usize,

    /// Samples under the window, at most as many.
    #[schemars(range(min = 1, max = 65_536))]
    pub window_samples: usize,

    /// Samples from one frame to the next.
    #[schemars(range(min = 1, max = 65_536))]
    pub hop_samples: usize,

    /// Mel bands.
    #[schemars(range(min = 1, max = 1_024))]
    pub n_mels: usize,

    /// Where the first band begins.
    #[schemars(range(min = 0.0))]
    pub low_hz: f64,

    /// Where the last band ends, at most half of `data.sr`.
    #[schemars(range(min = 1.0))]
    pub high_hz: f64,

    /// Taken off every mel value before the model sees it, and put back on what it makes.
    pub mel_mean: f64,

    /// What is left is divided by this.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub mel_scale: f64,
}

/// How a model of speech is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeechDesign {
    /// The recommended one: convolutions and mixers in both directions, frames that know where in their token they are, a decoder that hears the frame
    /// before, a postnet.
    Aligned,
    /// The published program's, its defects mended: mixers in one direction, every token's vector repeated for each of its frames, and a decoder over
    /// these, all frames at once.
    Repeat,
    /// An ablation: the decoder's layers over the text and the frames behind it. It has to keep the text in mind, and says itself when a sentence ends.
    Prefix,
}

/// How a mixer's recurrence is computed in training and judging. Both say the same but for rounding; what is generated frame by frame has neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scan {
    /// By our fast kernels.
    Fused,
    /// Step by step as it is written, on one thread and with every state kept: to doubt the others with.
    Simple,
}

/// The mixers of a model of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeechMixer {
    Mamba1,
    Mamba2,
}

/// What is done to a text before it is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextCleaners {
    /// To ASCII, lower case, numbers and abbreviations as words, single spaces.
    English,
    /// To ASCII, lower case, single spaces.
    Transliteration,
    /// Lower case, single spaces.
    Basic,
}

/// What stands for how much is in a mel band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MelScaling {
    /// Logarithms of magnitudes in Slaney's bands: Tacotron 2's, and that of vocoders.
    Log,
    /// Decibels of powers in HTK's bands, none more than 80 below the loudest, divided by 80: the published program's.
    Decibels,
}

impl Default for Tacomamba {
    fn default() -> Self {
        Self {
            design: SpeechDesign::Aligned,
            mixer: SpeechMixer::Mamba1,
            scan: Scan::Fused,
            width: 384,
            encoder_convs: 3,
            encoder_layers: 4,
            decoder_layers: 6,
            d_state: 16,
            expand: 2,
            headdim: 64,
            autoregressive: true,
            prenet_width: 256,
            prenet_dropout: 0.5,
            duration_width: 256,
            postnet_width: 512,
            postnet_dropout: 0.5,
            dropout: 0.1,
            speakers: 0,
            speaker_width: 64,
            cleaners: TextCleaners::English,
            blanks: false,
            mel: MelScaling::Log,
            n_fft: 1024,
            window_samples: 1024,
            hop_samples: 256,
            n_mels: 80,
            low_hz: 0.0,
            high_hz: 8000.0,
            mel_mean: 0.0,
            mel_scale: 1.0,
        }
    }
}
