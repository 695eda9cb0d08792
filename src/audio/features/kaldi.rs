//! Kaldi's filterbank, as torchaudio.compliance.kaldi.fbank computes it without dither.

use super::bands::Bands;
use super::bank::Bank;
use super::frames::{Edge, Frames};
use super::{FeatureError, Window};

/// Under the logarithm at least: 2⁻²³.
const LOG_FROM: f32 = f32::EPSILON;

/// What Kaldi's front end is told; [`Default`] has its own values, but 128 bands, and a Hanning window as models of audio use it.
///
/// Kaldi can also add an energy column, warp frequencies (VTLN) and subtract the mean over time. None of the published models here does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KaldiSizes {
    /// Samples per second.
    pub rate_hz: u32,
    /// Under the window.
    pub frame_length_ms: f64,
    /// From one frame to the next.
    pub frame_shift_ms: f64,
    /// The window's shape.
    pub window: Window,
    /// What the sample before is multiplied with and taken off, 0 to 1.
    pub pre_emphasis: f32,
    /// Whether each frame loses its mean first.
    pub remove_dc: bool,
    /// Whether frames are filled up with zeros to the next power of two.
    pub round_to_power_of_two: bool,
    /// Whether frames lie within the sound; else there is one per shift, and the sound is mirrored at its ends.
    pub snip_edges: bool,
    /// Where the first band begins.
    pub low_hz: f64,
    /// Where the last band ends; from 0 down it counts from half the rate.
    pub high_hz: f64,
    /// Bands per frame.
    pub n_mels: usize,
    /// Whether bands weigh powers; else magnitudes.
    pub use_power: bool,
    /// Whether the logarithm is taken, of 2⁻²³ at least.
    pub use_log: bool,
}

impl Default for KaldiSizes {
    fn default() -> Self {
        KaldiSizes {
            rate_hz: 16_000,
            frame_length_ms: 25.0,
            frame_shift_ms: 10.0,
            window: Window::Hanning,
            pre_emphasis: 0.97,
            remove_dc: true,
            round_to_power_of_two: true,
            snip_edges: true,
            low_hz: 20.0,
            high_hz: 0.0,
            n_mels: 128,
            use_power: true,
            use_log: true,
        }
    }
}

/// Kaldi's filterbank: planned once, run by any number of threads.
#[derive(Debug, Clone)]
pub struct KaldiFbank {
    bands: Bands,
    snip_edges: bool,
}

impl KaldiFbank {
    /// Plans transform, window and triangles.
    ///
    /// # Errors
    /// Frames without length or step, bands outside of what the rate carries, pre-emphasis outside of 0 to 1.
    pub fn new(sizes: &KaldiSizes) -> Result<Self, FeatureError> {
        let samples = |ms: f64| (f64::from(sizes.rate_hz) * ms * 0.001) as usize;
        let (len, shift) = (samples(sizes.frame_length_ms), samples(sizes.frame_shift_ms));
        if len < 2 {
            return Err(FeatureError::Frame { samples: len });
        }
        if shift == 0 {
            return Err(FeatureError::Shift { samples: shift });
        }
        if !(0.0..=1.0).contains(&sizes.pre_emphasis) {
            return Err(FeatureError::PreEmphasis { coefficient: sizes.pre_emphasis });
        }
        let transformed = if sizes.round_to_power_of_two { len.next_power_of_two() } else { len };
        let lead = if sizes.snip_edges { 0 } else { (len / 2) as isize - (shift / 2) as isize };
        let bands = Bands {
            frames: Frames { len, shift, lead, edge: Edge::Doubled },
            remove_dc: sizes.remove_dc,
            pre_emphasis: sizes.pre_emphasis,
            window: sizes.window.symmetric(len),
            spectrum: Bands::spectrum(transformed)?,
            magnitude: !sizes.use_power,
            bank: triangles(sizes, transformed)?,
            log_from: sizes.use_log.then_some(LOG_FROM),
        };
        Ok(KaldiFbank { bands, snip_edges: sizes.snip_edges })
    }

    /// Bands per frame.
    pub fn n_mels(&self) -> usize {
        self.bands.bank.len()
    }

    /// Samples under one window: shorter sounds have no frame.
    pub fn window_samples(&self) -> usize {
        self.bands.frames.len
    }

    /// Frames of a sound of so many samples.
    pub fn frames(&self, samples: usize) -> usize {
        let Frames { len, shift, .. } = self.bands.frames;
        match samples.checked_sub(len) {
            None => 0,
            Some(over) if self.snip_edges => 1 + over / shift,
            Some(_) => (samples + shift / 2) / shift,
        }
    }

    /// # Shapes
    /// waveform [samples] → [frames, n_mels], empty if it is shorter than a window.
    pub fn run(&self, waveform: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.frames(waveform.len()) * self.n_mels()];
        self.bands.run(waveform, &mut out);
        out
    }

    /// As [`KaldiFbank::run`], into the first frames of `out`, as many as both have; returns their number. What is left is not touched.
    ///
    /// # Shapes
    /// waveform [samples] → out [.., n_mels]
    pub fn run_into(&self, waveform: &[f32], out: &mut [f32]) -> usize {
        let frames = self.frames(waveform.len()).min(out.len() / self.n_mels());
        self.bands.run(waveform, &mut out[..frames * self.n_mels()]);
        frames
    }
}

/// Triangles evenly spaced on Kaldi's mel scale, over all bins but the last. In single precision and in the order of the
/// original: a triangle's foot may weigh so little that rounding shows.
fn triangles(sizes: &KaldiSizes, transformed: usize) -> Result<Bank, FeatureError> {
    let nyquist_hz = 0.5 * f64::from(sizes.rate_hz);
    let (low_hz, bands) = (sizes.low_hz, sizes.n_mels);
    let high_hz = if sizes.high_hz <= 0.0 { sizes.high_hz + nyquist_hz } else { sizes.high_hz };
    if bands == 0 || !(0.0 <= low_hz && low_hz < high_hz && high_hz <= nyquist_hz) {
        return Err(FeatureError::Bands { bands, low_hz, high_hz, rate_hz: sizes.rate_hz });
    }
    let mel = |hz: f64| 1127.0 * (1.0 + hz / 700.0).ln();
    let apart = (mel(high_hz) - mel(low_hz)) / (bands + 1) as f64;
    let (low, apart) = (mel(low_hz) as f32, apart as f32);
    let bin_hz = (f64::from(sizes.rate_hz) / transformed as f64) as f32;
    Ok(Bank::new(bands, transformed / 2, |band, bin| {
        let mel = 1127.0 * (1.0 + bin_hz * bin as f32 / 700.0).ln();
        let edge = |edge: usize| low + (band + edge) as f32 * apart;
        let [left, centre, right] = [edge(0), edge(1), edge(2)];
        ((mel - left) / (centre - left)).min((right - mel) / (right - centre)).max(0.0)
    }))
}
