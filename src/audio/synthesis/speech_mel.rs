//! The mel spectrograms that speech synthesis is taught, and back to magnitudes.

use std::sync::OnceLock;

use super::magnitudes::FromBands;
use super::{GriffinLim, Stft};
use crate::audio::features::{FeatureError, MelScale, MelSizes, MelSpectrogram, decibels};

/// What stands for how much is in a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelForm {
    /// Natural logarithms of magnitudes in bands of Slaney's scale with one area: NVIDIA/tacotron2's.
    Log,
    /// Decibels of powers in triangles of one height on HTK's scale, none more than 80 below the loudest, divided by 80.
    Decibels,
}

/// Decibels that a spectrogram reaches over, and by which they are divided.
const TOP_DB: f32 = 80.0;

/// A spectrogram for speech synthesis: planned once, run by any number of threads.
#[derive(Debug, Clone)]
pub struct SpeechMel {
    form: MelForm,
    mel: MelSpectrogram,
    stft: Stft,
    /// Planned when it is first asked for: whoever trains has no need of it.
    back: OnceLock<FromBands>,
}

impl SpeechMel {
    /// Plans it; `sizes` are those of tacotron2 with other lengths or bands.
    ///
    /// # Errors
    /// As [`MelSpectrogram::new`].
    pub fn new(form: MelForm, sizes: &MelSizes) -> Result<Self, FeatureError> {
        let sizes = match form {
            MelForm::Log => *sizes,
            MelForm::Decibels => MelSizes {
                scale: MelScale::Htk,
                area_norm: false,
                magnitude: false,
                log_from: None,
                ..*sizes
            },
        };
        let mel = MelSpectrogram::new(&sizes)?;
        let stft = Stft::new(sizes.n_fft, sizes.window_samples, sizes.hop_samples)?;
        Ok(SpeechMel { form, mel, stft, back: OnceLock::new() })
    }

    /// Bands of a frame.
    pub fn bands(&self) -> usize {
        self.mel.n_mels()
    }

    /// Frames of a sound of so many samples.
    pub fn frames(&self, samples: usize) -> usize {
        self.mel.frames(samples)
    }

    /// The transforms it is made with.
    pub fn stft(&self) -> &Stft {
        &self.stft
    }

    /// # Shapes
    /// waveform [samples] → [frames, bands]
    pub fn run(&self, waveform: &[f32]) -> Vec<f32> {
        let mut mel = self.mel.run(waveform);
        if self.form == MelForm::Decibels {
            decibels(&mut mel, Some(TOP_DB));
            mel.iter_mut().for_each(|value| *value /= TOP_DB);
        }
        mel
    }

    /// Magnitudes of spectra that have these bands.
    ///
    /// # Shapes
    /// mel [frames, bands] → [frames, bins]
    pub fn magnitudes(&self, mel: &[f32]) -> Vec<f32> {
        let back = self.back.get_or_init(|| FromBands::new(&self.mel, self.stft.bins()));
        match self.form {
            MelForm::Log => back.run(&mel.iter().map(|value| value.exp()).collect::<Vec<_>>()),
            MelForm::Decibels => {
                let powers: Vec<f32> = mel.iter().map(|value| 10f32.powf(value * TOP_DB / 10.0)).collect();
                back.run(&powers).into_iter().map(f32::sqrt).collect()
            }
        }
    }

    /// A sound that has nearly this spectrogram.
    ///
    /// # Shapes
    /// mel [frames, bands] → (frames − 1) · hop samples
    pub fn waveform(&self, mel: &[f32], griffin_lim: &GriffinLim) -> Vec<f32> {
        griffin_lim.run(&self.stft, &self.magnitudes(mel))
    }
}
