//! Resampling as torchaudio does it by default (`torchaudio.functional.resample`): a sinc under a Hann window, six zero crossings wide.
//!
//! For what has to agree with programs that resample so, as codes of neural codecs do. Not for anything else: [`resample`](super::resample) has the
//! steeper filter.

use std::f32::consts::PI;

use super::Reason;
use super::resample::check_rate;

/// Zero crossings on each side of the filter.
const CROSSINGS: f32 = 6.0;
/// Where the filter rolls off, as a share of half the slower rate.
const ROLLOFF: f64 = 0.99;

/// The filter of one phase: the first input sample that it sees, counted from the phase's own, and the weights from there.
struct Phase {
    first: isize,
    weights: Vec<f32>,
}

/// Resamples `samples` from `from_hz` to `to_hz`: `ceil(n * to_hz / from_hz)` samples; outside of the clip the signal counts as silence.
///
/// # Errors
/// A rate that no recording has.
pub fn resample_by_sinc(samples: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>, Reason> {
    check_rate(from_hz)?;
    check_rate(to_hz)?;
    if from_hz == to_hz {
        return Ok(samples.to_vec());
    }
    let common = common_divisor(from_hz, to_hz);
    let (step_in, step_out) = ((from_hz / common) as usize, (to_hz / common) as usize);
    let phases: Vec<Phase> = (0..step_out).map(|phase| Phase::new(phase, step_in, step_out)).collect();
    let wanted = (samples.len() * step_out).div_ceil(step_in);
    let sample = |at: usize| {
        let phase = &phases[at % step_out];
        let first = (at / step_out * step_in) as isize + phase.first;
        let skipped = usize::try_from(-first).unwrap_or_default().min(phase.weights.len());
        let seen = samples.get(usize::try_from(first).unwrap_or_default()..).unwrap_or_default();
        seen.iter().zip(&phase.weights[skipped..]).map(|(x, weight)| x * weight).sum()
    };
    Ok((0..wanted).map(sample).collect())
}

impl Phase {
    fn new(phase: usize, step_in: usize, step_out: usize) -> Self {
        let base = (step_in.min(step_out) as f64 * ROLLOFF) as f32;
        // torchaudio makes the filter in single precision, step for step; so do we, or codes of sound resampled by it would be others.
        let (step_in, time) = (step_in as f32, -(phase as f32 / step_out as f32));
        // The filter is 0 beyond its crossings.
        let reach = CROSSINGS / base;
        let first = ((-time - reach) * step_in).floor() as isize;
        let last = ((reach - time) * step_in).ceil() as isize;
        let scale = base / step_in;
        let weight = |tap: isize| {
            let at = ((tap as f32 / step_in + time) * base).clamp(-CROSSINGS, CROSSINGS);
            let window = (at * PI / CROSSINGS / 2.0).cos().powi(2);
            let angle = at * PI;
            let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
            sinc * (window * scale)
        };
        Phase { first, weights: (first..=last).map(weight).collect() }
    }
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::resample_by_sinc;

    #[test]
    fn lengths_and_silence() {
        for (count, from, to, want) in [
            (1, 44_100, 24_000, 1),
            (441, 44_100, 24_000, 240),
            (442, 44_100, 24_000, 241),
            (5, 16_000, 24_000, 8),
        ] {
            let samples = resample_by_sinc(&vec![0.0; count], from, to).unwrap();
            assert_eq!(samples, vec![0.0; want]);
        }
        assert_eq!(resample_by_sinc(&[], 44_100, 24_000).unwrap(), [0.0; 0]);
        assert_eq!(resample_by_sinc(&[1.0, 2.0], 24_000, 24_000).unwrap(), [1.0, 2.0]);
        assert!(resample_by_sinc(&[1.0], 24_000, 7).is_err());
    }

    /// Rates without a common divisor have a filter for each output phase; they must not have one as long as a second.
    #[test]
    fn odd_rates_cost_no_more_memory_than_others() {
        let samples = vec![0.5; 20_000];
        let resampled = resample_by_sinc(&samples, 767_999, 24_000).unwrap();
        assert_eq!(resampled.len(), 626);
        assert!(resampled[300..310].iter().all(|x| (x - 0.5).abs() < 1e-3), "{:?}", &resampled[300..310]);
    }
}
