//! An even loudness, without ever reaching full scale.

/// The highest that a sample may come: writers of 16 bits cut nothing of it.
const MOST: f32 = 0.99;

/// Brings a sound to `rms_dbfs` decibels below full scale (a constant 1 has 0), or as near as its peak allows. Silence stays.
pub fn to_loudness(waveform: &mut [f32], rms_dbfs: f32) {
    let squares: f64 = waveform.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let rms = (squares / waveform.len().max(1) as f64).sqrt() as f32;
    let peak = waveform.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    if !(rms > 0.0 && peak.is_finite()) {
        return;
    }
    let gain = (10f32.powf(rms_dbfs / 20.0) / rms).min(MOST / peak);
    waveform.iter_mut().for_each(|sample| *sample *= gain);
}
