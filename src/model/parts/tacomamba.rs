//! The parts of a model of speech.

use super::{Part, Parts, Stage, Step, mixer_name, mixing, mixing_ahead};
use crate::model::tacomamba::TABLE;
use crate::model::{PrefixSpeech, Tacomamba};
use crate::plan::DroppedLayers;

/// Symbols that a second of speech has, roughly: what a text's part of memory is foreseen by.
const SYMBOLS_PER_SEC: f64 = 16.0;

impl Parts for Tacomamba {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let plan = self.plan();
        let frames = plan.mel.frames(samples);
        let symbols = (samples as f64 / f64::from(plan.mel.rate_hz) * SYMBOLS_PER_SEC) as usize;
        let (text, wide, mel) = ([symbols, plan.width], [frames, plan.width], [frames, plan.mel.bands]);
        let both = mixer_name(plan.mixer);
        let one = both.trim_start_matches("bidirectional ").to_owned();
        let mut parts = vec![Part::new("encoder.embedding", format!("embedding of {TABLE} symbols"), text)];
        parts.extend(
            (0..plan.encoder_convs).map(|at| Part::new(format!("encoder.convs.{at}"), "conv × 5", text)),
        );
        let mixer = if plan.bidirectional { &both } else { &one };
        parts.extend(
            (0..plan.encoder_layers).map(|at| Part::new(format!("encoder.layers.{at}"), &**mixer, text)),
        );
        parts.push(Part::new("encoder.norm", "rms norm", text));
        if let Some(speakers) = plan.speakers {
            let kind = format!("{} voices", speakers.count);
            parts.push(Part::new("encoder.speaker", kind, [1, plan.width]));
        }
        parts.push(Part::new("mean", "mean frame of a symbol", [symbols, plan.mel.bands]));
        parts.push(Part::new("durations", "ln of frames of a symbol", [symbols, 1]));
        if plan.positions {
            parts.push(Part::new("decoder.position", "place in its symbol", wide));
        }
        if plan.prenet.is_some() {
            parts.push(Part::new("decoder.prenet", "the frame before", wide));
        }
        parts.extend(
            (0..plan.decoder_layers).map(|at| Part::new(format!("decoder.layers.{at}"), &*one, wide)),
        );
        parts.push(Part::new("decoder.norm", "rms norm", wide));
        parts.push(Part::new("decoder.out", "mel frame", mel));
        if plan.postnet.is_some() {
            parts.push(Part::new("postnet", "5 × conv × 5, tanh", mel));
        }
        parts
    }

    /// Text, then frames: what a layer keeps is counted by its kind.
    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (plan, learning) = (self.plan(), step.learning);
        let frames = step.samples / plan.mel.hop_samples as f64;
        let symbols = step.samples / f64::from(plan.mel.rate_hz) * SYMBOLS_PER_SEC;
        let (text, wide, mel) =
            (plan.width as f64 * symbols, plan.width as f64 * frames, plan.mel.bands as f64 * frames);
        let plain =
            |params: f64, kept: f64| Stage { params, kept, made: 1.5 * kept, under_way: kept, owed: 0.0 };
        let mut stages = vec![plain(learning("encoder.embedding") + learning("encoder.speaker"), text)];
        for at in 0..plan.encoder_convs {
            // What the convolution sees, makes, and what is left of that.
            stages.push(plain(learning(&format!("encoder.convs.{at}.")), 3.5 * text));
        }
        for at in 0..plan.encoder_layers {
            let walk = if plan.bidirectional { mixing } else { mixing_ahead };
            let params = learning(&format!("encoder.layers.{at}."));
            stages.push(Stage { params, ..walk(plan.width, plan.mixer, symbols) });
        }
        let told = learning("mean") + learning("durations");
        stages.push(plain(told, text + 6.0 * plan.duration_width as f64 * symbols));
        let before = plan.prenet.map_or(0.0, |layers| heard_before(layers, frames) + mel);
        let first = learning("decoder.prenet") + learning("decoder.position");
        stages.push(plain(first, before + wide));
        for at in 0..plan.decoder_layers {
            let params = learning(&format!("decoder.layers.{at}."));
            stages.push(Stage { params, ..mixing_ahead(plan.width, plan.mixer, frames) });
        }
        stages.push(plain(learning("decoder.norm") + learning("decoder.out"), wide));
        if let Some(layers) = plan.postnet {
            // Of each of five convolutions its input, what the norm sees, and what tanh makes; the first begins and the last ends with bands.
            let kept = 12.0 * layers.width as f64 * frames + 2.0 * mel;
            stages.push(plain(learning("postnet"), kept));
        }
        stages
    }
}

impl Parts for PrefixSpeech {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let plan = self.plan();
        let frames = plan.mel.frames(samples);
        let symbols = (samples as f64 / f64::from(plan.mel.rate_hz) * SYMBOLS_PER_SEC) as usize;
        let both = [symbols + frames, plan.width];
        let mixer = mixer_name(plan.mixer);
        let mixer = mixer.trim_start_matches("bidirectional ");
        let mut parts =
            vec![Part::new("embedding", format!("embedding of {TABLE} symbols"), [symbols, plan.width])];
        parts.push(Part::new("kinds", "symbol or frame", [2, plan.width]));
        if let Some(speakers) = plan.speakers {
            parts.push(Part::new("speaker", format!("{} voices", speakers.count), [1, plan.width]));
        }
        parts.push(Part::new("decoder.prenet", "the frame before", [frames, plan.width]));
        parts.extend(
            (0..plan.decoder_layers).map(|at| Part::new(format!("decoder.layers.{at}"), mixer, both)),
        );
        parts.push(Part::new("decoder.norm", "rms norm", both));
        parts.push(Part::new("decoder.out", "mel frame", [frames, plan.mel.bands]));
        parts.push(Part::new("stop", "whether it is the last", [frames, 1]));
        parts
    }

    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (plan, learning) = (self.plan(), step.learning);
        let frames = step.samples / plan.mel.hop_samples as f64;
        let rows = frames + step.samples / f64::from(plan.mel.rate_hz) * SYMBOLS_PER_SEC;
        let wide = plan.width as f64 * rows;
        let plain =
            |params: f64, kept: f64| Stage { params, kept, made: 1.5 * kept, under_way: kept, owed: 0.0 };
        let before = plan.prenet.map_or(0.0, |layers| heard_before(layers, frames));
        let first =
            learning("embedding") + learning("kinds") + learning("speaker") + learning("decoder.prenet");
        // Frames with their kind, and rows of both kinds in each sequence's order.
        let mut stages = vec![plain(first, before + plan.width as f64 * frames + wide)];
        for at in 0..plan.decoder_layers {
            let params = learning(&format!("decoder.layers.{at}."));
            stages.push(Stage { params, ..mixing_ahead(plan.width, plan.mixer, rows) });
        }
        let last = learning("decoder.norm") + learning("decoder.out") + learning("stop");
        stages.push(plain(last, 0.0));
        stages
    }
}

/// What is kept of two layers over the frame before: what ReLU makes, and what dropout leaves of it.
fn heard_before(layers: DroppedLayers, frames: f64) -> f64 {
    4.0 * layers.width as f64 * frames
}
