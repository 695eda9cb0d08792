//! A language model of sound: every size known.

use serde::Serialize;

use super::{Body, Family, MixerPlan, ModelPlan, Pretrained, divides};
use crate::config::CodecLm;
pub use crate::config::{CodePattern, CodedText, PhonemeLanguage};
use crate::plan::Problem;

/// What the codec `cepstral` has, which `task` holds to it.
const RATE_HZ: u32 = 16_000;
const HOP_SAMPLES: usize = 256;
const CODEBOOK_SIZE: usize = 1_000;

/// Symbols of English speech synthesis with an end and a beginning, to a multiple of eight.
const CHARACTERS: usize = 152;
/// Ids of phonemes.
const PHONEMES: usize = 256;

/// A causal stack over texts and codes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CodecLmPlan {
    /// Levels of codes that are told.
    pub levels: usize,
    /// Codes of a level.
    pub codebook_size: usize,
    pub rate_hz: u32,
    /// Samples of a frame of codes.
    pub hop_samples: usize,
    /// Whether each level is told a frame later than the one before.
    pub delays: bool,
    #[serde(serialize_with = "text_name")]
    pub text: CodedText,
    /// Symbols that there are.
    pub symbols: usize,
    #[serde(serialize_with = "language_name")]
    pub language: PhonemeLanguage,
    /// Symbols around a frame's place in its text that are told with it.
    pub cue_symbols: usize,
    /// How long a symbol lasts when sound is made.
    pub frames_per_symbol: f64,
    pub width: usize,
    pub mixer: MixerPlan,
    pub layers: usize,
    pub dropout: f32,
    /// Voices; 0: one, of which nothing is told.
    pub speakers: usize,
}

fn text_name<S: serde::Serializer>(text: &CodedText, serializer: S) -> Result<S::Ok, S::Error> {
    CodedText::serialize(text, serializer)
}

fn language_name<S: serde::Serializer>(language: &PhonemeLanguage, serializer: S) -> Result<S::Ok, S::Error> {
    PhonemeLanguage::serialize(language, serializer)
}

impl CodecLmPlan {
    /// Frames of codes of `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        1 + samples.div_ceil(self.hop_samples)
    }

    /// Steps that it takes to tell so many frames and their end.
    pub fn steps(&self, frames: usize) -> usize {
        frames + if self.delays { self.levels } else { 1 }
    }

    /// What a head scores: the codes of a level, and that there is no more.
    pub fn scores(&self) -> usize {
        self.codebook_size + 1
    }
}

impl Family for CodecLmPlan {
    fn name(&self) -> &'static str {
        "codec_lm"
    }

    fn frames(&self, samples: usize) -> usize {
        CodecLmPlan::frames(self, samples)
    }

    fn has_fixed_front(&self) -> bool {
        true
    }

    fn speakers(&self) -> usize {
        self.speakers
    }

    fn drops(&self) -> Vec<(&'static str, f64)> {
        vec![("dropout behind mixers", f64::from(self.dropout))]
    }

    fn settle(&mut self, _attends: bool) {
        if self.text == CodedText::Characters {
            self.language = PhonemeLanguage::Auto;
        }
        if self.cue_symbols == 0 {
            self.frames_per_symbol = 0.0;
        }
    }
}

/// The model of a `[model.codec_lm]` for sound of `rate_hz`, and what is wrong with it.
pub(super) fn codec_lm_model(c: &CodecLm, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    let mut wrong = |key: &str, message: String, help: &str| {
        problems.push(Problem::new(key, message, help));
    };
    if rate_hz != RATE_HZ {
        let message = format!("the codec takes sound of {RATE_HZ} Hz, not of {rate_hz}");
        wrong("data.sr", message, "set `sr = 16000`; recordings of other rates are resampled");
    }
    if c.cue_symbols > 0 && c.cue_symbols.is_multiple_of(2) {
        let message = format!("{} symbols have none in their middle", c.cue_symbols);
        wrong("model.codec_lm.cue_symbols", message, "choose an odd number, or 0 for none");
    }
    if c.dropout >= 1.0 {
        let message = format!("a dropout of {} leaves nothing", c.dropout);
        wrong("model.codec_lm.dropout", message, "choose a rate below 1");
    }
    let inner = c.expand * c.d_model;
    divides(c.headdim, inner, "model.codec_lm.headdim", "expand × d_model", problems);
    let plan = CodecLmPlan {
        levels: c.levels,
        codebook_size: CODEBOOK_SIZE,
        rate_hz,
        hop_samples: HOP_SAMPLES,
        delays: c.pattern == CodePattern::Delay,
        text: c.text,
        symbols: if c.text == CodedText::Characters { CHARACTERS } else { PHONEMES },
        language: c.language,
        cue_symbols: c.cue_symbols,
        frames_per_symbol: c.frames_per_symbol,
        width: c.d_model,
        mixer: MixerPlan::Mamba2 {
            inner,
            head_dim: c.headdim,
            state: c.d_state,
            taps: 4,
            chunk: 64,
            residual_inside: false,
        },
        layers: c.n_layers,
        dropout: c.dropout as f32,
        speakers: c.speakers,
    };
    ModelPlan { pretrained: Pretrained::None, body: Body::CodecLm(Box::new(plan)) }
}
