//! Real Fourier transforms of any length in f32, planned once for the whole program.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// The transforms of one length, there and back.
pub(crate) struct Transforms {
    len: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

/// A signal, its spectrum, and what a transform needs beside them.
pub(crate) struct Scratch {
    pub signal: Vec<f32>,
    /// Half of it and one: the rest is its mirror image.
    pub spectrum: Vec<Complex32>,
    work: Vec<Complex32>,
}

impl Transforms {
    /// The transforms of `len` samples, an even number.
    pub fn of(len: usize) -> Self {
        static PLANNER: OnceLock<Mutex<RealFftPlanner<f32>>> = OnceLock::new();
        // A planner keeps what it has planned; a panic while it planned leaves nothing half-made in it.
        let planner = PLANNER.get_or_init(|| Mutex::new(RealFftPlanner::new()));
        let mut planner = planner.lock().unwrap_or_else(PoisonError::into_inner);
        Transforms { len, forward: planner.plan_fft_forward(len), inverse: planner.plan_fft_inverse(len) }
    }

    /// Room for one transform of this length, to be used again.
    pub fn scratch(&self) -> Scratch {
        let work = self.forward.get_scratch_len().max(self.inverse.get_scratch_len());
        Scratch {
            signal: vec![0.0; self.len],
            spectrum: vec![Complex32::default(); self.len / 2 + 1],
            work: vec![Complex32::default(); work],
        }
    }

    /// Fills the spectrum from the signal, which is left in disorder.
    pub fn forward(&self, scratch: &mut Scratch) {
        let Scratch { signal, spectrum, work } = scratch;
        let done = self.forward.process_with_scratch(signal, spectrum, work);
        debug_assert!(done.is_ok(), "the lengths are the plan's");
    }

    /// Fills the signal from the spectrum, which is left in disorder.
    pub fn inverse(&self, scratch: &mut Scratch) {
        self.inverse_unscaled(scratch);
        let scale = self.scale();
        scratch.signal.iter_mut().for_each(|x| *x *= scale);
    }

    /// What [`Transforms::inverse_unscaled`] leaves to be multiplied with.
    pub fn scale(&self) -> f32 {
        1.0 / self.len as f32
    }

    /// As [`Transforms::inverse`], but too large by the length.
    pub fn inverse_unscaled(&self, scratch: &mut Scratch) {
        let Scratch { signal, spectrum, work } = scratch;
        // The first and the last are real but for rounding.
        spectrum[0].im = 0.0;
        spectrum[self.len / 2].im = 0.0;
        let done = self.inverse.process_with_scratch(spectrum, signal, work);
        debug_assert!(done.is_ok(), "the lengths are the plan's");
    }
}
