//! A language model of sound: every size known.

use serde::Serialize;

use super::{Body, Family, MixerPlan, ModelPlan, Pretrained, divides};
use crate::config::CodecLm;
pub use crate::config::{CodePattern, CodecName, CodedText, PhonemeLanguage};
use crate::plan::Problem;

/// What a codec has, which `task` holds to it.
struct Sizes {
    rate_hz: u32,
    hop_samples: usize,
    codebook_size: usize,
    /// Levels at most.
    levels: usize,
}

fn sizes(codec: CodecName) -> Sizes {
    let (rate_hz, hop_samples, codebook_size, levels) = match codec {
        CodecName::Cepstral => (16_000, 256, 1_000, 8),
        CodecName::Encodec => (24_000, 320, 1_024, 32),
        CodecName::Dac => (44_100, 512, 1_024, 9),
        CodecName::Nemo => (44_100, 512, 1_000, 8),
    };
    Sizes { rate_hz, hop_samples, codebook_size, levels }
}

/// Symbols of English speech synthesis with an end and a beginning, to a multiple of eight.
const CHARACTERS: usize = 152;
/// Ids of phonemes.
const PHONEMES: usize = 256;

/// A causal stack over texts and codes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CodecLmPlan {
    pub codec: CodecName,
    /// Its weights, where they are not the published ones.
    pub codec_weights: Option<String>,
    /// Levels of codes that are told.
    pub levels: usize,
    /// Codes of a level.
    pub codebook_size: usize,
    pub rate_hz: u32,
    /// Samples of a frame of codes.
    pub hop_samples: usize,
    /// Whether each level is told a frame later than the one before.
    pub delays: bool,
    pub text: CodedText,
    /// Symbols that there are.
    pub symbols: usize,
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

impl CodecLmPlan {
    /// Frames of codes of `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        // The cepstral codec's first frame has its middle at the first sample.
        usize::from(self.codec == CodecName::Cepstral) + samples.div_ceil(self.hop_samples)
    }

    /// Levels of codes that are made of sound: all that the cepstral codec has, so that what is kept serves any number of them.
    pub fn kept_levels(&self) -> usize {
        match self.codec {
            CodecName::Cepstral => sizes(self.codec).levels,
            _ => self.levels,
        }
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
    let codec = sizes(c.codec);
    if rate_hz != codec.rate_hz {
        let message = format!("the codec takes sound of {} Hz, not of {rate_hz}", codec.rate_hz);
        let help = format!("set `sr = {}`; recordings of other rates are resampled", codec.rate_hz);
        wrong("data.sr", message, &help);
    }
    if c.levels > codec.levels {
        let message = format!("the codec has {} levels, not {}", codec.levels, c.levels);
        wrong("model.codec_lm.levels", message, "choose fewer");
    }
    if c.codec == CodecName::Cepstral && c.codec_weights.is_some() {
        let message = "the cepstral codec has no weights".to_owned();
        wrong("model.codec_lm.codec_weights", message, "leave it out, or choose another `codec`");
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
        codec: c.codec,
        codec_weights: c.codec_weights.clone(),
        levels: c.levels,
        codebook_size: codec.codebook_size,
        rate_hz,
        hop_samples: codec.hop_samples,
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
