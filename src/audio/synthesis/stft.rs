//! Short-time Fourier transforms there and back, by the conventions of torch.stft with `center=True` and reflection.

use std::sync::Arc;

use kernels::threads;
pub use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::audio::features::frames::Edge;
use crate::audio::features::{FeatureError, Window};

/// Frames of one task.
const BLOCK: usize = 16;

/// Squared windows that add up to less count as nothing: no sample lies under them.
const LEAST_COVER: f32 = 1e-11;

/// Spectra of frames [frames, bins], row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectra {
    /// All of them, one after the other.
    pub values: Vec<Complex32>,
    /// Values of one: half of the transform and one.
    pub bins: usize,
}

impl Spectra {
    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.values.len() / self.bins
    }

    /// The magnitude of each value.
    pub fn magnitudes(&self) -> Vec<f32> {
        self.values.iter().map(|value| value.norm()).collect()
    }
}

/// The transforms of one length, one step and one window (periodic Hann, in the middle of the transform).
#[derive(Clone)]
pub struct Stft {
    n_fft: usize,
    hop_samples: usize,
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

impl std::fmt::Debug for Stft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "transforms of {} samples every {}", self.n_fft, self.hop_samples)
    }
}

impl Stft {
    /// Plans the transforms.
    ///
    /// # Errors
    /// An odd transform, a window longer than it, or no step.
    pub fn new(n_fft: usize, window_samples: usize, hop_samples: usize) -> Result<Self, FeatureError> {
        if n_fft == 0 || n_fft % 2 == 1 {
            return Err(FeatureError::Frame { samples: n_fft });
        }
        if window_samples > n_fft || window_samples == 0 {
            return Err(FeatureError::Window { window: window_samples, transform: n_fft });
        }
        if hop_samples == 0 {
            return Err(FeatureError::Shift { samples: hop_samples });
        }
        let mut window = vec![0.0; n_fft];
        let before = (n_fft - window_samples) / 2;
        window[before..before + window_samples].copy_from_slice(&Window::Hanning.periodic(window_samples));
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(n_fft), planner.plan_fft_inverse(n_fft));
        Ok(Stft { n_fft, hop_samples, window, forward, inverse })
    }

    /// Values of a spectrum.
    pub fn bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    /// Frames of a sound of so many samples; a sound of none has none.
    pub fn frames(&self, samples: usize) -> usize {
        if samples == 0 { 0 } else { 1 + samples / self.hop_samples }
    }

    /// Samples that so many frames stand for.
    pub fn samples(&self, frames: usize) -> usize {
        frames.saturating_sub(1) * self.hop_samples
    }

    /// The spectra of a sound; what lies beyond its ends is the sound backward.
    pub fn spectra(&self, waveform: &[f32]) -> Spectra {
        let (bins, half) = (self.bins(), self.n_fft as isize / 2);
        let reflected: Vec<f32> = match waveform.is_empty() {
            true => Vec::new(),
            false => (-half..waveform.len() as isize + half)
                .map(|at| Edge::Reflected.sample(waveform, at))
                .collect(),
        };
        let mut values = vec![Complex32::default(); self.frames(waveform.len()) * bins];
        let blocks: Vec<(usize, &mut [Complex32])> =
            values.chunks_mut(BLOCK * bins).enumerate().map(|(at, rows)| (at * BLOCK, rows)).collect();
        threads::for_each(blocks, |(first, rows)| {
            let (mut signal, mut work) = (self.forward.make_input_vec(), self.forward.make_scratch_vec());
            for (at, row) in rows.chunks_exact_mut(bins).enumerate() {
                let frame = &reflected[(first + at) * self.hop_samples..][..self.n_fft];
                for ((to, sample), weight) in signal.iter_mut().zip(frame).zip(&self.window) {
                    *to = sample * weight;
                }
                // All lengths are the plan's own, which is all it can refuse.
                _ = self.forward.process_with_scratch(&mut signal, row, &mut work);
            }
        });
        Spectra { values, bins }
    }

    /// The sound whose spectra are nearest to these: windowed frames added up, divided by the windows' squares. What the reflection added at
    /// the ends is cut off.
    pub fn waveform(&self, spectra: &Spectra) -> Vec<f32> {
        self.overlapped(spectra, self.n_fft / 2, self.samples(spectra.frames()))
    }

    /// The same for spectra of frames that lie in the middle of their steps, as vocoders make them: a step of samples for each frame.
    ///
    /// A transform has to be at least as long as a step, and longer by an even number.
    pub fn waveform_of_steps(&self, spectra: &Spectra) -> Vec<f32> {
        self.overlapped(spectra, (self.n_fft - self.hop_samples) / 2, spectra.frames() * self.hop_samples)
    }

    /// So many samples behind the first `cut` of windowed frames added up.
    fn overlapped(&self, spectra: &Spectra, cut: usize, samples: usize) -> Vec<f32> {
        let (n_fft, hop) = (self.n_fft, self.hop_samples);
        if samples == 0 {
            return Vec::new();
        }
        let parts = self.parts(spectra);
        let mut sums = vec![[0.0f32; 2]; (spectra.frames() - 1) * hop + n_fft];
        for (frame, part) in parts.chunks_exact(n_fft).enumerate() {
            for ((sum, value), weight) in sums[frame * hop..].iter_mut().zip(part).zip(&self.window) {
                sum[0] += value * weight;
                sum[1] += weight * weight;
            }
        }
        let sample = |[value, cover]: &[f32; 2]| if *cover > LEAST_COVER { value / cover } else { 0.0 };
        sums[cut..cut + samples].iter().map(sample).collect()
    }

    /// Each frame's samples [frames, n_fft].
    fn parts(&self, spectra: &Spectra) -> Vec<f32> {
        let (bins, n_fft) = (self.bins(), self.n_fft);
        let mut parts = vec![0.0; spectra.frames() * n_fft];
        let scale = 1.0 / n_fft as f32;
        let blocks: Vec<(&[Complex32], &mut [f32])> =
            spectra.values.chunks(BLOCK * bins).zip(parts.chunks_mut(BLOCK * n_fft)).collect();
        threads::for_each(blocks, |(rows, parts)| {
            let (mut spectrum, mut work) = (self.inverse.make_input_vec(), self.inverse.make_scratch_vec());
            for (row, part) in rows.chunks_exact(bins).zip(parts.chunks_exact_mut(n_fft)) {
                spectrum.copy_from_slice(row);
                // The first and the last of a real sound are real; what is asked for need not be a sound's.
                spectrum[0].im = 0.0;
                spectrum[bins - 1].im = 0.0;
                _ = self.inverse.process_with_scratch(&mut spectrum, part, &mut work);
                part.iter_mut().for_each(|value| *value *= scale);
            }
        });
        parts
    }
}
