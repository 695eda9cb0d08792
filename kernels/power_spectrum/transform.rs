//! Complex Fourier transforms of any length, sixteen side by side, in place: what goes through them has to stay in the first cache.
//!
//! A length is taken apart into fours, at most one two, and the odd primes that are left; each factor is one pass over all values. In place
//! means that results lie in the order of the digits of their number turned round: [`Transform::place`] says where.

use std::f64::consts::TAU;

use pulp::Simd;

use super::{FRAMES, Lane};

/// The transform of one length.
#[derive(Debug, Clone)]
pub(super) struct Transform {
    len: usize,
    passes: Vec<Pass>,
    places: Vec<usize>,
}

/// One factor of the length.
#[derive(Debug, Clone)]
struct Pass {
    radix: usize,
    /// What goes together is this many values apart.
    apart: usize,
    /// [apart, radix − 1] what outputs 1… of each group are turned by.
    turns: Vec<[f32; 2]>,
    /// [radix] its roots of unity.
    roots: Vec<[f32; 2]>,
}

impl Transform {
    /// The transform of `len` values, its factors and roots worked out.
    pub fn new(len: usize) -> Self {
        let (mut block, mut passes, mut places) = (len, Vec::new(), vec![0]);
        while block > 1 {
            let radix = factor(block);
            let apart = block / radix;
            let turns = (0..apart).flat_map(|p| (1..radix).map(move |k| root(p * k, block))).collect();
            let roots = (0..radix).map(|k| root(k, radix)).collect();
            // The first factor's digit is the lowest of a result's number, and the highest of its place.
            places = (0..radix).flat_map(|k| places.iter().map(move |place| place + k * apart)).collect();
            passes.push(Pass { radix, apart, turns, roots });
            block = apart;
        }
        Transform { len, passes, places }
    }

    /// Values that are transformed together.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Where each result lies.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// Lanes that a run needs beside the values.
    pub fn work_len(&self) -> usize {
        self.passes.iter().map(|pass| 2 * pass.radix).max().unwrap_or_default()
    }

    /// Transforms `values`, a real part of each frame and an imaginary one in turns.
    #[inline(always)]
    pub fn run<S: Simd>(&self, simd: S, values: &mut [Lane], work: &mut [Lane]) {
        for pass in &self.passes {
            for block in values.chunks_exact_mut(2 * pass.radix * pass.apart) {
                let block = S::as_mut_simd_f32s(block.as_flattened_mut()).0;
                match pass.radix {
                    4 => pass.fours(simd, block),
                    2 => pass.twos(simd, block),
                    _ => pass.primes(simd, block, S::as_mut_simd_f32s(work.as_flattened_mut()).0),
                }
            }
        }
    }
}

impl Pass {
    #[inline(always)]
    fn fours<S: Simd>(&self, simd: S, block: &mut [S::f32s]) {
        let per_lane = FRAMES / S::F32_LANES;
        let (low, high) = block.split_at_mut(block.len() / 2);
        let (a, b) = low.split_at_mut(low.len() / 2);
        let (c, d) = high.split_at_mut(high.len() / 2);
        let values = a.chunks_exact_mut(2 * per_lane).zip(b.chunks_exact_mut(2 * per_lane));
        let others = c.chunks_exact_mut(2 * per_lane).zip(d.chunks_exact_mut(2 * per_lane));
        for ((turns, (a, b)), (c, d)) in self.turns.as_chunks::<3>().0.iter().zip(values).zip(others) {
            for v in 0..per_lane {
                let [x, y, z, w] =
                    [take(a, v, per_lane), take(b, v, per_lane), take(c, v, per_lane), take(d, v, per_lane)];
                let (even, odd) = (sum(simd, x, z), difference(simd, x, z));
                let (even_other, [re, im]) = (sum(simd, y, w), difference(simd, y, w));
                let odd_other = [im, simd.neg_f32s(re)];
                put(a, v, per_lane, sum(simd, even, even_other));
                put(b, v, per_lane, turned(simd, sum(simd, odd, odd_other), turns[0]));
                put(c, v, per_lane, turned(simd, difference(simd, even, even_other), turns[1]));
                put(d, v, per_lane, turned(simd, difference(simd, odd, odd_other), turns[2]));
            }
        }
    }

    #[inline(always)]
    fn twos<S: Simd>(&self, simd: S, block: &mut [S::f32s]) {
        let per_lane = FRAMES / S::F32_LANES;
        let (a, b) = block.split_at_mut(block.len() / 2);
        let pairs = a.chunks_exact_mut(2 * per_lane).zip(b.chunks_exact_mut(2 * per_lane));
        for (&turn, (a, b)) in self.turns.iter().zip(pairs) {
            for v in 0..per_lane {
                let (x, y) = (take(a, v, per_lane), take(b, v, per_lane));
                put(a, v, per_lane, sum(simd, x, y));
                put(b, v, per_lane, turned(simd, difference(simd, x, y), turn));
            }
        }
    }

    /// Any radix, in radix² steps.
    #[inline(always)]
    fn primes<S: Simd>(&self, simd: S, block: &mut [S::f32s], work: &mut [S::f32s]) {
        let per_lane = FRAMES / S::F32_LANES;
        for (p, turns) in self.turns.chunks_exact(self.radix - 1).enumerate() {
            for v in 0..per_lane {
                for k in 0..self.radix {
                    let mut total = take(block, 2 * p * per_lane + v, per_lane);
                    for j in 1..self.radix {
                        let value = take(block, 2 * (p + j * self.apart) * per_lane + v, per_lane);
                        total = sum(simd, total, turned(simd, value, self.roots[j * k % self.radix]));
                    }
                    put(work, 2 * k, 1, if k == 0 { total } else { turned(simd, total, turns[k - 1]) });
                }
                for k in 0..self.radix {
                    put(block, 2 * (p + k * self.apart) * per_lane + v, per_lane, take(work, 2 * k, 1));
                }
            }
        }
    }
}

/// What is taken out of a length next: fours while they go in, then a two, then the smallest prime.
fn factor(len: usize) -> usize {
    match len {
        _ if len.is_multiple_of(4) => 4,
        _ if len.is_multiple_of(2) => 2,
        _ => (3..).step_by(2).take_while(|f| f * f <= len).find(|f| len.is_multiple_of(*f)).unwrap_or(len),
    }
}

/// e^(−2πi·at/of)
fn root(at: usize, of: usize) -> [f32; 2] {
    let (sin, cos) = (TAU * (at % of) as f64 / of as f64).sin_cos();
    [cos as f32, -sin as f32]
}

/// The real part at `first`, and the imaginary part so many vectors behind it.
#[inline(always)]
pub(super) fn take<V: Copy>(from: &[V], first: usize, apart: usize) -> [V; 2] {
    [from[first], from[first + apart]]
}

#[inline(always)]
fn put<V>(to: &mut [V], first: usize, apart: usize, [re, im]: [V; 2]) {
    to[first] = re;
    to[first + apart] = im;
}

#[inline(always)]
fn sum<S: Simd>(simd: S, a: [S::f32s; 2], b: [S::f32s; 2]) -> [S::f32s; 2] {
    [simd.add_f32s(a[0], b[0]), simd.add_f32s(a[1], b[1])]
}

#[inline(always)]
fn difference<S: Simd>(simd: S, a: [S::f32s; 2], b: [S::f32s; 2]) -> [S::f32s; 2] {
    [simd.sub_f32s(a[0], b[0]), simd.sub_f32s(a[1], b[1])]
}

#[inline(always)]
fn turned<S: Simd>(simd: S, [re, im]: [S::f32s; 2], [cos, sin]: [f32; 2]) -> [S::f32s; 2] {
    let (cos, sin) = (simd.splat_f32s(cos), simd.splat_f32s(sin));
    let minus = simd.neg_f32s(simd.mul_f32s(im, sin));
    [simd.mul_add_e_f32s(re, cos, minus), simd.mul_add_e_f32s(re, sin, simd.mul_f32s(im, cos))]
}
