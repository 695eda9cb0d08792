//! The specification: f64, one frame at a time.

use super::{Batch, FirstFrame};

/// `zero_padding` of x.
pub(super) fn zero(batch: &Batch, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    by_frame(batch, inputs, |t, len| (t < len).then_some(t))
}

/// `reverse_padded` of x.
pub(super) fn reverse(batch: &Batch, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    by_frame(batch, inputs, |t, len| (t < len).then(|| len - 1 - t))
}

/// Output frame t is input frame `source(t, len)`, or zeros.
fn by_frame(
    batch: &Batch,
    inputs: &[Vec<f64>],
    source: impl Fn(usize, usize) -> Option<usize>,
) -> Vec<Vec<f64>> {
    let Batch { time, channels, .. } = *batch;
    let mut out = vec![0.0; inputs[0].len()];
    for (b, &len) in batch.lens.iter().enumerate() {
        for t in 0..time {
            let Some(from) = source(t, len) else { continue };
            for c in 0..channels {
                out[(b * time + t) * channels + c] = inputs[0][(b * time + from) * channels + c];
            }
        }
    }
    vec![out]
}

/// `mean_pool` of x.
pub(super) fn mean(batch: &Batch, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let Batch { time, channels, .. } = *batch;
    let mut out = vec![0.0; batch.lens.len() * channels];
    for (b, &len) in batch.lens.iter().enumerate() {
        for t in 0..len {
            for c in 0..channels {
                out[b * channels + c] += inputs[0][(b * time + t) * channels + c] / len as f64;
            }
        }
    }
    vec![out]
}

/// `first_frame` of x.
pub(super) fn first(op: &FirstFrame, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    vec![inputs[0].chunks(op.sequence).flat_map(|x| x[..op.channels].to_vec()).collect()]
}
