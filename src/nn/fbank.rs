//! Kaldi's filterbank: what models of log-mel patches hear. No parameters, and no gradient.

use std::sync::Arc;

use kernels::OpError;

use crate::audio::features::{KaldiFbank, KaldiSizes};
use crate::audio::mean;

const OP: &str = "fbank";

/// Kaldi's filterbank with its usual 25 ms every 10 ms, ready to run.
#[derive(Debug, Clone)]
pub struct Filterbank {
    /// Or why there is none of these sizes.
    planned: Result<Arc<KaldiFbank>, String>,
}

impl Filterbank {
    /// With `bands` bands, for sound of `rate_hz`.
    pub fn new(rate_hz: u32, bands: usize) -> Self {
        let planned = KaldiFbank::new(&KaldiSizes { rate_hz, n_mels: bands, ..KaldiSizes::default() });
        Filterbank { planned: planned.map(Arc::new).map_err(|error| error.to_string()) }
    }

    /// Frames of a sound of so many samples; none where there is no filterbank.
    pub fn frames(&self, samples: usize) -> usize {
        self.planned.as_ref().map_or(0, |planned| planned.frames(samples))
    }

    /// Writes the log energies of `waveform`, less its mean, to `out` [frames, bands], as many frames as fit; how many they are.
    ///
    /// # Errors
    /// There is no filterbank of these sizes.
    pub fn run_into(&self, waveform: &[f32], out: &mut [f32]) -> Result<usize, OpError> {
        let planned = self.planned.as_ref().map_err(|reason| OpError::device(OP, reason))?;
        let mean = mean(waveform) as f32;
        let centred: Vec<f32> = waveform.iter().map(|x| x - mean).collect();
        Ok(planned.run_into(&centred, out))
    }
}
