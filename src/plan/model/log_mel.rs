//! Log-mel energies as a classifier of sound hears them: what their number follows from.

use serde::Serialize;

/// Sizes of a log-mel front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LogMelPlan {
    pub rate_hz: u32,
    pub window_samples: usize,
    pub hop_samples: usize,
    pub mel_bands: usize,
}

impl LogMelPlan {
    /// Frames of `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        match samples.checked_sub(self.window_samples) {
            Some(rest) => rest / self.hop_samples + 1,
            None => 0,
        }
    }
}
