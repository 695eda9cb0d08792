//! The recurrence against the published golden and against the convolution.

use realfft::num_complex::Complex64;

use super::*;
use crate::agree::Numbers;

/// specs 7.2: four pairs, dt = 0.1; c is C̃ for a period of 16.
fn golden() -> (System, Vec<Complex64>) {
    let each = |of: fn(f64) -> Complex64| (0..4).map(|n| of(f64::from(n))).collect::<Vec<_>>();
    let periodic = each(|n| Complex64::new(0.5 - 0.2 * n, 0.3 + 0.1 * n));
    let system = System {
        dt: 0.1,
        w: each(|n| Complex64::new(-0.5, 1.7 * (n + 1.0))),
        p: each(|n| Complex64::new(0.3 + 0.1 * n, 0.2 - 0.05 * n)),
        b: each(|n| Complex64::new(1.0 / (n + 1.0), 0.1 * n)),
        c: Vec::new(),
    };
    (system, periodic)
}

fn close(got: &[Complex64], want: &[[f64; 2]], within: f64) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - Complex64::new(want[0], want[1])).norm() < within, "{got}, want {want:?}");
    }
}

#[test]
fn golden_output_and_input_vectors() {
    let (system, periodic) = golden();
    let c = system.from_periodic(&periodic, 16).unwrap();
    let want = [
        [0.341625659008, 0.303953876187],
        [0.534603556919, 0.286538004136],
        [-0.075507928073, 0.479516504300],
        [0.031559366103, 0.531635638428],
    ];
    close(&c, &want, 1e-11);
    let again = System { c, ..system.clone() }.periodic(16);
    close(&again, &periodic.iter().map(|c| [c.re, c.im]).collect::<Vec<_>>(), 1e-12);
    let mut x = vec![Complex64::default(); 4];
    System { c: vec![Complex64::default(); 4], ..system }.step().advance(&mut x, 1.0);
    let want = [
        [0.094949877612, 0.006492071564],
        [0.043377444614, 0.015914039904],
        [0.022962232657, 0.024533840201],
        [0.009595116665, 0.032105607907],
    ];
    close(&x, &want, 1e-11);
}

#[test]
fn golden_recurrence() {
    let (system, periodic) = golden();
    let c = system.from_periodic(&periodic, 16).unwrap();
    let step = System { c, ..system }.step();
    let mut x = vec![Complex64::default(); 4];
    let inputs = [1.0, 0.5, -1.0, 2.0];
    let want = [0.037659803370, 0.024393626897, -0.035426825536, 0.076265742057];
    for (u, want) in inputs.into_iter().zip(want) {
        let y = step.advance(&mut x, u);
        assert!((y - want).abs() < 1e-11, "{y}, want {want}");
    }
}

/// Random systems and inputs: stepping gives what convolving with the kernel gives.
#[test]
fn stepping_is_convolving() {
    let mut numbers = Numbers::new(4);
    for (pairs, period) in [(1, 8), (3, 30), (32, 200)] {
        let mut complex = |scale: f64| Complex64::new(numbers.draw() * scale, numbers.draw() * scale);
        let mut system = System {
            dt: 0.05,
            w: (0..pairs).map(|n| Complex64::new(-0.5, 1.9 * n as f64 + 0.3)).collect(),
            p: (0..pairs).map(|_| complex(1.0)).collect(),
            b: (0..pairs).map(|_| complex(1.0)).collect(),
            c: (0..pairs).map(|_| complex(1.0)).collect(),
        };
        let step = system.step();
        system.c = system.periodic(period);
        let kernel = kernel(&system, period);
        let u: Vec<f64> = (0..period).map(|_| numbers.draw()).collect();
        let mut x = vec![Complex64::default(); pairs];
        for t in 0..period {
            let stepped = step.advance(&mut x, u[t]);
            let convolved: f64 = (0..=t).map(|s| kernel[t - s] * u[s]).sum();
            assert!(
                (stepped - convolved).abs() < 1e-8,
                "{pairs} pairs, sample {t}: {stepped}, want {convolved}"
            );
        }
    }
}

/// The convolution kernel's own specification, on one head.
fn kernel(system: &System, period: usize) -> Vec<f64> {
    let pairs = |values: &[Complex64]| values.iter().flat_map(|z| [z.re, z.im]).collect::<Vec<f64>>();
    let inputs = [
        vec![system.dt.ln()],
        system.w.iter().map(|w| (-w.re).ln()).collect(),
        system.w.iter().map(|w| w.im).collect(),
        pairs(&system.p),
        pairs(&system.b),
        pairs(&system.c),
    ];
    crate::s4_kernel::reference::one_head(system.w.len(), period, &inputs)
}

#[test]
fn without_correction_each_pair_steps_alone() {
    let w = Complex64::new(-0.4, 2.0);
    let (b, c) = (Complex64::new(0.7, -0.2), Complex64::new(0.1, 0.9));
    let step = System { dt: 0.1, w: vec![w], p: vec![Complex64::default()], b: vec![b], c: vec![c] }.step();
    let lambda = (1.0 + 0.05 * w) / (1.0 - 0.05 * w);
    let mut x = vec![Complex64::default()];
    step.advance(&mut x, 1.0);
    let y = step.advance(&mut x, 0.0);
    let want = 2.0 * (c * lambda * (0.1 * b / (1.0 - 0.05 * w))).re;
    assert!((y - want).abs() < 1e-14);
}

/// Two heads that share their poles, two responses each, in the layout of the kernel's operands.
#[test]
fn a_layers_heads_are_systems_of_their_own() {
    let (system, _) = golden();
    let mut numbers = Numbers::new(8);
    let mut draw = |len: usize| (0..len).map(|_| numbers.draw() as f32).collect::<Vec<f32>>();
    let narrow =
        |values: &[Complex64]| values.iter().flat_map(|z| [z.re as f32, z.im as f32]).collect::<Vec<_>>();
    let (p, b, c) = (narrow(&system.p), narrow(&system.b), draw(2 * 2 * 4 * 2));
    let log_w_real: Vec<f32> = system.w.iter().map(|w| (-w.re).ln() as f32).collect();
    let w_imag: Vec<f32> = system.w.iter().map(|w| w.im as f32).collect();
    let heads = Heads {
        pairs: 4,
        log_dt: &[-2.0, -3.0],
        log_w_real: &log_w_real,
        w_imag: &w_imag,
        p: &p,
        b: &b,
        c: &c,
    };
    let periodic = heads.periodic(20);
    assert_eq!(periodic.len(), c.len());
    for (row, got) in periodic.chunks(8).enumerate() {
        let system = heads.system(row);
        assert!((system.dt - [(-2.0f64).exp(), (-3.0f64).exp()][row % 2]).abs() < 1e-12);
        let want: Vec<f32> = narrow(&system.periodic(20));
        assert_eq!(got, want);
    }
}
