//! Mel spectrograms by the conventions of torchaudio.transforms and librosa.

use super::bands::Bands;
use super::bank::Bank;
use super::frames::{Edge, Frames};
use super::{FeatureError, Window};

/// Decibels are taken of powers of this at least.
const LEAST_POWER: f32 = 1e-10;

/// How pitch is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelScale {
    /// 2595 log₁₀(1 + f / 700)
    Htk,
    /// Straight up to 1 kHz, logarithmic above: Slaney's Auditory Toolbox.
    Slaney,
}

/// What a mel spectrogram is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MelSizes {
    /// Samples per second.
    pub rate_hz: u32,
    /// Samples under the transform, an even number.
    pub n_fft: usize,
    /// Samples under the window (periodic Hann, in the middle of those).
    pub window_samples: usize,
    /// From one frame to the next.
    pub hop_samples: usize,
    /// Bands per frame.
    pub n_mels: usize,
    /// Where the first band begins.
    pub low_hz: f64,
    /// Where the last band ends.
    pub high_hz: f64,
    /// Bands are evenly spaced on it.
    pub scale: MelScale,
    /// Whether each triangle has the same area (`norm="slaney"`); else the same height.
    pub area_norm: bool,
    /// Whether frames have their middle on their sample, and what lies beyond the ends then.
    pub centre: Option<Beyond>,
    /// Whether magnitudes go into the bands (`power=1`); else their squares.
    pub magnitude: bool,
    /// Natural logarithms are taken of what is in the bands, or of this where it is less.
    pub log_from: Option<f32>,
}

/// What lies beyond the ends of a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// The sound backward (`pad_mode="reflect"`).
    Reflection,
    /// Zeros (`pad_mode="constant"`).
    Silence,
}

impl MelSizes {
    /// The defaults of torchaudio.transforms.MelSpectrogram.
    pub fn torchaudio(rate_hz: u32) -> Self {
        MelSizes {
            rate_hz,
            n_fft: 400,
            window_samples: 400,
            hop_samples: 200,
            n_mels: 128,
            low_hz: 0.0,
            high_hz: f64::from(rate_hz) / 2.0,
            scale: MelScale::Htk,
            area_norm: false,
            centre: Some(Beyond::Reflection),
            magnitude: false,
            log_from: None,
        }
    }

    /// What NVIDIA/tacotron2 takes at 22,050 Hz, and vocoders after it: logarithms of magnitudes in 80 bands up to 8 kHz.
    pub fn tacotron2(rate_hz: u32) -> Self {
        MelSizes {
            n_fft: 1_024,
            window_samples: 1_024,
            hop_samples: 256,
            n_mels: 80,
            high_hz: 8_000.0,
            scale: MelScale::Slaney,
            area_norm: true,
            magnitude: true,
            log_from: Some(1e-5),
            ..Self::torchaudio(rate_hz)
        }
    }

    /// The defaults of librosa.feature.melspectrogram.
    pub fn librosa(rate_hz: u32) -> Self {
        MelSizes {
            n_fft: 2_048,
            window_samples: 2_048,
            hop_samples: 512,
            scale: MelScale::Slaney,
            area_norm: true,
            centre: Some(Beyond::Silence),
            ..Self::torchaudio(rate_hz)
        }
    }
}

/// Powers or magnitudes in mel bands: planned once, run by any number of threads.
#[derive(Debug, Clone)]
pub struct MelSpectrogram {
    bands: Bands,
    centred: bool,
}

impl MelSpectrogram {
    /// Plans transform, window and triangles.
    ///
    /// # Errors
    /// An odd transform, a window longer than it, no step, or bands outside of what the rate carries.
    pub fn new(sizes: &MelSizes) -> Result<Self, FeatureError> {
        let &MelSizes { n_fft, window_samples, hop_samples, .. } = sizes;
        if window_samples > n_fft || window_samples == 0 {
            return Err(FeatureError::Window { window: window_samples, transform: n_fft });
        }
        if hop_samples == 0 {
            return Err(FeatureError::Shift { samples: hop_samples });
        }
        let mut window = vec![0.0; n_fft];
        let before = (n_fft - window_samples) / 2;
        window[before..before + window_samples].copy_from_slice(&Window::Hanning.periodic(window_samples));
        let edge = if sizes.centre == Some(Beyond::Reflection) { Edge::Reflected } else { Edge::Silent };
        let lead = if sizes.centre.is_some() { (n_fft / 2) as isize } else { 0 };
        let bands = Bands {
            frames: Frames { len: n_fft, shift: hop_samples, lead, edge },
            remove_dc: false,
            pre_emphasis: 0.0,
            window,
            spectrum: Bands::spectrum(n_fft)?,
            magnitude: sizes.magnitude,
            bank: triangles(sizes)?,
            log_from: sizes.log_from,
        };
        Ok(MelSpectrogram { bands, centred: sizes.centre.is_some() })
    }

    /// Bands per frame.
    pub fn n_mels(&self) -> usize {
        self.bands.bank.len()
    }

    /// Frames of a sound of so many samples; a sound of none has none.
    pub fn frames(&self, samples: usize) -> usize {
        let Frames { len, shift, .. } = self.bands.frames;
        let over =
            if self.centred { samples.checked_sub(1).map(|_| samples) } else { samples.checked_sub(len) };
        over.map_or(0, |over| 1 + over / shift)
    }

    /// For each band its first bin, and the weights of the bins from there on.
    pub(in crate::audio) fn weights(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.bands.bank.rows()
    }

    /// # Shapes
    /// waveform [samples] → [frames, n_mels]
    pub fn run(&self, waveform: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.frames(waveform.len()) * self.n_mels()];
        self.bands.run(waveform, &mut out);
        out
    }
}

/// Powers as decibels of full scale, none more than `top_db` below the loudest (`power_to_db`, `AmplitudeToDB`).
pub fn decibels(powers: &mut [f32], top_db: Option<f32>) {
    let mut loudest = f32::NEG_INFINITY;
    for power in powers.iter_mut() {
        *power = 10.0 * power.max(LEAST_POWER).log10();
        loudest = loudest.max(*power);
    }
    if let Some(top_db) = top_db {
        powers.iter_mut().for_each(|power| *power = power.max(loudest - top_db));
    }
}

impl MelScale {
    /// Where the logarithmic part of Slaney's scale begins: 1 kHz, which is 15 there.
    const BREAK: [f64; 2] = [1_000.0, 15.0];
    /// From there 27 steps are a factor of 6.4.
    const STEPS: f64 = 27.0;

    fn mel(self, hz: f64) -> f64 {
        let [break_hz, break_mel] = Self::BREAK;
        match self {
            MelScale::Htk => 2_595.0 * (1.0 + hz / 700.0).log10(),
            MelScale::Slaney if hz < break_hz => hz * break_mel / break_hz,
            MelScale::Slaney => break_mel + (hz / break_hz).ln() * Self::STEPS / 6.4f64.ln(),
        }
    }

    fn hz(self, mel: f64) -> f64 {
        let [break_hz, break_mel] = Self::BREAK;
        match self {
            MelScale::Htk => 700.0 * (10f64.powf(mel / 2_595.0) - 1.0),
            MelScale::Slaney if mel < break_mel => mel * break_hz / break_mel,
            MelScale::Slaney => break_hz * ((mel - break_mel) * 6.4f64.ln() / Self::STEPS).exp(),
        }
    }
}

/// Triangles over frequency, their corners evenly spaced on the scale.
fn triangles(sizes: &MelSizes) -> Result<Bank, FeatureError> {
    let &MelSizes { rate_hz, n_mels: bands, low_hz, high_hz, scale, .. } = sizes;
    if bands == 0 || !(0.0 <= low_hz && low_hz < high_hz && high_hz <= f64::from(rate_hz) / 2.0) {
        return Err(FeatureError::Bands { bands, low_hz, high_hz, rate_hz });
    }
    let (low, high) = (scale.mel(low_hz), scale.mel(high_hz));
    let corner = |at: usize| scale.hz(low + (high - low) * at as f64 / (bands + 1) as f64);
    let corners: Vec<f64> = (0..bands + 2).map(corner).collect();
    Ok(Bank::new(bands, sizes.n_fft / 2 + 1, |band, bin| {
        let hz = bin as f64 * f64::from(rate_hz) / sizes.n_fft as f64;
        let [left, centre, right] = [corners[band], corners[band + 1], corners[band + 2]];
        let height = ((hz - left) / (centre - left)).min((right - hz) / (right - centre)).max(0.0);
        (if sizes.area_norm { height * 2.0 / (right - left) } else { height }) as f32
    }))
}
