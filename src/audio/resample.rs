//! Band-limited resampling between any two sample rates, by FFT (rubato).

use std::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use super::Reason;

/// Rates outside are damaged headers; with them a few bytes could ask for gigabytes of output.
const RATES_HZ: RangeInclusive<u32> = 1_000..=768_000;

/// Length of the anti-aliasing filter in samples of the slower rate, at least. It sets how steep the filter
/// is: measured, tones up to 97 % of the slower rate's half pass within 2e-6, and from 101 % on they are gone
/// (below 1e-6).
const FILTER_SAMPLES: usize = 1_024;

pub(super) fn check_rate(rate_hz: u32) -> Result<(), Reason> {
    if RATES_HZ.contains(&rate_hz) { Ok(()) } else { Err(Reason::Rate { rate_hz }) }
}

/// Resamples `samples` from `from_hz` to `to_hz`: `ceil(n * to_hz / from_hz)` samples, without delay.
///
/// Sample `i` of the result lies at time `i / to_hz`; outside of the clip the signal counts as silence. Equal
/// rates hand the samples back untouched.
pub fn resample(samples: Vec<f32>, from_hz: u32, to_hz: u32) -> Result<Vec<f32>, Reason> {
    check_rate(from_hz)?;
    check_rate(to_hz)?;
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples);
    }
    let wanted = (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz)) as usize;
    let mut resampled = run(samples, from_hz as usize, to_hz as usize)
        .map_err(|detail| Reason::Damaged { detail: format!("resampling failed: {detail}") })?;
    resampled.truncate(wanted);
    Ok(resampled)
}

/// At least the wanted number of samples; rubato computes its length in floating point, so a little silence
/// is appended to stay on the safe side of its rounding.
fn run(mut samples: Vec<f32>, from_hz: usize, to_hz: usize) -> Result<Vec<f32>, String> {
    samples.extend(std::iter::repeat_n(0.0, from_hz.div_ceil(to_hz)));
    let block_in = block_samples(from_hz, to_hz);
    let window = WindowFunction::BlackmanHarris2;
    let mut fft = Fft::<f32>::new_custom(from_hz, to_hz, block_in, 1, 1, window, FixedSync::Both)
        .map_err(|error| error.to_string())?;
    let input = InterleavedSlice::new(&samples, 1, samples.len()).map_err(|error| error.to_string())?;
    let output = fft.process_all(&input, samples.len(), None).map_err(|error| error.to_string())?;
    Ok(output.take_data())
}

/// Input samples of one FFT block: an even number of times the smallest block that is whole at both rates.
///
/// Even, because the filter's centre (half a block) must fall on a sample of both rates; an odd block shifts
/// the sound by a fraction of a sample.
fn block_samples(from_hz: usize, to_hz: usize) -> usize {
    let common = greatest_common_divisor(from_hz, to_hz);
    let (step_in, step_out) = (from_hz / common, to_hz / common);
    let blocks = FILTER_SAMPLES.div_ceil(step_in.min(step_out));
    step_in * blocks.next_multiple_of(2)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
