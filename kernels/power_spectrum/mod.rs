//! Power spectra of many frames of sound: sixteen real Fourier transforms side by side, one in each lane of a vector.
//!
//! A single transform of some hundred samples spends most of its time on shuffling values within vectors. Side by side there is nothing to
//! shuffle, and what comes before and after (windows, filterbanks, logarithms) goes sixteen frames at a time as well.
//! For: features of sound, which have no gradient. Not for: long convolutions, whose transforms are far longer (`fft.rs`).
//! Start at [`PowerSpectrum`]; the transform itself is in `transform.rs`.

mod transform;

#[cfg(test)]
mod tests;

use std::f64::consts::TAU;

use pulp::{Simd, WithSimd};

use crate::simd;
use transform::{Transform, take};

/// How many frames go side by side.
pub const FRAMES: usize = 16;

/// One value of each frame.
pub type Lane = [f32; FRAMES];

/// |X[k]|² of real frames of one even length, for k from 0 to half of it.
#[derive(Debug, Clone)]
pub struct PowerSpectrum {
    /// Of half the length: even samples are the real parts, odd ones the imaginary parts.
    transform: Transform,
    /// e^(−2πik/length) for k up to a quarter of the length.
    turns: Vec<[f32; 2]>,
}

impl PowerSpectrum {
    /// Planned for frames of `len` samples; `None` if that is odd or 0.
    pub fn new(len: usize) -> Option<Self> {
        if len == 0 || len % 2 == 1 {
            return None;
        }
        let turn = |k: usize| {
            let (sin, cos) = (TAU * k as f64 / len as f64).sin_cos();
            [cos as f32, -sin as f32]
        };
        Some(PowerSpectrum { transform: Transform::new(len / 2), turns: (0..=len / 4).map(turn).collect() })
    }

    /// Samples per frame.
    pub fn len(&self) -> usize {
        2 * self.transform.len()
    }

    /// Never: there are two samples at least.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Values per spectrum: half the length and one.
    pub fn bins(&self) -> usize {
        self.transform.len() + 1
    }

    /// Lanes that [`PowerSpectrum::run`] needs beside frames and powers.
    pub fn work_len(&self) -> usize {
        self.transform.work_len()
    }

    /// # Shapes
    /// frames [length, 16], work as [`PowerSpectrum::work_len`] says, power [bins, 16]. Frames and work are left in disorder.
    ///
    /// # Panics
    /// A slice has another length.
    pub fn run(&self, frames: &mut [Lane], work: &mut [Lane], power: &mut [Lane]) {
        let lens = [self.len(), self.work_len(), self.bins()];
        assert_eq!([frames.len(), work.len(), power.len()], lens, "frames, work, powers");
        simd::with(Run { plan: self, frames, work, power });
    }
}

/// One call of [`PowerSpectrum::run`].
struct Run<'a> {
    plan: &'a PowerSpectrum,
    frames: &'a mut [Lane],
    work: &'a mut [Lane],
    power: &'a mut [Lane],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.plan.transform.run(simd, self.frames, self.work);
        let places = self.plan.transform.places();
        let half = places.len();
        let transformed = S::as_simd_f32s(self.frames.as_flattened()).0;
        let power = S::as_mut_simd_f32s(self.power.as_flattened_mut()).0;
        let per_lane = FRAMES / S::F32_LANES;
        for (k, &turn) in self.plan.turns.iter().enumerate() {
            // What is one turn on is at the start.
            let (a, b) = (2 * places[k % half] * per_lane, 2 * places[(half - k) % half] * per_lane);
            for v in 0..per_lane {
                let [a, b] = [take(transformed, a + v, per_lane), take(transformed, b + v, per_lane)];
                let [low, high] = powers(simd, a, b, turn);
                power[k * per_lane + v] = low;
                power[(half - k) * per_lane + v] = high;
            }
        }
    }
}

/// From two mirrored values of the transform of even + i · odd samples to the powers of the frame's own at both places.
#[inline(always)]
fn powers<S: Simd>(simd: S, a: [S::f32s; 2], b: [S::f32s; 2], [cos, sin]: [f32; 2]) -> [S::f32s; 2] {
    let half = simd.splat_f32s(0.5);
    let (cos, sin) = (simd.splat_f32s(0.5 * cos), simd.splat_f32s(0.5 * sin));
    let even_re = simd.mul_f32s(half, simd.add_f32s(a[0], b[0]));
    let even_im = simd.mul_f32s(half, simd.sub_f32s(a[1], b[1]));
    let (odd_re, odd_im) = (simd.add_f32s(a[1], b[1]), simd.sub_f32s(b[0], a[0]));
    let re = simd.mul_add_e_f32s(odd_re, cos, simd.neg_f32s(simd.mul_f32s(odd_im, sin)));
    let im = simd.mul_add_e_f32s(odd_re, sin, simd.mul_f32s(odd_im, cos));
    [
        squared(simd, simd.add_f32s(even_re, re), simd.add_f32s(even_im, im)),
        squared(simd, simd.sub_f32s(even_re, re), simd.sub_f32s(even_im, im)),
    ]
}

#[inline(always)]
fn squared<S: Simd>(simd: S, re: S::f32s, im: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(re, re, simd.mul_f32s(im, im))
}
