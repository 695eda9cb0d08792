//! The waveform normalisation that wav2vec2 was trained with.

/// Added to the variance inside the root, as the reference's feature extractor does: silence stays silence.
const VARIANCE_FLOOR: f64 = 1e-7;

/// The mean of `samples`, summed in `f64`; 0 of none.
pub fn mean(samples: &[f32]) -> f64 {
    samples.iter().map(|&x| f64::from(x)).sum::<f64>() / samples.len().max(1) as f64
}

/// Brings `samples` to zero mean and unit (population) variance, in place.
///
/// Hand in the valid part of an utterance only; padding stays zero and counts for nothing. Sums are kept in
/// `f64`, so the result does not depend on how long the clip is or how it was summed.
pub fn normalise(samples: &mut [f32]) {
    if samples.is_empty() {
        return;
    }
    let count = samples.len() as f64;
    let mean = mean(samples);
    let variance = samples.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / (variance + VARIANCE_FLOOR).sqrt();
    for x in samples {
        *x = ((f64::from(*x) - mean) * scale) as f32;
    }
}
