//! The kernel against its specification, numbers by hand, and the recurrence.

use realfft::num_complex::Complex64;

use super::rule::Diagonal;
use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

const RULES: [Rule; 3] = [Rule::ZeroOrderHold, Rule::FirstOrderHold, Rule::Bilinear];

fn op(heads: usize, groups: usize, pairs: usize, responses: usize, len: usize, rule: Rule) -> S4dKernel {
    S4dKernel { heads, groups, pairs, responses, len, rule }
}

/// Steps from 0.01 to 0.1, poles spread as S4D-Lin's.
fn inputs(op: &S4dKernel) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new(12);
    let poles = op.groups * op.pairs;
    let mut w_imag = numbers.take(poles, 0.2, 0.0);
    w_imag.iter_mut().enumerate().for_each(|(n, w)| *w += 3.0 * (n % op.pairs) as f64);
    vec![
        numbers.take(op.heads, 1.0, -3.4),
        numbers.take(poles, 0.3, -0.7),
        w_imag.iter().map(|&w| f64::from(w as f32)).collect(),
        numbers.take(2 * op.responses * op.heads * op.pairs, 1.0, 0.0),
    ]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for rule in RULES {
        for op in [
            op(1, 1, 1, 1, 1, rule),
            op(2, 1, 3, 1, 8, rule),
            op(2, 2, 2, 2, 5, rule),
            op(3, 1, 2, 1, 70, rule),
            op(1, 1, 4, 1, 33, rule),
        ] {
            check(&op, &inputs(&op), &[true; 4], |inputs| reference::forward(&op, inputs));
        }
    }
}

#[test]
fn device_kernels_agree_too() {
    for rule in RULES {
        for op in [
            op(1, 1, 1, 1, 1, rule),
            op(2, 1, 3, 1, 8, rule),
            op(2, 2, 2, 2, 5, rule),
            op(3, 1, 5, 2, 131, rule),
        ] {
            let Some(device) = emulated(op) else { return };
            check(&device, &inputs(&op), &[true; 4], |inputs| reference::forward(&op, inputs));
        }
        // More than one tile of samples, more than one stage of pairs.
        for op in [op(2, 1, 33, 1, 2_300, rule), op(1, 1, 3, 1, 5_000, rule)] {
            let Some(device) = emulated(op) else { return };
            follows(&device, &op, &inputs(&op), &[op.heads * op.len]);
        }
    }
    let op = op(2, 1, 3, 1, 0, Rule::Bilinear);
    let Some(device) = emulated(op) else { return };
    assert_eq!(run_backward(&device, &inputs(&op), &[vec![]])[3], [0.0; 12]);
}

#[test]
fn agrees_over_a_second_of_sound() {
    for rule in RULES {
        let op = op(1, 1, 32, 1, 16_000, rule);
        let ins = inputs(&op);
        let (got, ()) = run_forward(&op, &ins, &[16_000]);
        agree("k", &got[0], &reference::forward(&op, &ins)[0], Tolerance::F32);
    }
}

/// A steady input of 1 comes to the gain that the system in time has, −2 Re Σ C / w: by every rule, which differ in how they get there.
#[test]
fn every_rule_comes_to_the_same_steady_state() {
    for rule in RULES {
        let op = op(1, 1, 3, 1, 12_000, rule);
        let ins = inputs(&op);
        let [_, log_w_real, w_imag, c] = &ins[..] else { unreachable!("four inputs") };
        let gain: f64 = (0..3)
            .map(|n| {
                let w = Complex64::new(-log_w_real[n].exp(), w_imag[n]);
                -2.0 * (Complex64::new(c[2 * n], c[2 * n + 1]) / w).re
            })
            .sum();
        let sum: f64 = reference::forward(&op, &ins)[0].iter().sum();
        assert!((sum - gain).abs() < 1e-9 * (1.0 + gain.abs()), "{rule:?}: {sum}, want {gain}");
    }
}

/// One real pole w = −1 beside itself, C = ½ (so 2 Re C = 1), dt = ln 2: a hold of zeroth order gives ½ (½)ˡ.
#[test]
fn numbers_by_hand() {
    let dt = 2f64.ln();
    let inputs = [vec![dt.ln()], vec![0.0], vec![0.0], vec![0.5, 0.0]];
    let of = |rule| reference::forward(&op(1, 1, 1, 1, 3, rule), &inputs).swap_remove(0);
    let close = |got: Vec<f64>, want: [f64; 3]| {
        assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-12), "{got:?}, want {want:?}");
    };
    close(of(Rule::ZeroOrderHold), [0.5, 0.25, 0.125]);
    // An input alone is a triangle: one half of it is behind its own sample, the other before.
    let (up, down) = (1.0 - 0.5 / dt, 0.5 / dt - 0.5);
    close(of(Rule::FirstOrderHold), [up, 0.5 * up + down, 0.25 * up + 0.5 * down]);
    let (f, lambda) = (dt / (1.0 + dt / 2.0), (1.0 - dt / 2.0) / (1.0 + dt / 2.0));
    close(of(Rule::Bilinear), [f, f * lambda, f * lambda * lambda]);
}

/// The bilinear rule is S4's without its correction.
#[test]
fn bilinear_is_s4_without_low_rank() {
    let op = op(1, 1, 4, 1, 64, Rule::Bilinear);
    let ins = inputs(&op);
    let complex = |at: usize| Complex64::new(ins[3][2 * at], ins[3][2 * at + 1]);
    let system = crate::s4_step::System {
        dt: ins[0][0].exp(),
        w: (0..4).map(|n| Complex64::new(-ins[1][n].exp(), ins[2][n])).collect(),
        p: vec![Complex64::default(); 4],
        b: vec![Complex64::ONE; 4],
        c: (0..4).map(complex).collect(),
    };
    let (step, mut x) = (system.step(), vec![Complex64::default(); 4]);
    for (at, want) in reference::forward(&op, &ins)[0].iter().enumerate() {
        let got = step.advance(&mut x, if at == 0 { 1.0 } else { 0.0 });
        assert!((got - want).abs() < 1e-12, "{at}: {got}, want {want}");
    }
}

#[test]
fn stepping_is_convolving() {
    let mut numbers = Numbers::new(5);
    for rule in RULES {
        let op = op(1, 1, 6, 1, 300, rule);
        let ins = inputs(&op);
        let kernel = reference::forward(&op, &ins).swap_remove(0);
        let diagonal = Diagonal {
            dt: ins[0][0].exp(),
            w: (0..6).map(|n| Complex64::new(-ins[1][n].exp(), ins[2][n])).collect(),
            c: (0..6).map(|n| Complex64::new(ins[3][2 * n], ins[3][2 * n + 1])).collect(),
        };
        let (step, direct) = diagonal.step(rule);
        let u: Vec<f64> = (0..300).map(|_| numbers.draw()).collect();
        let mut x = vec![Complex64::default(); 6];
        for t in 0..300 {
            let stepped = step.advance(&mut x, u[t]) + direct * u[t];
            let convolved: f64 = (0..=t).map(|s| kernel[t - s] * u[s]).sum();
            assert!((stepped - convolved).abs() < 1e-10, "{rule:?}, {t}: {stepped}, want {convolved}");
        }
    }
}

/// Where a is tiny the published formulas lose half of their digits; ours do not.
#[test]
fn small_steps_lose_no_digits() {
    for rule in RULES {
        let at = |a: f64| rule.at(Complex64::new(-a, 0.3 * a));
        let (near, far) = (at(1e-9), at(0.999_999));
        let half = if rule == Rule::FirstOrderHold { 0.5 } else { 1.0 };
        assert!((near.f - half).norm() < 1e-8 && (near.lambda - 1.0).norm() < 1e-8, "{rule:?}");
        // Series and closed form meet.
        assert!((far.f - at(1.000_001).f).norm() < 1e-5 && far.f.is_finite(), "{rule:?}");
        let (low, high) = (at(0.5), at(0.5 + 1e-6));
        let by = Complex64::new(-1e-6, 0.3e-6);
        for (found, want) in [
            ((high.lambda - low.lambda) / by, low.by_a[0]),
            ((high.f - low.f) / by, low.by_a[1]),
            ((high.g - low.g) / by, low.by_a[2]),
        ] {
            assert!((found - want).norm() < 1e-5, "{rule:?}: {found}, want {want}");
        }
    }
}
