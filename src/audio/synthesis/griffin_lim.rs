//! A waveform with given magnitudes: the phases are found by going back and forth (Griffin & Lim 1984), with momentum (Perraudin et al. 2013).
//!
//! With A the magnitudes, c phases of size 1, R₀ = 0 and m the momentum, again and again:
//!
//! - x = ISTFT(A c), R = STFT(x)
//! - c ← R − m / (1 + m) R_before, each value divided by its magnitude
//!
//! as torchaudio.functional.griffinlim has it.

use realfft::num_complex::Complex32;

use super::{Spectra, Stft};

/// Keeps a phase of nothing finite.
const LEAST: f32 = 1e-16;

/// Where the phases start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All 0.
    Zero,
    /// Drawn for every value, by this seed.
    Random(u64),
}

/// How phases are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GriffinLim {
    /// Times back and forth (torchaudio: 32).
    pub iterations: usize,
    /// 0 is the original algorithm (torchaudio: 0.99).
    pub momentum: f32,
    /// Where phases start.
    pub phase: Phase,
}

impl Default for GriffinLim {
    fn default() -> Self {
        GriffinLim { iterations: 32, momentum: 0.99, phase: Phase::Zero }
    }
}

impl GriffinLim {
    /// The sound whose magnitudes are nearly these.
    ///
    /// # Shapes
    /// magnitudes [frames, bins] → (frames − 1) · hop samples
    pub fn run(&self, stft: &Stft, magnitudes: &[f32]) -> Vec<f32> {
        self.run_on(stft, magnitudes, &[])
    }

    /// The same where the first frames' phases are those of `known` [frames, bins] and stay so: a sound that goes on.
    pub fn run_on(&self, stft: &Stft, magnitudes: &[f32], known: &[Complex32]) -> Vec<f32> {
        let bins = stft.bins();
        let mut phases = self.first(magnitudes.len());
        let hold = |phases: &mut [Complex32]| {
            for (phase, known) in phases.iter_mut().zip(known) {
                *phase = known / (known.norm() + LEAST);
            }
        };
        hold(&mut phases);
        let mut before = vec![Complex32::default(); magnitudes.len()];
        let momentum = self.momentum / (1.0 + self.momentum);
        let waveform = |phases: &[Complex32]| {
            let values = phases.iter().zip(magnitudes).map(|(phase, magnitude)| phase * magnitude).collect();
            stft.waveform(&Spectra { values, bins })
        };
        for _ in 0..self.iterations {
            let rebuilt = stft.spectra(&waveform(&phases)).values;
            // One frame alone stands for no sound.
            if rebuilt.len() != phases.len() {
                break;
            }
            for ((phase, rebuilt), before) in phases.iter_mut().zip(&rebuilt).zip(&before) {
                let towards = rebuilt - before * momentum;
                *phase = towards / (towards.norm() + LEAST);
            }
            hold(&mut phases);
            before = rebuilt;
        }
        waveform(&phases)
    }

    fn first(&self, len: usize) -> Vec<Complex32> {
        let Phase::Random(seed) = self.phase else { return vec![Complex32::new(1.0, 0.0); len] };
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        // As torchaudio draws them: within a square, so not of size 1.
        (0..len).map(|_| Complex32::new(draw(), draw())).collect()
    }
}
