//! What happens to each element of a vector, or to each vector: norms, GELU, the gate.

use pulp::{Simd, WithSimd};

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
        simd::with(Apply { norm: self, channels, x, out });
    }
}

struct Apply<'a> {
    norm: &'a Norm,
    channels: usize,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n = self.channels as f32;
        for (x, out) in self.x.chunks_exact(self.channels).zip(self.out.chunks_exact_mut(self.channels)) {
            let mean = sum(simd, x, |x| x, |x| x) / n;
            let centre = simd.splat_f32s(mean);
            let squares = |x| simd.mul_f32s(simd.sub_f32s(x, centre), simd.sub_f32s(x, centre));
            let variance = sum(simd, x, squares, |x| (x - mean) * (x - mean)) / n;
            match self.norm {
                Norm::Layer { gain, shift, eps } => {
                    let rate = 1.0 / (variance + eps).sqrt();
                    let (gain, shift, out) = (&gain[..x.len()], &shift[..x.len()], &mut out[..x.len()]);
                    for i in 0..x.len() {
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
}

/// Σ `of` over whole vectors, then over what is left.
#[inline(always)]
fn sum<S: Simd>(simd: S, x: &[f32], of: impl Fn(S::f32s) -> S::f32s, of_one: impl Fn(f32) -> f32) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(x);
    let mut sums = [simd.splat_f32s(0.0); 2];
    let (pairs, last) = vectors.as_chunks::<2>();
    for pair in pairs {
        sums = [simd.add_f32s(sums[0], of(pair[0])), simd.add_f32s(sums[1], of(pair[1]))];
    }
    for vector in last {
        sums[0] = simd.add_f32s(sums[0], of(*vector));
    }
    let whole = simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]));
    rest.iter().fold(whole, |sum, x| sum + of_one(*x))
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
