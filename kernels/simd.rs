//! Plain loops, compiled for the widest vector unit the machine has.
//!
//! [`dispatch`] runs a closure inside a function compiled for AVX-512, AVX2 or the baseline, chosen once at run time;
//! loops over slices inside it are vectorised for that unit. Transcendentals are polynomials here, because a call to
//! libm stops vectorisation. Everything called from such a closure must be `#[inline(always)]`.
//!
//! Rust never joins `a * b + c` by itself, which costs up to half the rate: loops that count say `mul_add`. Inside
//! [`dispatch`] that is one instruction; outside, and on x86 processors without FMA (before 2013), it is a call, right but slow.

use std::sync::OnceLock;

/// Runs `work` compiled for this machine's vector unit. Write it as `#[inline(always)] || …`.
#[inline(always)]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    with(work)
}

/// [`dispatch`] for work that holds vectors of the unit by name: where accumulators have to stay in registers and the compiler would not see it.
#[inline(always)]
pub(crate) fn with<W: pulp::WithSimd>(work: W) -> W::Output {
    static ARCH: OnceLock<pulp::Arch> = OnceLock::new();
    ARCH.get_or_init(pulp::Arch::new).dispatch(work)
}

/// How many floats a vector of this machine's unit holds.
pub(crate) fn width() -> usize {
    struct Width;
    impl pulp::WithSimd for Width {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    with(Width)
}

/// Adding 1.5·2^23 rounds to the nearest integer n and leaves it in the low bits of the sum: no call, and no float-to-integer cast, whose
/// saturation keeps loops scalar.
const ROUND: f32 = 12_582_912.0;

/// `e^x`, relative error below 2e-7 for |x| ≤ 87; 0 below −87.3, +∞ above 88.7.
///
/// Range reduction to |r| ≤ ln2/2, a degree-6 polynomial, and 2^n through the exponent bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let clamped = x.clamp(-87.3, 88.7);
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let p = reduced(clamped, n);
    // n = 128 at the upper clamp: the power is applied in two halves, so that neither leaves the exponent range.
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    let value = p * power_of_two(half) * power_of_two(n.wrapping_sub(half));
    if x < -87.3 {
        0.0
    } else if x > 88.7 {
        f32::INFINITY
    } else {
        value
    }
}

/// `e^x` for x ≤ 0, as [`exp`] gives it there, in fewer steps: 0 below −87.3.
#[inline(always)]
pub fn exp_below_zero(x: f32) -> f32 {
    // Unlike `max`, this passes NaN on, in one instruction.
    let clamped = if x < -87.3 { -87.3 } else { x };
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let value = reduced(clamped, n) * power_of_two(shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32);
    if x < -87.3 { 0.0 } else { value }
}

/// The polynomial for e^r, where r is what x is off n·ln 2.
#[inline(always)]
fn reduced(x: f32, n: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    polynomial(r, [1.0, 1.0, 0.5, 1.666_666_6e-1, 4.166_666_5e-2, 8.333_334e-3, 1.388_889e-3])
}

/// c0 + c1 x + c2 x² + …
#[inline(always)]
pub fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut value = coefficients[N - 1];
    for c in coefficients[..N - 1].iter().rev() {
        value = value.mul_add(x, *c);
    }
    value
}

/// Sine and cosine of the angle within half a turn of 0 that lies whole half turns from `angle`: both with one sign, which their products do not
/// have. Off by less than 2e-7; beyond a million half turns, where f32 has no fractions of one, some point of the circle.
#[inline(always)]
pub fn sine_and_cosine(angle: f32) -> (f32, f32) {
    /// Adding 1.5·2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    // π in parts of few bits, whose multiples are exact.
    const PI: [f32; 3] = [3.140_625, 9.675_026e-4, 1.509_958e-7];
    const QUARTER: f32 = 1.571;
    let turns = angle.mul_add(std::f32::consts::FRAC_1_PI, ROUND) - ROUND;
    let rest = turns.mul_add(-PI[2], turns.mul_add(-PI[1], turns.mul_add(-PI[0], angle)));
    let rest = rest.clamp(-QUARTER, QUARTER);
    let q = rest * rest;
    let sine =
        polynomial(q, [1.0, -1.666_666_7e-1, 8.333_333e-3, -1.984_127e-4, 2.755_731_9e-6, -2.505_210_8e-8]);
    let cosine = polynomial(
        q,
        [1.0, -0.5, 4.166_666_8e-2, -1.388_888_9e-3, 2.480_158_7e-5, -2.755_732e-7, 2.087_675_7e-9],
    );
    (rest * sine, cosine)
}

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// The logistic function 1 / (1 + e^−x).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// ln(1 + e^x) as `max(x, 0) + ln(1 + e^−|x|)`: no overflow, and e^x for very negative x.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    x.max(0.0) + ln_1p_unit(exp_below_zero(-x.abs()))
}

/// ln(1 + t) for 0 ≤ t ≤ 1, relative error below 3e-7, through 2·atanh(t / (2 + t)).
#[inline(always)]
pub fn ln_1p_unit(t: f32) -> f32 {
    let s = t / (2.0 + t);
    let q = s * s;
    let series = [1.0, 0.333_333_34, 0.2, 0.142_857_15, 0.111_111_11, 0.090_909_09, 0.076_923_08];
    2.0 * s * polynomial(q, series)
}

/// `ln x`, off by less than two units in the last place for normal x; −∞ for 0 and below normal numbers, NaN for negative x and NaN.
///
/// x = 2^n · (1 + f) with 1 + f from √½ to √2, and ln(1 + f) = f − s(f − 2s²(1/3 + s²/5 + …)), where s = f / (2 + f).
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    let n = (x.to_bits().wrapping_sub(SQRT_HALF_BITS) as i32) >> 23;
    let f = f32::from_bits(x.to_bits().wrapping_sub((n << 23) as u32)) - 1.0;
    let s = f / (2.0 + f);
    let q = s * s;
    let rest = q * polynomial(q, [0.666_666_7, 0.4, 0.285_714_3, 0.222_222_22]);
    let n = n as f32;
    let value = n.mul_add(LN2_HIGH, f - s.mul_add(f - rest, -n * LN2_LOW));
    if x < f32::MIN_POSITIVE {
        if x < 0.0 { f32::NAN } else { f32::NEG_INFINITY }
    } else if x < f32::INFINITY {
        value
    } else {
        // Infinity and NaN stay what they are.
        x
    }
}

/// `to += from`, as far as both reach; dispatched already.
pub fn add(to: &mut [f32], from: &[f32]) {
    dispatch(
        #[inline(always)]
        || to.iter_mut().zip(from).for_each(|(to, from)| *to += from),
    );
}

/// The sum of a slice, in running lanes: the same order on every machine.
#[inline(always)]
pub fn sum(values: &[f32]) -> f32 {
    fold(values, |lane, x| lane + x)
}

/// The sum of squares of a slice, in running lanes.
#[inline(always)]
pub fn sum_squares(values: &[f32]) -> f32 {
    fold(values, |lane, x| x.mul_add(x, lane))
}

/// Σ (x − centre)² of a slice, in running lanes.
#[inline(always)]
pub fn squared_differences(values: &[f32], centre: f32) -> f32 {
    fold(values, |lane, x| (x - centre).mul_add(x - centre, lane))
}

/// The scalar product of two slices of one length, in running lanes.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks_a, rest_a) = a.as_chunks::<LANES>();
    let (blocks_b, rest_b) = b.as_chunks::<LANES>();
    for (block_a, block_b) in blocks_a.iter().zip(blocks_b) {
        for l in 0..LANES {
            lanes[l] = block_a[l].mul_add(block_b[l], lanes[l]);
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(rest_a.iter().zip(rest_b)) {
        *lane = x.mul_add(*y, *lane);
    }
    reduce(lanes)
}

/// Running lanes of a sum: four vectors of the widest unit, since one alone would wait for each addition to end.
const LANES: usize = 64;

#[inline(always)]
fn fold(values: &[f32], step: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for l in 0..LANES {
            lanes[l] = step(lanes[l], block[l]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = step(*lane, x);
    }
    reduce(lanes)
}

#[inline(always)]
fn reduce(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_ulp_over_its_range() {
        let worst = (-8_700..=8_700)
            .map(|i| i as f32 / 100.0)
            .map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2.5e-7, "worst relative error {worst:e}");
        assert_eq!((exp(-200.0), exp(200.0)), (0.0, f32::INFINITY));
    }

    #[test]
    fn ln_is_within_two_ulp_over_its_range() {
        let everywhere = (f32::MIN_POSITIVE.to_bits()..f32::INFINITY.to_bits()).step_by(4_099);
        // Near 1, where the logarithm is small and digits are lost first.
        let near_one = 0x3f70_0000u32..0x3f90_0000;
        for x in everywhere.chain(near_one.step_by(17)).map(f32::from_bits) {
            let (got, want) = (f64::from(ln(x)), f64::from(x).ln());
            let ulp = f64::from((want as f32).abs().next_up()) - f64::from((want as f32).abs());
            assert!((got - want).abs() <= 2.0 * ulp, "ln {x:e} = {got:e}, want {want:e}");
        }
        assert_eq!([ln(1.0), ln(0.0), ln(f32::INFINITY)], [0.0, f32::NEG_INFINITY, f32::INFINITY]);
        assert!(ln(-1.0).is_nan() && ln(f32::NAN).is_nan());
    }

    #[test]
    fn softplus_keeps_small_values() {
        for x in [-30.0f32, -17.0, -1.0, 0.0, 0.3, 5.0, 25.0, 88.0] {
            let want = f64::from(x).exp().ln_1p();
            let got = f64::from(softplus(x));
            assert!((got / want - 1.0).abs() < 1e-6, "softplus({x}) = {got}, want {want}");
        }
    }

    #[test]
    fn sums_agree_with_f64() {
        let values: Vec<f32> = (0..1_003).map(|i| (i as f32 * 0.37).sin()).collect();
        let want: f64 = values.iter().map(|&x| f64::from(x)).sum();
        assert!((f64::from(sum(&values)) - want).abs() < 1e-4);
        let want: f64 = values.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        assert!((f64::from(sum_squares(&values)) - want).abs() < 1e-3);
        assert_eq!(sum_squares(&values), dot(&values, &values));
    }
}
