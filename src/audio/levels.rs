//! Samples as levels, and back: the quantisers of the published models of raw sound.
//!
//! Two families of programs use two conventions that are not interchangeable: torchaudio's µ-law of the waveform as it is, and the
//! authors' own, which first stretch each clip between its extremes. Both are here, with what makes the second no inverse of itself.

/// How samples become levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// torchaudio's µ-law with µ = levels − 1, of samples kept inside ±1.
    Mu,
    /// The authors' µ-law of clips stretched to ±1.
    MuMinMax,
    /// Equal steps of clips stretched to 0 … 1, the authors'.
    LinearMinMax,
}

/// A law and a number of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    pub law: Law,
    /// At least 2.
    pub count: u32,
}

impl Levels {
    /// The level of silence: what every sequence begins with, and what stands behind its end.
    pub fn zero(self) -> u32 {
        self.count / 2
    }

    /// The level of each sample of a whole clip.
    pub fn encode(self, clip: &[f32]) -> Vec<u32> {
        match self.law {
            Law::Mu => clip.iter().map(|&x| self.mu(f64::from(x).clamp(-1.0, 1.0))).collect(),
            Law::MuMinMax => {
                stretched(clip, |share| self.even((self.companded(2.0 * share - 1.0) + 1.0) / 2.0))
            }
            Law::LinearMinMax => stretched(clip, |share| self.even(share)),
        }
    }

    /// The sample that a level stands for.
    pub fn decode(self, level: u32) -> f32 {
        let mu = f64::from(self.count - 1);
        let half = f64::from(self.count) / 2.0;
        let sample = match self.law {
            Law::Mu => {
                let y = 2.0 * f64::from(level) / mu - 1.0;
                y.signum() * ((y.abs() * mu.ln_1p()).exp() - 1.0) / mu
            }
            Law::MuMinMax => {
                let y = f64::from(level) / half - 1.0;
                y.signum() * (f64::from(self.count).powf(y.abs()) - 1.0) / mu
            }
            Law::LinearMinMax => f64::from(level) / half - 1.0,
        };
        sample as f32
    }

    /// torchaudio's rule: companding, then rounding to the nearest of evenly spaced levels.
    fn mu(self, x: f64) -> u32 {
        let mu = f64::from(self.count - 1);
        let y = x.signum() * (mu * x.abs()).ln_1p() / mu.ln_1p();
        // signum(0) is 1 here and 0 there; ln 1 is 0 either way.
        ((y + 1.0) / 2.0 * mu + 0.5) as u32
    }

    /// The authors' companding, with their guard against the logarithm of 1 at 0.
    fn companded(self, x: f64) -> f64 {
        let mu = f64::from(self.count - 1);
        x.signum() * (mu * (x + 1e-8).abs()).ln_1p() / f64::from(self.count).ln()
    }

    /// The authors' even steps of 0 … 1.
    fn even(self, share: f64) -> u32 {
        (share * (f64::from(self.count) - 0.01) + 0.005) as u32
    }
}

/// `level` of each sample's place between the smallest and the largest. Silence lies at 0.
fn stretched(clip: &[f32], level: impl Fn(f64) -> u32) -> Vec<u32> {
    let low = clip.iter().copied().fold(f32::INFINITY, f32::min);
    let high = clip.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let span = f64::from(high - low) + 1e-6;
    clip.iter().map(|&x| level(f64::from(x - low) / span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(law: Law) -> Levels {
        Levels { law, count: 256 }
    }

    /// torchaudio's transforms, measured.
    #[test]
    fn torchaudios_mu_law() {
        let mu = levels(Law::Mu);
        assert_eq!(mu.encode(&[0.0, -0.0, 1.0, -1.0, 7.0]), [128, 128, 255, 0, 255]);
        for (level, want) in [(128, 8.621309e-5), (127, -8.62117e-5), (0, -1.0), (255, 1.0)] {
            assert!((mu.decode(level) - want).abs() < 2e-9, "{level}: {}", mu.decode(level));
        }
        let all: Vec<u32> = (0..256).collect();
        let samples: Vec<f32> = all.iter().map(|&level| mu.decode(level)).collect();
        assert_eq!(mu.encode(&samples), all);
        // In 16 bits, 0 … 5 are one level and −5 … −1 another.
        let sixteen = |range: std::ops::RangeInclusive<i16>| {
            mu.encode(&range.map(|sample| f32::from(sample) / 32768.0).collect::<Vec<_>>())
        };
        assert!(sixteen(0..=5).iter().all(|&level| level == 128) && sixteen(6..=6) == [129]);
        assert!(sixteen(-5..=-1).iter().all(|&level| level == 127) && sixteen(-6..=-6) == [126]);
    }

    /// The authors' programs, measured: decoding is no inverse, silence is the lowest level.
    #[test]
    fn the_authors_levels() {
        for law in [Law::MuMinMax, Law::LinearMinMax] {
            let levels = levels(law);
            assert_eq!(levels.encode(&[0.25; 5]), [0; 5]);
            assert_eq!((levels.decode(0), levels.decode(128)), (-1.0, 0.0));
            let encoded = levels.encode(&[-0.5, 0.0, 0.5]);
            assert_eq!([encoded[0], encoded[2]], [0, 255], "{law:?}");
        }
        assert!((levels(Law::MuMinMax).decode(255) - 0.9574).abs() < 5e-5);
        let mu = levels(Law::MuMinMax);
        let samples: Vec<f32> = (0..256).map(|level| mu.decode(level)).collect();
        // Stretching would move them: the law alone.
        let again = |sample: f32| mu.even((mu.companded(f64::from(sample)) + 1.0) / 2.0);
        let shifted = samples.iter().zip(0..).filter(|&(&sample, level)| again(sample) + 1 == level).count();
        // Levels lie on the edges between them; in single precision, as there, it is 152.
        assert_eq!(shifted, 126);
    }
}
