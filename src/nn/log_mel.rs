//! Log-mel energies of a waveform: what is heard in bands as wide as the ear's, frame by frame.

use std::f32::consts::PI;

use kernels::conv1d::{Conv1d, conv1d};
use kernels::{Array, Backend, Cpu, OpError, Tape};

/// Added to each energy, so that silence has a logarithm.
const FLOOR: f32 = 1e-6;

/// Sizes of a log-mel front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogMelSizes {
    pub rate_hz: u32,
    pub window_samples: usize,
    pub hop_samples: usize,
    pub bands: usize,
}

/// Hann window → Fourier transform → power → triangles on the mel scale → logarithm. No parameters, and no gradient.
#[derive(Debug, Clone)]
pub struct LogMel {
    sizes: LogMelSizes,
    bins: usize,
    /// Windowed cosines, then sines [2 · bins, 1, window].
    waves: Vec<f32>,
    /// Weight of each bin in each band [bands, bins].
    triangles: Vec<f32>,
}

impl LogMel {
    /// The front end of these sizes, its waves and triangles worked out.
    pub fn new(sizes: LogMelSizes) -> Self {
        let bins = sizes.window_samples / 2 + 1;
        LogMel { sizes, bins, waves: waves(sizes.window_samples, bins), triangles: triangles(sizes, bins) }
    }

    /// The energies of waveforms; of a row that is `known` as [`LogMel::alone`] has it, its first frames are those, and the others are silence.
    ///
    /// # Shapes
    /// waveforms [B, L, 1] → [B, ⌊(L − window) / hop⌋ + 1, bands]
    ///
    /// # Errors
    /// A waveform is shorter than the window, or the device failed.
    pub fn forward<'a, D: Backend>(
        &self,
        waveforms: &Array<D>,
        known: impl Fn(usize) -> Option<&'a [f32]>,
    ) -> Result<Array<D>, OpError> {
        let LogMelSizes { window_samples, hop_samples, bands, .. } = self.sizes;
        let [batch, samples, _] = waveforms.dims("log_mel", "the waveforms")?;
        if samples < window_samples || (0..batch).all(|row| known(row).is_none()) {
            return self.heard(waveforms);
        }
        let frames = (samples - window_samples) / hop_samples + 1;
        let mut energies = match (0..batch).all(|row| known(row).is_some()) {
            true => vec![0.0; batch * frames * bands],
            false => self.heard(waveforms)?.download()?,
        };
        for (row, to) in energies.chunks_exact_mut(frames * bands).enumerate() {
            if let Some(from) = known(row) {
                let (head, behind) = to.split_at_mut(from.len().min(frames * bands));
                head.copy_from_slice(&from[..head.len()]);
                behind.fill(FLOOR.ln());
            }
        }
        Array::from_vec(waveforms.device(), energies, [batch, frames, bands])
    }

    /// The energies of one waveform: of all frames that any of it is in, as if silence were behind it.
    ///
    /// # Shapes
    /// waveform [samples] → [⌈samples / hop⌉, bands]
    ///
    /// # Errors
    /// The device failed.
    pub fn alone(&self, waveform: &[f32]) -> Result<Vec<f32>, OpError> {
        let LogMelSizes { window_samples, hop_samples, .. } = self.sizes;
        let Some(last) = waveform.len().div_ceil(hop_samples).checked_sub(1) else { return Ok(Vec::new()) };
        let mut padded = waveform.to_vec();
        padded.resize(last * hop_samples + window_samples, 0.0);
        let samples = padded.len();
        let waveform = Array::from_vec(&Cpu::default(), padded, [1, samples, 1])?;
        Ok(self.heard(&waveform)?.to_vec())
    }

    fn heard<D: Backend>(&self, waveforms: &Array<D>) -> Result<Array<D>, OpError> {
        let LogMelSizes { window_samples, hop_samples, bands, .. } = self.sizes;
        let device = waveforms.device();
        let waves = Array::from_vec(device, self.waves.clone(), [2 * self.bins, 1, window_samples])?;
        let walk = Conv1d { stride: hop_samples, padding: [0, 0], dilation: 1, groups: 1, gelu: false };
        let spectrum = conv1d(&mut Tape::silent(), waveforms, &waves, None, walk)?;
        let [batch, frames, _] = spectrum.dims("log_mel", "the spectrum")?;
        let values = spectrum.download()?;
        let energies = values.chunks_exact(2 * self.bins).flat_map(|frame| self.energies(frame)).collect();
        Array::from_vec(device, energies, [batch, frames, bands])
    }

    /// The bands' energies of one frame.
    fn energies(&self, frame: &[f32]) -> impl Iterator<Item = f32> {
        let (real, imaginary) = frame.split_at(self.bins);
        let power: Vec<f32> = real.iter().zip(imaginary).map(|(a, b)| a * a + b * b).collect();
        self.triangles.chunks_exact(self.bins).map(move |triangle| {
            let energy: f32 = triangle.iter().zip(&power).map(|(weight, power)| weight * power).sum();
            (energy + FLOOR).ln()
        })
    }
}

/// Cosines and sines of each bin under a Hann window.
fn waves(window: usize, bins: usize) -> Vec<f32> {
    let wave = |turn: fn(f32) -> f32, bin: usize, at: usize| {
        let hann = 0.5 - 0.5 * (2.0 * PI * at as f32 / window as f32).cos();
        // Whole turns are taken out first: they would cost digits.
        hann * turn(2.0 * PI * ((bin * at) % window) as f32 / window as f32)
    };
    let of =
        |turn: fn(f32) -> f32| (0..bins).flat_map(move |bin| (0..window).map(move |at| wave(turn, bin, at)));
    of(f32::cos).chain(of(f32::sin)).collect()
}

/// Triangles from band to band, evenly spaced in mel from 0 Hz to half the rate.
fn triangles(sizes: LogMelSizes, bins: usize) -> Vec<f32> {
    let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
    let highest_hz = sizes.rate_hz as f32 / 2.0;
    let per_band = mel(highest_hz) / (sizes.bands + 1) as f32;
    let weight = |band: usize, bin: usize| {
        let hz = bin as f32 * sizes.rate_hz as f32 / sizes.window_samples as f32;
        (1.0 - (mel(hz) / per_band - (band + 1) as f32).abs()).max(0.0)
    };
    (0..sizes.bands).flat_map(|band| (0..bins).map(move |bin| weight(band, bin))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_loudest_in_its_band() {
        let sizes = LogMelSizes { rate_hz: 16_000, window_samples: 400, hop_samples: 160, bands: 40 };
        let tone = (0..1_600).map(|at| (2.0 * PI * 1_000.0 * at as f32 / 16_000.0).sin()).collect();
        let waveform = Array::from_vec(&Cpu::default(), tone, [1, 1_600, 1]).expect("fits");
        let energies = LogMel::new(sizes).forward(&waveform, |_| None).expect("runs");
        assert_eq!(energies.shape().dims(), [1, 8, 40]);
        // 1 kHz is 1000 mel, and bands are 2840 / 41 mel apart.
        let loudest = |frame: &[f32]| (0..40).max_by(|&a, &b| frame[a].total_cmp(&frame[b]));
        assert!(energies.to_vec().chunks(40).all(|frame| loudest(frame) == Some(13)));
    }

    /// To the last bit, or a run that reads energies from disk would be another.
    #[test]
    fn a_clip_alone_has_the_energies_that_it_has_in_a_batch() {
        let sizes = LogMelSizes { rate_hz: 16_000, window_samples: 400, hop_samples: 160, bands: 40 };
        let log_mel = LogMel::new(sizes);
        for [own, padded] in [[400, 400], [401, 560], [3_999, 4_000], [4_000, 9_000], [16_000, 16_008]] {
            let sound =
                |from: usize, len: usize| (from..from + len).map(|at| ((at * at) as f32 * 0.37).sin() * 0.3);
            let first: Vec<f32> = sound(5, own).collect();
            let mut both = first.clone();
            both.resize(padded, 0.0);
            both.extend(sound(9_999, padded));
            let both = Array::from_vec(&Cpu::default(), both, [2, padded, 1]).expect("fits");
            let usual = log_mel.forward(&both, |_| None).expect("runs").to_vec();
            let alone = log_mel.alone(&first).expect("runs");
            let known = |row: usize| (row == 0).then_some(&alone[..]);
            let read = log_mel.forward(&both, known).expect("runs").to_vec();
            assert!(usual.iter().zip(&read).all(|(a, b)| a.to_bits() == b.to_bits()), "{own} of {padded}");
            let all = log_mel.forward(&both, |_| Some(&alone[..])).expect("runs").to_vec();
            assert_eq!(all[..all.len() / 2], read[..read.len() / 2]);
        }
    }
}
