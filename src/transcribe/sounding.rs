//! One sound, window by window: where the last words of a window end, the next one begins.

use candle_core::Tensor;

use super::TranscribeError;
use super::book::Transcript;
use super::log_mel::{HOP_SAMPLES, Heard};
use super::pieces::{STEP_SECS, pieces};
use super::sentences::{Segment, sentences};
use super::whisper::{RATE_HZ, Whisper};

/// Seconds of a frame.
const FRAME_SECS: f64 = HOP_SAMPLES as f64 / RATE_HZ as f64;
/// Sentences are no longer than a window of published models.
const MOST_SECS: f64 = 30.0;

/// Tokens of text and times, and when they are said, in seconds of the sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub start: f64,
    pub end: f64,
    pub tokens: Vec<u32>,
}

/// A sound on its way to a transcript.
pub struct Sounding<'a> {
    whisper: &'a Whisper,
    heard: Heard<'a>,
    /// Frames that have sound.
    frames: usize,
    secs: f64,
}

impl<'a> Sounding<'a> {
    pub fn new(whisper: &'a Whisper, samples: &'a [f32]) -> Self {
        Sounding {
            whisper,
            heard: whisper.log_mel.hear(samples),
            frames: samples.len().div_ceil(HOP_SAMPLES),
            secs: samples.len() as f64 / f64::from(RATE_HZ),
        }
    }

    /// See [`Whisper::transcribe`]. What would begin behind the end is none of the sound.
    pub fn transcript(
        &self,
        language: Option<&str>,
        goes_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Transcript, TranscribeError> {
        let encoded = self.encoded(0)?;
        let (asked, language) = self.whisper.asked(language, &encoded)?;
        let mut said = self.said(&asked, Some(encoded), goes_on)?;
        said.retain(|said| said.start < self.secs);
        let segment =
            |Said { start, end, tokens }| Segment { start, end, text: self.whisper.words.text(&tokens) };
        let segments: Vec<Segment> = said.into_iter().map(segment).collect();
        let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
        Ok(Transcript {
            segments: sentences(segments, MOST_SECS),
            language,
            text: text.trim().to_owned(),
            secs: self.secs,
        })
    }

    /// What is said, as the model cuts it; `encoded` is the first window, where it is there already.
    pub fn said(
        &self,
        asked: &[u32],
        mut encoded: Option<Tensor>,
        goes_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Vec<Said>, TranscribeError> {
        let (mut said, mut first) = (Vec::new(), 0);
        while first < self.frames {
            let window = self.window_frames().min(self.frames - first);
            let encoded = encoded.take().map_or_else(|| self.encoded(first), Ok)?;
            let from_secs = first as f64 * FRAME_SECS;
            let going = &mut || goes_on(from_secs);
            let decoded = self.whisper.decoding().decode(&encoded, asked, first as u64, going)?;
            if decoded.is_silent() {
                first += window;
                continue;
            }
            let (pieces, heard) = pieces(&decoded.tokens, self.whisper.words.first_timestamp, window);
            said.extend(pieces.into_iter().map(|piece| Said {
                start: self.within(from_secs + piece.start as f64 * STEP_SECS),
                end: self.within(from_secs + piece.end as f64 * STEP_SECS),
                tokens: piece.tokens,
            }));
            first += heard;
        }
        Ok(said)
    }

    /// A time, to the hundredth of a second, and no later than the sound.
    fn within(&self, secs: f64) -> f64 {
        ((secs * 100.0).round() / 100.0).min(self.secs)
    }

    fn window_frames(&self) -> usize {
        self.whisper.sizes.window_frames()
    }

    /// The window from that frame on. A sound that is shorter than a window has silence behind it, as those had that the model learned from; behind
    /// the window, and behind a longer sound, are zeros, as in transformers.
    fn encoded(&self, first: usize) -> Result<Tensor, TranscribeError> {
        let all = self.window_frames();
        let known = all.min(self.frames.max(all).saturating_sub(first));
        let mel = self.heard.window(first, known, all);
        Ok(self.whisper.network.encoder.forward(mel, self.whisper.log_mel.bands())?)
    }
}
