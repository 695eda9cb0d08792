//! Samples as prepared corpora keep them: mono, 16 bits.

use std::path::Path;

use super::{AudioError, flac};

/// A clip of 16-bit samples: `round(x * 32768)`, cut to full scale.
///
/// Samples that came from a 16-bit file of the same rate are kept exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pcm16 {
    samples: Vec<i16>,
    clipped: u64,
}

impl Pcm16 {
    /// Rounds `samples`, full scale [-1, 1).
    pub fn of(samples: &[f32]) -> Self {
        let mut clipped = 0;
        let round = |&x: &f32| {
            let wanted = (f64::from(x) * 32768.0).round();
            let held = wanted.clamp(-32768.0, 32767.0);
            clipped += u64::from(held != wanted);
            held as i16
        };
        let samples = samples.iter().map(round).collect();
        Self { samples, clipped }
    }

    /// The samples.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Samples that were outside full scale.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// Writes them as a flac file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_flac(&self, path: &Path, rate_hz: u32) -> Result<(), AudioError> {
        let written = flac::encode(&self.samples, rate_hz)
            .and_then(|bytes| std::fs::write(path, bytes).map_err(Into::into));
        written.map_err(|reason| AudioError::new(&path.display().to_string(), reason))
    }
}
