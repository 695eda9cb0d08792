//! The specification: f64, one row at a time.

/// out [.., C] from x, gain, shift.
pub(super) fn forward(channels: usize, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, gain, shift] = inputs else { unreachable!("three inputs") };
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(channels.max(1)) {
        let mean = row.iter().sum::<f64>() / channels as f64;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / channels as f64;
        out.extend(row.iter().map(|x| gain[0] / variance.sqrt() * (x - mean + shift[0])));
    }
    vec![out]
}
