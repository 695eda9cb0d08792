//! The kernel against its specification.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (len, scale) in [(0, 1.0), (1, 1.0), (17, 3.0), (130, 6.0)] {
        check(&Elu, &[Numbers::new(2).take(len, scale, 0.0)], &[true], reference::forward);
    }
}

#[test]
fn agrees_over_many_blocks_and_the_whole_range() {
    let x: Vec<f64> = (-50_000..50_000).map(|i| f64::from(i as f32 * 2e-4)).collect();
    let (got, ()) = run_forward(&Elu, std::slice::from_ref(&x), &[x.len()]);
    let want = reference::forward(&[x]);
    agree("elu", &got[0], &want[0], Tolerance { absolute: 3e-7, relative: 1e-6 });
}

#[test]
fn device_kernels_agree_too() {
    let Some(device) = emulated(Elu) else { return };
    for (len, scale) in [(0, 1.0), (1, 1.0), (17, 3.0), (130, 6.0), (5_003, 4.0)] {
        check(&device, &[Numbers::new(2).take(len, scale, 0.0)], &[true], reference::forward);
    }
}

/// torch 2.11.0: `torch.nn.functional.elu` in f64.
#[test]
fn golden() {
    let (out, ()) = run_forward(&Elu, &[vec![0.0, 0.5, -0.5, -1.0, -3.0]], &[5]);
    let want = [0.0, 0.5, -0.393_469_340_287, -0.632_120_558_829, -0.950_212_931_632];
    agree("out", &out[0], &want, Tolerance { absolute: 3e-7, relative: 0.0 });
}

#[test]
fn extremes_stay_finite() {
    let x = vec![-1e30, -100.0, 100.0, 1e30];
    let (out, ()) = run_forward(&Elu, std::slice::from_ref(&x), &[4]);
    assert_eq!(out[0], [-1.0, -1.0, 100.0, 1e30]);
    let dx = run_backward(&Elu, &[x], &[vec![1.0; 4]]);
    assert!(dx[0][0] == 0.0 && dx[0][1].abs() < 1e-30 && dx[0][2..] == [1.0, 1.0]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let x = Numbers::new(4).take(70_001, 3.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&Elu, std::slice::from_ref(&x), std::slice::from_ref(&x)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![0.5, -1.5], [2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = elu(&mut tape, &x).expect("runs");
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0])]).expect("runs");
    let want = run_backward(&Elu, &[vec![0.5, -1.5]], &[vec![1.0, 2.0]]);
    assert_eq!(grads.to_vec(&x).expect("runs"), want[0]);
}
