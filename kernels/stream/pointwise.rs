//! What happens to each element of a vector, or to each vector: norms, GELU, the gate.

use crate::gelu::fused;
use crate::simd;

/// How a block normalises its input, [lanes, channels].
#[derive(Debug, Clone)]
pub enum Norm {
    /// (x − μ) / √(σ² + eps) · gain + shift, one of both for each channel.
    Layer {
        /// [channels].
        gain: Vec<f32>,
        /// [channels].
        shift: Vec<f32>,
        /// Keeps vectors without variance finite.
        eps: f32,
    },
    /// gain / σ · (x − μ + shift), one of both for all channels.
    Scalar {
        /// s.
        gain: f32,
        /// m.
        shift: f32,
    },
}

impl Norm {
    /// Normalises each of the vectors of `channels` elements in `x` into `out`.
    pub fn apply(&self, channels: usize, x: &[f32], out: &mut [f32]) {
        simd::dispatch(
            #[inline(always)]
            || {
                for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
                    self.one(x, out);
                }
            },
        );
    }

    #[inline(always)]
    fn one(&self, x: &[f32], out: &mut [f32]) {
        let n = x.len();
        let mean = simd::sum(x) / n as f32;
        let variance = simd::squared_differences(x, mean) / n as f32;
        match self {
            Norm::Layer { gain, shift, eps } => {
                let rate = 1.0 / (variance + eps).sqrt();
                let (gain, shift, out) = (&gain[..n], &shift[..n], &mut out[..n]);
                for i in 0..n {
                    out[i] = ((x[i] - mean) * rate).mul_add(gain[i], shift[i]);
                }
            }
            Norm::Scalar { gain, shift } => {
                let rate = gain / variance.sqrt();
                out.iter_mut().zip(x).for_each(|(out, x)| *out = rate * (x - mean + shift));
            }
        }
    }
}

/// Turns values into their GELU where they lie.
pub fn gelu(values: &mut [f32]) {
    fused::activate(values);
}

/// x += a · sigmoid(b), where `halves` holds for each lane a and b, `stride` apart from the next lane's; x is [lanes, channels].
pub fn add_gated(channels: usize, halves: &[f32], stride: usize, x: &mut [f32]) {
    simd::dispatch(
        #[inline(always)]
        || {
            for (x, halves) in x.chunks_exact_mut(channels).zip(halves.chunks(stride)) {
                let (a, b) = halves[..2 * channels].split_at(channels);
                for ((x, a), b) in x.iter_mut().zip(a).zip(b) {
                    *x = a.mul_add(simd::sigmoid(*b), *x);
                }
            }
        },
    );
}

/// x += b, where the lanes of b are `stride` apart; x is [lanes, channels].
pub fn add(channels: usize, b: &[f32], stride: usize, x: &mut [f32]) {
    for (x, b) in x.chunks_exact_mut(channels).zip(b.chunks(stride)) {
        simd::add(x, b);
    }
}
