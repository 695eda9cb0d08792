//! The smallest codec: what a mel spectrogram's envelope is like, in eight codes for each 16 ms, without weights.
//!
//! - encode: ln of mel magnitudes → orthonormal cosine transform, of which the first 29 values are kept → each rounded to a few values, and those of a
//!   level together are its code ([`Scalars`]: finite scalar quantisation, Mentzer et al. 2023, arXiv 2309.15505)
//! - decode: back to mel magnitudes, of which Griffin and Lim's algorithm makes a sound
//!
//! It is there so that models of codes can be trained, tested and heard where no weights of a neural codec are. What is said can be understood;
//! pitch is lost with the finer cepstra, so that it is a whisper. Not for: keeping recordings. Start at [`Cepstral`].

mod scalars;
mod statistics;
#[cfg(test)]
mod tests;

use crate::audio::features::{Cosines, FeatureError, MelSizes};
use crate::audio::synthesis::{GriffinLim, MelForm, SpeechMel};

use super::artifact::{Codes, Kind};
use super::{Codec, CodecError, check, levels_at};

use scalars::{COEFFICIENTS, Scalars};

/// Levels of codes.
pub const LEVELS: usize = scalars::COUNTS.len();

/// Codes of each level.
pub const CODEBOOK_SIZE: usize = scalars::CODES;

/// The codec: planned once, run by any number of threads.
#[derive(Debug, Clone)]
pub struct Cepstral {
    mel: SpeechMel,
    cosines: Cosines,
    scalars: Scalars,
    griffin_lim: GriffinLim,
    /// Levels that are made of sound.
    levels: usize,
}

impl Cepstral {
    /// Plans it.
    ///
    /// # Errors
    /// None with the sizes that it has.
    pub fn new() -> Result<Self, FeatureError> {
        let kind = Kind::Cepstral;
        let sizes = MelSizes { hop_samples: kind.hop_samples(), ..MelSizes::tacotron2(kind.rate_hz()) };
        Ok(Cepstral {
            mel: SpeechMel::new(MelForm::Log, &sizes)?,
            cosines: Cosines::new(COEFFICIENTS, sizes.n_mels, |_| 1.0)?,
            scalars: Scalars::new(),
            griffin_lim: GriffinLim::default(),
            levels: LEVELS,
        })
    }

    /// The same with this way to look for phases.
    #[must_use]
    pub fn sounding(self, griffin_lim: GriffinLim) -> Self {
        Cepstral { griffin_lim, ..self }
    }

    /// The same with as many levels as a bandwidth in kbit/s is enough for: 0.62 for each.
    ///
    /// # Errors
    /// It is not enough for one.
    pub fn with_bandwidth(self, kbps: Option<f64>) -> Result<Self, CodecError> {
        let level_kbps = Kind::Cepstral.frames_per_sec() * (CODEBOOK_SIZE as f64).log2() / 1e3;
        let levels = kbps.map_or(Ok(LEVELS), |kbps| levels_at(kbps, level_kbps, LEVELS))?;
        Ok(Cepstral { levels, ..self })
    }

    /// Frames of so many samples: one in the middle of each [`Kind::hop_samples`], from the first sample to the last.
    pub fn frames(samples: usize) -> usize {
        1 + samples.div_ceil(Kind::Cepstral.hop_samples())
    }

    /// The codes of a mono sound at [`Kind::rate_hz`]; of no samples, those of silence.
    pub fn codes(&self, samples: &[f32]) -> Codes {
        let cepstra = self.cepstra(samples);
        let frames = cepstra.len() / COEFFICIENTS;
        let mut values = vec![0; self.levels * frames];
        for (at, cepstra) in cepstra.chunks_exact(COEFFICIENTS).enumerate() {
            for (level, code) in self.scalars.codes(cepstra).into_iter().take(self.levels).enumerate() {
                values[level * frames + at] = code;
            }
        }
        Codes::new(self.levels, frames, values)
    }

    /// The sound of codes below [`CODEBOOK_SIZE`], [`Kind::hop_samples`] for each frame but the last; levels that are not there have the values that
    /// speech has in the mean.
    pub fn sound(&self, codes: &Codes) -> Vec<f32> {
        self.mel.waveform(&self.log_mel(codes), &self.griffin_lim)
    }

    /// ln of the mel magnitudes that codes stand for [frames, bands].
    fn log_mel(&self, codes: &Codes) -> Vec<f32> {
        let cepstra: Vec<f32> = (0..codes.frames())
            .flat_map(|at| {
                let codes: Vec<u16> = (0..codes.levels()).map(|level| codes.level(level)[at]).collect();
                self.scalars.cepstra(&codes)
            })
            .collect();
        self.cosines.back(&cepstra)
    }

    /// Cepstra before they are rounded [frames, coefficients].
    fn cepstra(&self, samples: &[f32]) -> Vec<f32> {
        let hop = Kind::Cepstral.hop_samples();
        let mut samples = samples.to_vec();
        samples.resize(samples.len().next_multiple_of(hop).max(hop), 0.0);
        self.cosines.run(&self.mel.run(&samples))
    }
}

impl Codec for Cepstral {
    fn kind(&self) -> Kind {
        Kind::Cepstral
    }

    fn rate_hz(&self) -> u32 {
        Kind::Cepstral.rate_hz()
    }

    fn hop_samples(&self) -> usize {
        Kind::Cepstral.hop_samples()
    }

    fn levels(&self) -> usize {
        self.levels
    }

    fn codebook_size(&self) -> usize {
        CODEBOOK_SIZE
    }

    /// A frame more than others have: the middle of the first is the first sample.
    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError> {
        if samples.is_empty() {
            return Err(CodecError::Empty);
        }
        Ok(self.codes(samples))
    }

    fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError> {
        check(codes, LEVELS, CODEBOOK_SIZE)?;
        Ok(self.sound(codes))
    }
}
