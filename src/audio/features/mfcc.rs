//! Cepstra: the cosine transform of what the bands have in logarithms.

use std::f64::consts::PI;

use super::{FeatureError, KaldiFbank, KaldiSizes, MelSizes, MelSpectrogram, decibels};

/// Cepstra of Kaldi, as torchaudio.compliance.kaldi.mfcc computes them without dither and energy.
#[derive(Debug, Clone)]
pub struct KaldiMfcc {
    fbank: KaldiFbank,
    cosines: Cosines,
}

impl KaldiMfcc {
    /// `n_mfcc` cepstra (Kaldi: 13) of the filterbank's bands (Kaldi: 23, under a Povey window), always of the logarithm of powers;
    /// `lifter` (Kaldi: 22) weighs later ones up, 0 leaves them.
    ///
    /// # Errors
    /// As [`KaldiFbank::new`], or there are more cepstra than bands.
    pub fn new(sizes: &KaldiSizes, n_mfcc: usize, lifter: f64) -> Result<Self, FeatureError> {
        let fbank = KaldiFbank::new(&KaldiSizes { use_power: true, use_log: true, ..*sizes })?;
        let weight =
            |k: usize| if lifter == 0.0 { 1.0 } else { 1.0 + 0.5 * lifter * (PI * k as f64 / lifter).sin() };
        Ok(KaldiMfcc { cosines: Cosines::new(n_mfcc, fbank.n_mels(), weight)?, fbank })
    }

    /// # Shapes
    /// waveform [samples] → [frames, n_mfcc], empty if it is shorter than a window.
    pub fn run(&self, waveform: &[f32]) -> Vec<f32> {
        self.cosines.run(&self.fbank.run(waveform))
    }
}

/// Cepstra by the conventions of torchaudio.transforms and librosa: of decibels, none more than 80 below the loudest.
#[derive(Debug, Clone)]
pub struct Mfcc {
    mel: MelSpectrogram,
    cosines: Cosines,
}

impl Mfcc {
    const TOP_DB: f32 = 80.0;

    /// `n_mfcc` cepstra (torchaudio: 40, librosa: 20) of a mel spectrogram.
    ///
    /// # Errors
    /// As [`MelSpectrogram::new`], or there are more cepstra than bands.
    pub fn new(sizes: &MelSizes, n_mfcc: usize) -> Result<Self, FeatureError> {
        let mel = MelSpectrogram::new(sizes)?;
        Ok(Mfcc { cosines: Cosines::new(n_mfcc, mel.n_mels(), |_| 1.0)?, mel })
    }

    /// # Shapes
    /// waveform [samples] → [frames, n_mfcc]
    pub fn run(&self, waveform: &[f32]) -> Vec<f32> {
        let mut mel = self.mel.run(waveform);
        decibels(&mut mel, Some(Self::TOP_DB));
        self.cosines.run(&mel)
    }
}

/// The orthonormal cosine transform of the second kind, of which the first rows are kept.
#[derive(Debug, Clone)]
pub struct Cosines {
    bands: usize,
    /// [cepstra, bands]
    rows: Vec<f32>,
}

impl Cosines {
    /// `cepstra` rows over `bands`, the k-th times `weight(k)`.
    ///
    /// # Errors
    /// There are no cepstra, or more than bands.
    pub fn new(cepstra: usize, bands: usize, weight: impl Fn(usize) -> f64) -> Result<Self, FeatureError> {
        if cepstra == 0 || cepstra > bands {
            return Err(FeatureError::Cepstra { cepstra, bands });
        }
        let value = |k: usize, band: usize| {
            let scale = (if k == 0 { 1.0 } else { 2.0 } / bands as f64).sqrt();
            (weight(k) * scale * (PI * k as f64 * (band as f64 + 0.5) / bands as f64).cos()) as f32
        };
        let rows = (0..cepstra).flat_map(|k| (0..bands).map(move |band| (k, band)));
        Ok(Cosines { bands, rows: rows.map(|(k, band)| value(k, band)).collect() })
    }

    /// # Shapes
    /// [frames, bands] → [frames, cepstra]
    pub fn run(&self, energies: &[f32]) -> Vec<f32> {
        let frames = energies.chunks_exact(self.bands);
        frames
            .flat_map(|frame| self.rows.chunks_exact(self.bands).map(|row| kernels::simd::dot(row, frame)))
            .collect()
    }

    /// The transposed: where rows have weight 1, the shortest bands that have these cepstra.
    ///
    /// # Shapes
    /// [frames, cepstra] → [frames, bands]
    pub fn back(&self, cepstra: &[f32]) -> Vec<f32> {
        let each = self.rows.len() / self.bands;
        let mut energies = vec![0.0; cepstra.len() / each * self.bands];
        for (frame, cepstra) in energies.chunks_exact_mut(self.bands).zip(cepstra.chunks_exact(each)) {
            for (row, cepstrum) in self.rows.chunks_exact(self.bands).zip(cepstra) {
                frame.iter_mut().zip(row).for_each(|(energy, cosine)| *energy += cepstrum * cosine);
            }
        }
        energies
    }
}
