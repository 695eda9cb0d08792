//! Energies in bands, from frames to a bank: what every front end here is made of.

use kernels::power_spectrum::{FRAMES, Lane, PowerSpectrum};
use kernels::simd::{self, dispatch};

use super::FeatureError;
use super::bank::Bank;
use super::frames::Frames;

/// How a frame becomes energies.
#[derive(Debug, Clone)]
pub(super) struct Bands {
    pub frames: Frames,
    /// Each frame loses its mean first.
    pub remove_dc: bool,
    /// What the sample before is multiplied with and taken off.
    pub pre_emphasis: f32,
    /// [samples per frame]
    pub window: Vec<f32>,
    pub spectrum: PowerSpectrum,
    /// Magnitudes go into the bank, not their squares.
    pub magnitude: bool,
    pub bank: Bank,
    /// The logarithm is taken of energies, or of this where they are less.
    pub log_from: Option<f32>,
}

/// Room for sixteen frames on their way.
struct Scratch {
    over: Vec<f32>,
    samples: Vec<Lane>,
    work: Vec<Lane>,
    powers: Vec<Lane>,
    energies: Vec<Lane>,
}

impl Bands {
    /// The transform of frames of `len` samples.
    pub fn spectrum(len: usize) -> Result<PowerSpectrum, FeatureError> {
        PowerSpectrum::new(len).ok_or(FeatureError::Frame { samples: len })
    }

    /// The first so many frames of the waveform.
    ///
    /// # Shapes
    /// waveform [samples] → out [frames, bands]; their number is that of `out`.
    pub fn run(&self, waveform: &[f32], out: &mut [f32]) {
        let bands = self.bank.len();
        let count = out.len() / bands;
        let mut scratch = self.scratch();
        for (block, out) in out.chunks_mut(FRAMES * bands).enumerate() {
            let Scratch { over, samples, work, powers, energies } = &mut scratch;
            self.frames.lay(waveform, block * FRAMES, count, over, samples);
            dispatch(
                #[inline(always)]
                || self.shape(samples),
            );
            self.spectrum.run(samples, work, powers);
            if self.magnitude {
                powers.as_flattened_mut().iter_mut().for_each(|power| *power = power.sqrt());
            }
            self.bank.weigh(powers, energies);
            dispatch(
                #[inline(always)]
                || {
                    self.take_logs(energies);
                    turn_back(energies, out);
                },
            );
        }
    }

    fn scratch(&self) -> Scratch {
        let lanes = |count: usize| vec![[0.0; FRAMES]; count];
        Scratch {
            over: vec![0.0; FRAMES * self.frames.len],
            samples: lanes(self.spectrum.len()),
            work: lanes(self.spectrum.work_len()),
            powers: lanes(self.spectrum.bins()),
            energies: lanes(self.bank.len()),
        }
    }

    /// Mean, pre-emphasis, window, and silence up to the transform's length.
    #[inline(always)]
    fn shape(&self, samples: &mut [Lane]) {
        let (samples, rest) = samples.split_at_mut(self.window.len());
        let mean = if self.remove_dc { mean(samples) } else { [0.0; FRAMES] };
        let mut before = samples[0];
        for l in 0..FRAMES {
            before[l] -= mean[l];
        }
        for (sample, &weight) in samples.iter_mut().zip(&self.window) {
            for l in 0..FRAMES {
                let centred = sample[l] - mean[l];
                sample[l] = (centred - self.pre_emphasis * before[l]) * weight;
                before[l] = centred;
            }
        }
        rest.fill([0.0; FRAMES]);
    }

    #[inline(always)]
    fn take_logs(&self, energies: &mut [Lane]) {
        let Some(floor) = self.log_from else { return };
        for energy in energies.as_flattened_mut() {
            // What is no number stays none.
            *energy = simd::ln(if *energy < floor { floor } else { *energy });
        }
    }
}

/// The mean of each frame: in short sums, so that an offset far above the sound costs no digits.
#[inline(always)]
fn mean(samples: &[Lane]) -> Lane {
    let mut total = [0.0; FRAMES];
    for part in samples.chunks(16) {
        let mut sum = [0.0; FRAMES];
        for sample in part {
            for l in 0..FRAMES {
                sum[l] += sample[l];
            }
        }
        for l in 0..FRAMES {
            total[l] += sum[l];
        }
    }
    total.map(
        #[inline(always)]
        |total| total / samples.len() as f32,
    )
}

/// From energies of frames to frames of energies, as many as there are.
#[inline(always)]
fn turn_back(energies: &[Lane], out: &mut [f32]) {
    for (lane, row) in out.chunks_exact_mut(energies.len()).enumerate() {
        for (to, energy) in row.iter_mut().zip(energies) {
            *to = energy[lane];
        }
    }
}
