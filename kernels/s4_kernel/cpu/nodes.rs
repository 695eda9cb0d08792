//! The nodes of one period, what the sums come to there, and the way to the samples and back.

use realfft::num_complex::Complex32;

use super::terms::{self, Block, LANES, Lanes, Pole, PoleGradient};
use crate::fft::{self, Transforms};
use crate::simd;

/// What the sums at the nodes say, pole by pole.
pub(super) struct Pulled {
    pub poles: Vec<PoleGradient>,
    /// ∂loss/∂dt where dt stands before the sums.
    pub dt: f64,
    /// The real cotangent of K at infinity.
    pub at_infinity: f64,
}

/// Room for one row's way back.
pub(super) struct Scratch {
    transform: fft::Scratch,
    cotangents: Vec<Block>,
}

/// The nodes y_j = 2 tan(π j / Lk) for j = 0 … Lk/2 − 1, in blocks, the last filled up with its last node; and the transforms.
pub(super) struct Nodes {
    blocks: Vec<Lanes>,
    period: usize,
    transforms: Transforms,
}

impl Nodes {
    /// The nodes of a kernel of `period` samples, an even number.
    pub fn new(period: usize) -> Self {
        let half = period / 2;
        let node =
            |j: usize| (2.0 * (std::f64::consts::PI * j.min(half - 1) as f64 / period as f64).tan()) as f32;
        Nodes {
            blocks: (0..half).step_by(LANES).map(|first| std::array::from_fn(|l| node(first + l))).collect(),
            period,
            transforms: Transforms::of(period),
        }
    }

    /// Room for one row's way there.
    pub fn transform(&self) -> fft::Scratch {
        self.transforms.scratch()
    }

    /// Room for one row's way back.
    pub fn scratch(&self) -> Scratch {
        Scratch { transform: self.transform(), cotangents: vec![Block::ZERO; self.blocks.len()] }
    }

    /// Fills K at all nodes but the infinite one.
    pub fn respond(&self, poles: &[Pole], dt: f32, spectrum: &mut [Complex32]) {
        let half = self.period / 2;
        for (y, spectrum) in self.blocks.iter().zip(spectrum[..half].chunks_mut(LANES)) {
            let mut k = [[0.0f32; LANES]; 2];
            simd::dispatch(
                #[inline(always)]
                || combine(&terms::sums(poles, y), y, dt, &mut k),
            );
            for (l, to) in spectrum.iter_mut().enumerate() {
                *to = Complex32::new(k[0][l], k[1][l]);
            }
        }
    }

    /// The samples of a period from K.
    pub fn inverse(&self, scratch: &mut fft::Scratch) {
        self.transforms.inverse(scratch);
    }

    /// From the gradient of the first samples to that of the poles.
    pub fn pull_back(&self, poles: &[Pole], dt: f64, dk: &[f32], scratch: &mut Scratch) -> Pulled {
        let half = self.period / 2;
        let Scratch { transform, cotangents } = scratch;
        transform.signal[..dk.len()].copy_from_slice(dk);
        transform.signal[dk.len()..].fill(0.0);
        self.transforms.forward(transform);
        let spectrum = &mut transform.spectrum;
        // Each inner frequency stands for its mirror image, too.
        let scale = |j: usize| if j == 0 || j == half { 1.0 } else { 2.0 } / self.period as f32;
        for (j, value) in spectrum.iter_mut().enumerate() {
            *value *= scale(j);
        }
        let mut pulled = Pulled {
            poles: vec![PoleGradient::default(); poles.len()],
            dt: 0.0,
            at_infinity: f64::from(spectrum[half].re),
        };
        let blocks = self.blocks.iter().zip(spectrum[..half].chunks(LANES));
        for ((y, dk), cotangents) in blocks.zip(&mut *cotangents) {
            // Nodes that only fill up the last block have no cotangent.
            let mut lanes = [[0.0f32; LANES]; 2];
            for (l, dk) in dk.iter().enumerate() {
                (lanes[0][l], lanes[1][l]) = (dk.re, dk.im);
            }
            simd::dispatch(
                #[inline(always)]
                || pulled.dt += separate(&terms::sums(poles, y), y, dt as f32, &lanes, cotangents),
            );
        }
        for (pole, gradient) in poles.iter().zip(&mut pulled.poles) {
            *gradient = simd::with(terms::PullBack { pole, nodes: &self.blocks, cotangents });
        }
        pulled
    }
}

/// K from the sums.
#[inline(always)]
fn combine(sums: &Block, y: &Lanes, dt: f32, k: &mut [Lanes; 2]) {
    let Block { re, im } = sums;
    for l in 0..LANES {
        let (delta_re, delta_im) = (dt.mul_add(re[3][l], 1.0), dt * im[3][l]);
        let scale = dt * dt / delta_re.mul_add(delta_re, delta_im * delta_im);
        let product_re = re[1][l].mul_add(re[2][l], -(im[1][l] * im[2][l]));
        let product_im = re[1][l].mul_add(im[2][l], im[1][l] * re[2][l]);
        let low_re = scale * product_re.mul_add(delta_re, product_im * delta_im);
        let low_im = scale * product_im.mul_add(delta_re, -(product_re * delta_im));
        let (sum_re, sum_im) = (dt.mul_add(re[0][l], -low_re), dt.mul_add(im[0][l], -low_im));
        let half = 0.5 * y[l];
        k[0][l] = (-half).mul_add(sum_im, sum_re);
        k[1][l] = half.mul_add(sum_re, sum_im);
    }
}

/// From K's cotangents at a block of nodes to those of the four sums; and the derivative by the dt before them.
#[inline(always)]
fn separate(sums: &Block, y: &Lanes, dt: f32, dk: &[Lanes; 2], cotangents: &mut Block) -> f64 {
    let mut by_dt = [0.0f32; LANES];
    for l in 0..LANES {
        let sum = |s: usize| [sums.re[s][l], sums.im[s][l]];
        let delta = [dt.mul_add(sums.re[3][l], 1.0), dt * sums.im[3][l]];
        let scale = dt / delta[0].mul_add(delta[0], delta[1] * delta[1]);
        // r01 / (1 + r11) and r10 / (1 + r11).
        let [left, right] = [1, 2].map(|s| conj_times(delta, sum(s)).map(|part| scale * part));
        let g = times([1.0, -0.5 * y[l]], [dk[0][l], dk[1][l]]);
        let each = [
            g,
            conj_times(right, g).map(|part| -part),
            conj_times(left, g).map(|part| -part),
            conj_times(times(left, right), g),
        ];
        for (s, g) in each.into_iter().enumerate() {
            by_dt[l] += conj_times(g, sum(s))[0];
            cotangents.re[s][l] = dt * g[0];
            cotangents.im[s][l] = dt * g[1];
        }
    }
    f64::from(simd::sum(&by_dt))
}

#[inline(always)]
fn times(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0].mul_add(b[0], -(a[1] * b[1])), a[0].mul_add(b[1], a[1] * b[0])]
}

/// conj(a) b.
#[inline(always)]
fn conj_times(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0].mul_add(b[0], a[1] * b[1]), a[0].mul_add(b[1], -(a[1] * b[0]))]
}
