//! Text to speech with Mamba: every size known.

use serde::Serialize;

use super::{Body, Family, MixerPlan, ModelPlan, Pretrained, divides};
pub use crate::config::{MelScaling, TextCleaners};
use crate::config::{Scan, SpeechDesign, SpeechMixer, Tacomamba};
use crate::plan::Problem;

/// The mel spectrogram that is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeechMelPlan {
    pub rate_hz: u32,
    pub scaling: MelScaling,
    pub n_fft: usize,
    pub window_samples: usize,
    pub hop_samples: usize,
    pub bands: usize,
    pub low_hz: f64,
    pub high_hz: f64,
    /// The model sees (mel − mean) / scale.
    pub mean: f64,
    pub scale: f64,
}

impl SpeechMelPlan {
    /// Frames of `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        1 + samples / self.hop_samples
    }
}

/// Layers that something goes through, and what drops behind them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DroppedLayers {
    pub width: usize,
    pub dropout: f32,
}

/// Voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SpeakersPlan {
    pub count: usize,
    pub width: usize,
}

/// Encoder of text, durations, decoder of mel frames.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TacomambaPlan {
    pub mel: SpeechMelPlan,
    pub cleaners: TextCleaners,
    pub blanks: bool,
    pub width: usize,
    pub mixer: MixerPlan,
    /// Whether mixers scan step by step.
    #[serde(skip_serializing_if = "is_false")]
    pub simple_scan: bool,
    /// Whether the encoder walks both ways.
    pub bidirectional: bool,
    pub encoder_convs: usize,
    pub encoder_layers: usize,
    pub decoder_layers: usize,
    /// Whether a frame knows where in its token it is.
    pub positions: bool,
    /// What the frame before goes through, where it is heard.
    pub prenet: Option<DroppedLayers>,
    pub duration_width: usize,
    /// Whether one stack has text and frames.
    #[serde(skip_serializing_if = "is_false")]
    pub prefix: bool,
    pub postnet: Option<DroppedLayers>,
    pub dropout: f32,
    pub speakers: Option<SpeakersPlan>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Family for TacomambaPlan {
    fn name(&self) -> &'static str {
        "tacomamba"
    }

    fn frames(&self, samples: usize) -> usize {
        self.mel.frames(samples)
    }

    fn min_samples(&self) -> usize {
        // Half a transform is reflected at either end.
        self.mel.n_fft / 2 + 1
    }

    fn has_fixed_front(&self) -> bool {
        true
    }

    fn speakers(&self) -> usize {
        self.speakers.map_or(0, |speakers| speakers.count)
    }

    fn drops(&self) -> Vec<(&'static str, f64)> {
        let of = |layers: Option<DroppedLayers>| layers.map_or(0.0, |layers| f64::from(layers.dropout));
        vec![
            ("dropout in encoder and durations", f64::from(self.dropout)),
            ("dropout of the frame before", of(self.prenet)),
            ("dropout in the postnet", of(self.postnet)),
        ]
    }
}

/// The model of a `[model.tacomamba]` for sound of `rate_hz`, and what is wrong with it.
pub(super) fn tacomamba_model(t: &Tacomamba, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    check_mel(t, rate_hz, problems);
    for (key, rate) in
        [("dropout", t.dropout), ("prenet_dropout", t.prenet_dropout), ("postnet_dropout", t.postnet_dropout)]
    {
        if rate >= 1.0 {
            let message = format!("a dropout of {rate} leaves nothing");
            problems.push(Problem::new(&format!("model.tacomamba.{key}"), message, "choose a rate below 1"));
        }
    }
    let inner = t.expand * t.width;
    if t.mixer == SpeechMixer::Mamba2 {
        divides(t.headdim, inner, "model.tacomamba.headdim", "expand × width", problems);
    }
    let (taps, aligned, prefix) = (4, t.design == SpeechDesign::Aligned, t.design == SpeechDesign::Prefix);
    let mixer = match t.mixer {
        SpeechMixer::Mamba1 => {
            let rank = t.width.div_ceil(16);
            MixerPlan::Mamba1 { inner, state: t.d_state, taps, rank, residual_inside: false }
        }
        SpeechMixer::Mamba2 => MixerPlan::Mamba2 {
            inner,
            head_dim: t.headdim,
            state: t.d_state,
            taps,
            chunk: 64,
            residual_inside: false,
        },
    };
    let layers = |wanted: bool, width: usize, dropout: f64| {
        wanted.then_some(DroppedLayers { width, dropout: dropout as f32 })
    };
    let plan = TacomambaPlan {
        mel: SpeechMelPlan {
            rate_hz,
            scaling: t.mel,
            n_fft: t.n_fft,
            window_samples: t.window_samples,
            hop_samples: t.hop_samples,
            bands: t.n_mels,
            low_hz: t.low_hz,
            high_hz: t.high_hz,
            mean: t.mel_mean,
            scale: t.mel_scale,
        },
        cleaners: t.cleaners,
        blanks: t.blanks,
        width: t.width,
        mixer,
        simple_scan: t.scan == Scan::Simple,
        bidirectional: aligned,
        encoder_convs: if aligned { t.encoder_convs } else { 0 },
        encoder_layers: if prefix { 0 } else { t.encoder_layers },
        decoder_layers: t.decoder_layers,
        positions: aligned,
        prenet: layers(prefix || aligned && t.autoregressive, t.prenet_width, t.prenet_dropout),
        duration_width: if prefix { 0 } else { t.duration_width },
        prefix,
        postnet: layers(aligned && t.postnet_width > 0, t.postnet_width, t.postnet_dropout),
        dropout: if prefix { 0.0 } else { t.dropout as f32 },
        speakers: (t.speakers > 0).then_some(SpeakersPlan { count: t.speakers, width: t.speaker_width }),
    };
    ModelPlan { pretrained: Pretrained::None, body: Body::Tacomamba(Box::new(plan)) }
}

/// Whether there is such a spectrogram.
fn check_mel(t: &Tacomamba, rate_hz: u32, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, help: String| {
        problems.push(Problem::new(&format!("model.tacomamba.{key}"), message, help));
    };
    if t.n_fft % 2 == 1 {
        let message = format!("a transform of {} samples is not even", t.n_fft);
        wrong("n_fft", message, format!("set `n_fft = {}`", t.n_fft + 1));
    }
    if t.window_samples > t.n_fft {
        let message =
            format!("a window of {} samples does not fit into a transform of {}", t.window_samples, t.n_fft);
        wrong("window_samples", message, format!("set `window_samples = {}` or less", t.n_fft));
    }
    if t.hop_samples > t.window_samples {
        let message = format!(
            "frames {} samples apart leave sound between windows of {} unheard",
            t.hop_samples, t.window_samples
        );
        wrong("hop_samples", message, format!("set `hop_samples = {}` or less", t.window_samples));
    }
    let most = f64::from(rate_hz) / 2.0;
    if t.high_hz > most {
        let message = format!(
            "bands reach up to {} Hz, but at {rate_hz} Hz there is nothing above {most} Hz",
            t.high_hz
        );
        wrong("high_hz", message, format!("set `high_hz = {most}`, or raise `sr` in `[data]`"));
    } else if t.low_hz >= t.high_hz {
        let message = format!("bands begin at {} Hz and end at {} Hz", t.low_hz, t.high_hz);
        wrong("low_hz", message, "set `low_hz` below `high_hz`".to_owned());
    }
}
