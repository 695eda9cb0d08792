//! What a sound file is like, by its samples: how loud, how much of it at full scale, how much silent.

use std::path::Path;

use super::{AudioError, Facts, decode_bytes, facts_bytes};

/// Frames that are silent or not.
const FRAME_SECS: f64 = 0.02;

/// A frame is silent whose mean square lies this far below full scale, in decibels.
pub const SILENCE_DB: f64 = -60.0;

/// The largest value of 16 bits: what lies there was most likely cut.
const FULL_SCALE: f32 = 32_767.0 / 32_768.0;

/// A sound file, its channels averaged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    pub facts: Facts,
    /// Of its samples; full scale is 1.
    pub mean_square: f64,
    pub peak: f32,
    /// Samples at full scale.
    pub clipped_samples: u64,
    /// Of frames of 20 ms that are silent, see [`SILENCE_DB`].
    pub silent_secs: f64,
}

impl Measured {
    /// Length.
    pub fn secs(&self) -> f64 {
        self.facts.samples as f64 / f64::from(self.facts.rate_hz)
    }

    /// Its mean square below full scale; −∞ of nothing but zeros.
    pub fn level_db(&self) -> f64 {
        10.0 * self.mean_square.log10()
    }
}

/// Decodes the file at `path` and measures it.
///
/// # Errors
/// As [`super::read`].
pub fn measure(path: &Path) -> Result<Measured, AudioError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| AudioError::new(&name, source.into()))?;
    let facts = facts_bytes(&name, &bytes)?;
    let sound = decode_bytes(&name, bytes)?;
    let square = |samples: &[f32]| samples.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>();
    let frame = ((f64::from(sound.rate_hz) * FRAME_SECS) as usize).max(1);
    let quiet = 10f64.powf(SILENCE_DB / 10.0);
    let silent =
        sound.samples.chunks(frame).filter(|samples| square(samples) <= quiet * samples.len() as f64);
    Ok(Measured {
        // A header may not know; what was decoded does.
        facts: Facts { samples: sound.samples.len() as u64, ..facts },
        mean_square: square(&sound.samples) / sound.samples.len() as f64,
        peak: sound.samples.iter().fold(0.0, |peak, x| peak.max(x.abs())),
        clipped_samples: sound.samples.iter().filter(|x| x.abs() >= FULL_SCALE).count() as u64,
        silent_secs: silent.map(<[f32]>::len).sum::<usize>() as f64 / f64::from(sound.rate_hz),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::wav_bytes;

    fn measured(samples: &[f32]) -> Measured {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        std::fs::write(&path, wav_bytes(samples, 1_000)).unwrap();
        measure(&path).unwrap()
    }

    #[test]
    fn loud_clipped_and_silent_parts_are_told() {
        // Half a second at a tenth of full scale, then half a second of nothing, and three samples too loud.
        let mut samples = vec![0.1; 500];
        samples.extend([0.0; 500]);
        samples[..3].copy_from_slice(&[1.5, -1.5, 1.0]);
        let measured = measured(&samples);
        assert_eq!((measured.secs(), measured.silent_secs), (1.0, 0.5));
        assert_eq!(measured.clipped_samples, 3);
        assert!((measured.peak - 1.0).abs() < 1e-4, "{}", measured.peak);
        assert!((measured.mean_square - (3.0 + 497.0 * 0.01) / 1000.0).abs() < 1e-4);
    }

    #[test]
    fn levels_are_below_full_scale() {
        assert!((measured(&[0.1; 100]).level_db() + 20.0).abs() < 0.01);
        assert_eq!(measured(&[0.0; 100]).level_db(), f64::NEG_INFINITY);
    }
}
