//! Loudness as broadcasters measure it (ITU-R BS.1770-4): the power of a sound as weighted by what heads and ears do to it, over those of its
//! stretches that are not pauses.
//!
//! Two things are as in the meters of published programs (pyloudnorm, audiotools) and not quite as in the standard, which gives coefficients for
//! 48 kHz alone: filters are computed for the rate at hand, and the last stretch is filled up with silence where it is not whole.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// What a sound that is silent, or nearly so, has.
const LEAST_LUFS: f64 = -70.0;
/// What a sound needs to be measured; silence is put behind one that is shorter.
const LEAST_SECS: f64 = 0.5;
/// Stretches that are so much softer than the mean of the others count as pauses.
const GATE_LU: f64 = 10.0;

/// The loudness of mono samples in LUFS, −70 at least.
pub fn loudness_lufs(samples: &[f32], rate_hz: u32) -> f64 {
    let rate = f64::from(rate_hz);
    // Stretches of 400 ms, one every 100 ms.
    let (stretch, step) = ((0.4 * rate) as usize, (0.1 * rate) as usize);
    let shortest = (LEAST_SECS * rate) as usize;
    let length = samples.len().max(shortest).max(stretch);
    let count = (length - stretch).div_ceil(step.max(1)) + 1;
    let mut stages = [shelf(rate), high_pass(rate)];
    // Of each step the sum of squares: a stretch is four of them.
    let mut steps = vec![0.0; count + 3];
    // Filters ring on where a sound ends: silence that it is filled up with before they see it is not quite silent, that behind it is.
    let silence = std::iter::repeat_n(&0.0, shortest.saturating_sub(samples.len()));
    for (index, &sample) in samples.iter().chain(silence).enumerate() {
        let weighted = stages.iter_mut().fold(f64::from(sample), |x, stage| stage.next(x));
        if let Some(sum) = steps.get_mut(index / step.max(1)) {
            *sum += weighted * weighted;
        }
    }
    let powers: Vec<f64> = steps.windows(4).map(|sums| sums.iter().sum::<f64>() / (0.4 * rate)).collect();
    let mean_above = |threshold: f64| {
        let heard: Vec<f64> = powers.iter().copied().filter(|&power| lufs(power) > threshold).collect();
        heard.iter().sum::<f64>() / heard.len() as f64
    };
    let gate = lufs(mean_above(LEAST_LUFS)) - GATE_LU;
    let loudness = lufs(mean_above(LEAST_LUFS.max(gate)));
    // Not a number where no stretch is loud enough.
    if loudness > LEAST_LUFS { loudness } else { LEAST_LUFS }
}

/// Makes samples louder by so many decibels.
pub fn gain(samples: &mut [f32], by_db: f64) {
    let factor = 10_f64.powf(by_db / 20.0) as f32;
    samples.iter_mut().for_each(|sample| *sample *= factor);
}

fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * power.log10()
}

/// A filter of two poles and two zeros.
struct Biquad {
    /// Over inputs: this one, the last, the one before.
    forward: [f64; 3],
    /// Over outputs: the last, the one before.
    back: [f64; 2],
    inputs: [f64; 2],
    outputs: [f64; 2],
}

impl Biquad {
    fn new(forward: [f64; 3], back: [f64; 3]) -> Self {
        let [unit, last, before] = back;
        Biquad {
            forward: forward.map(|x| x / unit),
            back: [last / unit, before / unit],
            inputs: [0.0; 2],
            outputs: [0.0; 2],
        }
    }

    fn next(&mut self, x: f64) -> f64 {
        let y = self.forward[0] * x + self.forward[1] * self.inputs[0] + self.forward[2] * self.inputs[1]
            - self.back[0] * self.outputs[0]
            - self.back[1] * self.outputs[1];
        self.inputs = [x, self.inputs[0]];
        self.outputs = [y, self.outputs[0]];
        y
    }
}

/// What a head does: 4 dB more above 1.5 kHz.
fn shelf(rate: f64) -> Biquad {
    let angle = TAU * 1_500.0 / rate;
    let amplitude = 10_f64.powf(4.0 / 40.0);
    let (cosine, width) = (angle.cos(), 2.0 * amplitude.sqrt() * angle.sin() / (2.0 * FRAC_1_SQRT_2));
    let (more, less) = (amplitude + 1.0, amplitude - 1.0);
    Biquad::new(
        [
            amplitude * (more + less * cosine + width),
            -2.0 * amplitude * (less + more * cosine),
            amplitude * (more + less * cosine - width),
        ],
        [more - less * cosine + width, 2.0 * (less - more * cosine), more - less * cosine - width],
    )
}

/// What ears do not hear: less below 38 Hz.
fn high_pass(rate: f64) -> Biquad {
    let angle = TAU * 38.0 / rate;
    let (cosine, width) = (angle.cos(), angle.sin());
    Biquad::new(
        [(1.0 + cosine) / 2.0, -(1.0 + cosine), (1.0 + cosine) / 2.0],
        [1.0 + width, -2.0 * cosine, 1.0 - width],
    )
}

#[cfg(test)]
mod tests {
    use super::{gain, loudness_lufs};

    fn tone(rate_hz: u32, secs: f64, amplitude: f64) -> Vec<f32> {
        let count = (secs * f64::from(rate_hz)) as usize;
        let at = |index: usize| std::f64::consts::TAU * 997.0 * index as f64 / f64::from(rate_hz);
        (0..count).map(|index| (amplitude * at(index).sin()) as f32).collect()
    }

    /// The standard's own example: a sine of 997 Hz at full scale in one channel has −3.01 LKFS.
    #[test]
    fn tones_have_the_loudness_of_the_standard() {
        // The shelf is a little lower where it comes near half the rate.
        for (rate_hz, within) in [(16_000, 0.1), (44_100, 0.05), (48_000, 0.05)] {
            let full = loudness_lufs(&tone(rate_hz, 3.0, 1.0), rate_hz);
            assert!((full + 3.01).abs() < within, "{rate_hz}: {full}");
            let soft = loudness_lufs(&tone(rate_hz, 3.0, 10_f64.powf((3.01 - 23.0) / 20.0)), rate_hz);
            assert!((soft + 23.0).abs() < within, "{rate_hz}: {soft}");
        }
    }

    #[test]
    fn pauses_do_not_count_and_silence_has_the_least() {
        let mut sound = tone(48_000, 4.0, 0.1);
        let whole = loudness_lufs(&sound, 48_000);
        sound.extend(tone(48_000, 4.0, 0.001));
        let paused = loudness_lufs(&sound, 48_000);
        assert!((whole - paused).abs() < 0.3, "{whole} {paused}");
        for silent in [&[][..], &[0.0; 100_000]] {
            assert_eq!(loudness_lufs(silent, 48_000), -70.0);
        }
        gain(&mut sound, -6.0);
        assert!((loudness_lufs(&sound, 48_000) - paused + 6.0).abs() < 1e-3);
    }

    /// A sound of less than half a second is measured with silence behind it.
    #[test]
    fn short_sounds_are_filled_up() {
        let short = tone(48_000, 0.1, 0.5);
        let mut filled = short.clone();
        filled.resize(24_000, 0.0);
        assert_eq!(loudness_lufs(&short, 48_000), loudness_lufs(&filled, 48_000));
        assert!(loudness_lufs(&short, 48_000) > -20.0);
    }
}
