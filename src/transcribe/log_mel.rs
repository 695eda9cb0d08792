//! The front end: logarithms of energies in bands of the mel scale, a frame for every 10 ms.

use super::TranscribeError;
use super::whisper::RATE_HZ;
use crate::audio::features::{MelScale, MelSizes, MelSpectrogram};

/// Samples under the transform.
const WINDOW_SAMPLES: usize = 400;
/// Samples from one frame to the next.
pub const HOP_SAMPLES: usize = 160;
/// Energies are this at least.
const LEAST_ENERGY: f32 = 1e-10;
/// What is this much softer than the loudest band of the sound, in logarithms to base 10, is as good as silent.
const RANGE: f32 = 8.0;
/// Frames whose energies are at hand at a time, where only the loudest is looked for.
const BLOCK_FRAMES: usize = 3_000;

/// The front end of a model.
#[derive(Debug)]
pub struct LogMel {
    mel: MelSpectrogram,
}

/// A sound, of which windows are wanted.
#[derive(Debug)]
pub struct Heard<'a> {
    mel: &'a MelSpectrogram,
    samples: &'a [f32],
    /// The logarithm of the loudest band of all frames.
    loudest: f32,
}

impl LogMel {
    /// The front end of so many bands.
    ///
    /// # Errors
    /// There are none.
    pub fn new(bands: usize) -> Result<Self, TranscribeError> {
        let sizes = MelSizes {
            n_fft: WINDOW_SAMPLES,
            window_samples: WINDOW_SAMPLES,
            hop_samples: HOP_SAMPLES,
            n_mels: bands,
            scale: MelScale::Slaney,
            area_norm: true,
            centre: None,
            ..MelSizes::torchaudio(RATE_HZ)
        };
        Ok(LogMel { mel: MelSpectrogram::new(&sizes)? })
    }

    /// Bands of a frame.
    pub fn bands(&self) -> usize {
        self.mel.n_mels()
    }

    /// A sound at [`RATE_HZ`], its loudest band looked for.
    pub fn hear<'a>(&'a self, samples: &'a [f32]) -> Heard<'a> {
        let mut heard = Heard { mel: &self.mel, samples, loudest: LEAST_ENERGY.log10() };
        let frames = samples.len().div_ceil(HOP_SAMPLES);
        for first in (0..frames).step_by(BLOCK_FRAMES) {
            let block = heard.logarithms(first, BLOCK_FRAMES.min(frames - first));
            heard.loudest = block.into_iter().fold(heard.loudest, f32::max);
        }
        heard
    }
}

impl Heard<'_> {
    /// A window: `known` frames from `first` on, where silence follows the sound, and then zeros.
    ///
    /// # Shapes
    /// [frames, bands]
    pub fn window(&self, first: usize, known: usize, frames: usize) -> Vec<f32> {
        let mut window = self.logarithms(first, known);
        for value in &mut window {
            *value = (value.max(self.loudest - RANGE) + 4.0) / 4.0;
        }
        window.resize(frames * self.mel.n_mels(), 0.0);
        window
    }

    /// Logarithms of the energies of frames, whose middle is on their first sample. Before its beginning the sound goes backward.
    fn logarithms(&self, first: usize, frames: usize) -> Vec<f32> {
        if frames == 0 {
            return Vec::new();
        }
        let lead = WINDOW_SAMPLES / 2;
        let from = first * HOP_SAMPLES;
        let until = from + (frames - 1) * HOP_SAMPLES + WINDOW_SAMPLES;
        // All counted from `lead` samples before the sound.
        let sample = |at: usize| self.samples.get(at.abs_diff(lead)).copied().unwrap_or(0.0);
        let seen: Vec<f32> = (from..until).map(sample).collect();
        let mut energies = self.mel.run(&seen);
        energies.iter_mut().for_each(|energy| *energy = energy.max(LEAST_ENERGY).log10());
        energies
    }
}
