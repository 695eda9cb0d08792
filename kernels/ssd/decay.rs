//! Powers of two for decays: the transcendental that the scans spend their time in.
//!
//! A decay is e^(ΔA) with Δ ≥ 0 > A. Rates are scaled by log2 e once, so that the inner loop needs neither the multiplication
//! nor the two-part range reduction of a general exponential.

/// Scales a natural exponent to a binary one.
pub(crate) const LOG2_E: f32 = std::f32::consts::LOG2_E;

/// 2^x for x ≤ 0, relative error below 1.2e-7 (exactly 1 at 0); about 1e-38 below −126.
///
/// x is split into the nearest integer, which is added to the exponent bits, and a rest in [−½, ½], for which a degree-6
/// polynomial with p(0) = 1 (least maximum relative error 2e-9) stands.
#[inline(always)]
pub(crate) fn exp2_decay(x: f32) -> f32 {
    let [y] = exp2_decays([x]);
    y
}

/// The same of many, every step for all of them: a step waits for the one before, and the processor looks only so far ahead for others to do.
#[inline(always)]
pub(crate) fn exp2_decays<const W: usize>(mut x: [f32; W]) -> [f32; W] {
    const COEFFICIENTS: [f32; 7] = [
        1.0,
        std::f32::consts::LN_2,
        0.240_226_48,
        0.055_503_324,
        9.618_437e-3,
        1.339_887_4e-3,
        1.535_336_2e-4,
    ];
    // Adding 1.5·2^23 leaves the nearest integer in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let mut shifted = [0.0; W];
    for x in &mut x {
        // Unlike `max`, this passes NaN on, in one instruction.
        *x = if *x < -126.0 { -126.0 } else { *x };
    }
    for l in 0..W {
        shifted[l] = x[l] + ROUND;
    }
    for l in 0..W {
        x[l] -= shifted[l] - ROUND;
    }
    let mut p = [COEFFICIENTS[6]; W];
    for c in COEFFICIENTS[..6].iter().rev() {
        for l in 0..W {
            p[l] = p[l].mul_add(x[l], *c);
        }
    }
    for l in 0..W {
        p[l] = f32::from_bits(p[l].to_bits().wrapping_add(shifted[l].to_bits() << 23));
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_within_two_ulp() {
        let worst = (0..=125_000)
            .map(|i| -i as f32 / 1000.0)
            .map(|x| (f64::from(exp2_decay(x)) / f64::from(x).exp2() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1.2e-7, "worst relative error {worst:e}");
        assert_eq!((exp2_decay(0.0), exp2_decay(-3.0)), (1.0, 0.125));
    }

    #[test]
    fn a_vanishing_decay_is_tiny_and_finite() {
        for x in [-126.0, -127.0, -1e4, f32::MIN, f32::NEG_INFINITY] {
            assert!((0.0..2e-38).contains(&exp2_decay(x)), "2^{x} = {:e}", exp2_decay(x));
        }
    }
}
