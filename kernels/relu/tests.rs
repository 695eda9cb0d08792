//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for len in [0, 1, 17, 130] {
        check(&Relu, &[Numbers::new(2).take(len, 2.0, 0.0)], &[true], reference::forward);
    }
}

#[test]
fn device_kernels_agree_too() {
    for (len, scale) in [(0, 1.0), (1, 1.0), (17, 2.0), (130, 6.0), (5_003, 6.0)] {
        let Some(device) = emulated(Relu) else { return };
        let x = Numbers::new(2).take(len, scale, 0.0);
        if len < 1_000 {
            check(&device, &[x], &[true], reference::forward);
        } else {
            follows(&device, &Relu, &[x], &[len]);
        }
    }
    let Some(device) = emulated(Relu) else { return };
    let x = [vec![-1.0, 0.0, 2.0, f64::NAN]];
    let (out, _) = run_forward(&device, &x, &[4]);
    assert!(out[0][..3] == [0.0, 0.0, 2.0] && out[0][3].is_nan());
    assert_eq!(run_backward(&device, &x, &[vec![3.0; 4]])[0], [0.0, 0.0, 3.0, 0.0]);
}

#[test]
fn zero_passes_no_gradient_and_nan_passes() {
    let (out, ()) = run_forward(&Relu, &[vec![-1.0, 0.0, 2.0, f64::NAN]], &[4]);
    assert_eq!(out[0][..3], [0.0, 0.0, 2.0]);
    assert!(out[0][3].is_nan());
    assert_eq!(run_backward(&Relu, &[vec![-1.0, 0.0, 2.0]], &[vec![3.0; 3]])[0], [0.0, 0.0, 3.0]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let x = [Numbers::new(4).take(70_001, 3.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&Relu, &x, &[70_001]).0, run_backward(&Relu, &x, &x)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![0.5, -1.5], [2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = relu(&mut tape, &x).expect("runs");
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), [1.0, 0.0]);
}
