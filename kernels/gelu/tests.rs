//! The kernel against its specification, and the polynomial against tabulated values.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (len, scale) in [(0, 1.0), (1, 1.0), (17, 3.0), (130, 6.0), (20_011, 2.0)] {
        // Finite differences cost two passes per element: long inputs check the outputs alone.
        let inputs = [Numbers::new(2).take(len, scale, 0.0)];
        if len < 1000 {
            check(&Gelu, &inputs, &[true], reference::forward);
        } else {
            let (got, ()) = run_forward(&Gelu, &inputs, &[len]);
            agree("gelu", &got[0], &reference::forward(&inputs)[0], Tolerance::F32);
        }
    }
}

#[test]
fn device_kernels_agree_too() {
    for (len, scale) in [(0, 1.0), (1, 1.0), (17, 3.0), (130, 6.0), (5_003, 6.0)] {
        let Some(device) = emulated(Gelu) else { return };
        let x = Numbers::new(2).take(len, scale, 0.0);
        if len < 1_000 {
            check(&device, &[x], &[true], reference::forward);
        } else {
            follows(&device, &Gelu, &[x], &[len]);
        }
    }
    let Some(device) = emulated(Gelu) else { return };
    let x = [vec![-1e30, 1e30, f64::from(f32::MAX), f64::NAN]];
    let (out, _) = run_forward(&device, &x, &[4]);
    assert!(out[0][..3] == [0.0, 1e30, f32::MAX] && out[0][3].is_nan());
    let dx = run_backward(&device, &x, &[vec![1.0; 4]]);
    assert!(dx[0][..3] == [0.0, 1.0, 1.0] && dx[0][3].is_nan());
}

/// erf(x/√2) from tables: Φ(1) = 0.8413447460685429, Φ(−3) = 1.3498980316300933e-3, Φ(−8) = 6.220960574271784e-16.
#[test]
fn the_specification_has_the_tabulated_values() {
    for (x, want) in [(0.0, 0.5), (1.0, 0.841_344_746_068_542_9), (-3.0, 1.349_898_031_630_093_3e-3)] {
        assert!((reference::normal_below(x) / want - 1.0).abs() < 1e-14, "at {x}");
    }
    assert!((reference::normal_below(-8.0) / 6.220_960_574_271_784e-16 - 1.0).abs() < 1e-13);
    let joint = (reference::normal_below(-2.0), reference::normal_below(-2.0 - 1e-12));
    assert!((joint.0 / joint.1 - 1.0).abs() < 1e-11, "the series and the fraction meet: {joint:?}");
}

#[test]
fn the_polynomial_keeps_its_promise() {
    let points: Vec<f64> = (-140_000..=140_000).map(|i| f64::from(i as f32 * 1e-4)).collect();
    let (got, ()) = run_forward(&Gelu, std::slice::from_ref(&points), &[points.len()]);
    for (&x, &got) in points.iter().zip(&got[0]) {
        let want = x * reference::normal_below(x);
        assert!((f64::from(got) - want).abs() < 5e-7, "gelu({x}) = {got}, want {want}");
        if (-9.0..-0.01).contains(&x) {
            assert!((f64::from(got) / want - 1.0).abs() < 1e-5, "gelu({x}) = {got}, want {want}");
        }
        let (below, density) = normal::distribution(x as f32);
        let want_density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        assert!((f64::from(below) - reference::normal_below(x)).abs() < 2.5e-7, "Φ({x}) = {below}");
        assert!((f64::from(density) - want_density).abs() < 1e-7, "φ({x}) = {density}");
    }
}

/// torch 2.11: `x = torch.tensor([-6., -1.5, -1e-3, 0., .5, 4., 20.], dtype=torch.float64, requires_grad=True);
/// y = torch.nn.functional.gelu(x); y.sum().backward(); print(y, x.grad)`
#[test]
fn golden() {
    let x = vec![-6.0, -1.5, -1e-3, 0.0, 0.5, 4.0, 20.0];
    let (out, ()) = run_forward(&Gelu, std::slice::from_ref(&x), &[7]);
    let want = [-5.919526e-9, -0.100210801903, -0.000499601058, 0.0, 0.345731230637, 3.999873315033, 20.0];
    agree("out", &out[0], &want, Tolerance { absolute: 2.5e-7, relative: 1e-6 });
    let grads = run_backward(&Gelu, &[x], &[vec![1.0; 7]]);
    let want = [-3.546871e-8, -0.127469192230, 0.499202115705, 0.5, 0.867495124656, 1.000503649661, 1.0];
    agree("dx", &grads[0], &want, Tolerance { absolute: 5e-7, relative: 1e-6 });
}

#[test]
fn extremes_stay_finite_and_nan_passes_on() {
    let x = vec![-1e30, 1e30, f64::from(f32::MAX), f64::NAN];
    let (out, ()) = run_forward(&Gelu, std::slice::from_ref(&x), &[4]);
    assert_eq!(out[0][..3], [0.0, 1e30, f32::MAX]);
    assert!(out[0][3].is_nan());
    let dx = run_backward(&Gelu, &[x], &[vec![1.0; 4]]);
    assert_eq!(dx[0][..3], [0.0, 1.0, 1.0]);
    assert!(dx[0][3].is_nan());
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let x = Numbers::new(4).take(70_001, 3.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&Gelu, std::slice::from_ref(&x), std::slice::from_ref(&x)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![0.5, -1.5], [1, 2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = gelu(&mut tape, &x).expect("runs");
    assert_eq!(out.shape(), x.shape());
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0])]).expect("runs");
    let want = run_backward(&Gelu, &[vec![0.5, -1.5]], &[vec![1.0, 2.0]]);
    assert_eq!(grads.to_vec(&x).expect("runs"), want[0]);
}
