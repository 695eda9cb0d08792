//! What a sound file is like, by its samples: how loud, how much of it at full scale, how much silent.

use std::path::Path;

use super::{AudioError, Blocks, Facts};

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

/// Decodes the file at `path` and measures it, a block at a time: the memory it takes does not grow with its length.
///
/// # Errors
/// As [`super::read`].
pub fn measure(path: &Path) -> Result<Measured, AudioError> {
    let mut blocks = Blocks::open(path)?;
    let mut sums = Sums::at(blocks.rate_hz());
    while let Some(block) = blocks.next_block()? {
        sums.hear(&block);
    }
    Ok(sums.measured(blocks.facts()))
}

/// What was heard so far.
struct Sums {
    /// Samples of a frame that is silent or not.
    frame: usize,
    /// The beginning of a frame that the next block goes on with.
    begun: Vec<f32>,
    squares: f64,
    peak: f32,
    clipped_samples: u64,
    silent_samples: usize,
}

impl Sums {
    fn at(rate_hz: u32) -> Self {
        let frame = ((f64::from(rate_hz) * FRAME_SECS) as usize).max(1);
        Sums { frame, begun: Vec::new(), squares: 0.0, peak: 0.0, clipped_samples: 0, silent_samples: 0 }
    }

    fn hear(&mut self, block: &[f32]) {
        self.peak = block.iter().fold(self.peak, |peak, x| peak.max(x.abs()));
        self.clipped_samples += block.iter().filter(|x| x.abs() >= FULL_SCALE).count() as u64;
        self.begun.extend_from_slice(block);
        let whole = self.begun.len() - self.begun.len() % self.frame;
        let rest = self.begun.split_off(whole);
        for frame in std::mem::replace(&mut self.begun, rest).chunks(self.frame) {
            self.frame_ended(frame);
        }
    }

    fn frame_ended(&mut self, frame: &[f32]) {
        let squares: f64 = frame.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        self.squares += squares;
        if squares <= 10f64.powf(SILENCE_DB / 10.0) * frame.len() as f64 {
            self.silent_samples += frame.len();
        }
    }

    fn measured(mut self, facts: Facts) -> Measured {
        let last = std::mem::take(&mut self.begun);
        self.frame_ended(&last);
        Measured {
            facts,
            mean_square: self.squares / facts.samples as f64,
            peak: self.peak,
            clipped_samples: self.clipped_samples,
            silent_secs: self.silent_samples as f64 / f64::from(facts.rate_hz),
        }
    }
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

    /// Frames go on from one block to the next.
    #[test]
    fn silence_is_counted_across_blocks() {
        let mut samples = vec![0.5; 65_530];
        samples.extend([0.0; 40]);
        samples.extend([0.5; 66_000]);
        let measured = measured(&samples);
        assert_eq!((measured.facts.samples, measured.silent_secs), (131_570, 0.02));
        assert!((measured.mean_square - 0.25 * 131_530.0 / 131_570.0).abs() < 1e-9);
    }
}
