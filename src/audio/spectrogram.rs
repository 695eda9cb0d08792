//! A sound by time and frequency, in decibels: for eyes, not for models (`features` has what they hear).

use std::f32::consts::PI;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Samples under one window: at 16 kHz 32 ms, in which voices show their harmonics.
const WINDOW_SAMPLES: usize = 512;
/// Between two frames at least: at 16 kHz 4 ms.
const HOP_SAMPLES: usize = 64;
/// Frames at most; longer sounds have wider steps.
const MOST_FRAMES: usize = 1024;
/// What stands for silence.
pub const FLOOR_DB: f32 = -80.0;

/// Magnitudes of short-time Fourier transforms.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrogram {
    pub frames: usize,
    /// From 0 Hz to half the rate, evenly.
    pub bins: usize,
    /// [frames, bins], from [`FLOOR_DB`] up; a sine that reaches ±1 has 0 dB.
    pub decibels: Vec<f32>,
}

impl Spectrogram {
    /// Of a whole sound: Hann windows around every so many samples, with silence before the first and behind the last.
    pub fn of(samples: &[f32]) -> Self {
        let hop = HOP_SAMPLES.max(samples.len().div_ceil(MOST_FRAMES));
        let frames = samples.len().div_ceil(hop);
        let hann: Vec<f32> = (0..WINDOW_SAMPLES)
            .map(|at| 0.5 - 0.5 * (2.0 * PI * at as f32 / WINDOW_SAMPLES as f32).cos())
            .collect();
        // Half of a sine's amplitude is at its bin, times the window's sum.
        let scale = 2.0 / hann.iter().sum::<f32>();
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW_SAMPLES);
        let (mut windowed, mut spectrum) = (transform.make_input_vec(), transform.make_output_vec());
        let bins = spectrum.len();
        let mut decibels = Vec::with_capacity(frames * bins);
        for frame in 0..frames {
            for (at, (to, hann)) in windowed.iter_mut().zip(&hann).enumerate() {
                let sample = (frame * hop + at).checked_sub(WINDOW_SAMPLES / 2);
                *to = sample.and_then(|at| samples.get(at)).map_or(0.0, |sample| sample * hann);
            }
            // Both lengths are the transform's own, which is all it can refuse.
            _ = transform.process(&mut windowed, &mut spectrum);
            decibels.extend(spectrum.iter().map(|value| decibels_of(*value * scale)));
        }
        Spectrogram { frames, bins, decibels }
    }
}

fn decibels_of(value: Complex<f32>) -> f32 {
    (10.0 * value.norm_sqr().log10()).max(FLOOR_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, amplitude: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|at| amplitude * (2.0 * PI * hz * at as f32 / 16_000.0).sin()).collect()
    }

    /// 1 kHz lies on bin 32 of 512 samples at 16 kHz, and half of full scale 6.02 dB below it.
    #[test]
    fn a_tone_stands_at_its_frequency_as_loud_as_it_is() {
        let shown = Spectrogram::of(&tone(1_000.0, 0.5, 16_000));
        assert_eq!((shown.frames, shown.bins, shown.decibels.len()), (250, 257, 250 * 257));
        for frame in shown.decibels.chunks(shown.bins).skip(8).take(230) {
            let loudest = (0..shown.bins).max_by(|&a, &b| frame[a].total_cmp(&frame[b]));
            assert_eq!(loudest, Some(32));
            assert!((frame[32] + 6.02).abs() < 0.05, "{}", frame[32]);
            assert!(frame[100] < -70.0, "{}", frame[100]);
        }
    }

    #[test]
    fn silence_is_the_floor_and_long_sounds_have_no_more_frames() {
        assert!(Spectrogram::of(&[0.0; 700]).decibels.iter().all(|&value| value == FLOOR_DB));
        assert_eq!(Spectrogram::of(&[0.0; 700]).frames, 11);
        assert_eq!(Spectrogram::of(&vec![0.0; 1_000_000]).frames, 1_024);
        assert_eq!(Spectrogram::of(&[]).frames, 0);
        // What is no number is shown as nothing.
        assert!(Spectrogram::of(&[f32::NAN; 64]).decibels.iter().all(|&value| value == FLOOR_DB));
    }
}
