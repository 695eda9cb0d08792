use std::f64::consts::TAU;

use super::*;

/// Lane `lane` at sample `at`: noise, and in one lane a tone.
fn sample(at: usize, lane: usize) -> f32 {
    match lane {
        3 => (0.3 * at as f32).sin(),
        _ => ((at * 7_919 + lane * 104_729) % 2_003) as f32 / 1_001.5 - 1.0,
    }
}

/// |Σ x e^(−2πikt/len)|², as it is written.
fn power(len: usize, lane: usize, k: usize) -> f64 {
    let terms = (0..len).map(|at| {
        let (sin, cos) = (TAU * (k * at % len) as f64 / len as f64).sin_cos();
        let x = f64::from(sample(at, lane));
        [x * cos, x * sin]
    });
    let [re, im] = terms.fold([0.0; 2], |[re, im], [cos, sin]| [re + cos, im + sin]);
    re * re + im * im
}

#[test]
fn powers_are_those_of_the_formula_at_any_even_length() {
    // Twos, fours, odd primes, and their products: 1102 = 2 · 19 · 29 is 25 ms at 44.1 kHz.
    for len in [2, 4, 6, 8, 10, 12, 14, 30, 32, 50, 128, 200, 400, 512, 1_102] {
        let plan = PowerSpectrum::new(len).unwrap();
        assert_eq!((plan.len(), plan.bins()), (len, len / 2 + 1));
        let mut frames: Vec<Lane> = (0..len).map(|at| std::array::from_fn(|lane| sample(at, lane))).collect();
        let (mut work, mut powers) =
            (vec![[0.0; FRAMES]; plan.work_len()], vec![[f32::NAN; FRAMES]; plan.bins()]);
        plan.run(&mut frames, &mut work, &mut powers);
        for lane in [0, 3, FRAMES - 1] {
            let want: Vec<f64> = (0..plan.bins()).map(|k| power(len, lane, k)).collect();
            let largest = want.iter().copied().fold(0.0, f64::max);
            for (k, (got, want)) in powers.iter().zip(want).enumerate() {
                let got = f64::from(got[lane]);
                assert!((got - want).abs() <= 2e-6 * largest, "{len}: bin {k} of {lane}: {got} for {want}");
            }
        }
    }
}

#[test]
fn an_odd_length_has_no_plan() {
    assert!([0, 1, 25].into_iter().all(|len| PowerSpectrum::new(len).is_none()));
}
