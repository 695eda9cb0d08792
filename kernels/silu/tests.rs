//! The kernel against its specification.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (len, scale) in [(0, 1.0), (1, 1.0), (17, 3.0), (130, 9.0)] {
        check(&Silu, &[Numbers::new(2).take(len, scale, 0.0)], &[true], reference::forward);
    }
}

#[test]
fn device_kernels_agree_too() {
    for (len, scale) in [(0, 1.0), (1, 1.0), (17, 3.0), (130, 9.0), (5_003, 9.0)] {
        let Some(op) = emulated(Silu) else { return };
        let x = Numbers::new(2).take(len, scale, 0.0);
        if len < 1_000 {
            check(&op, &[x], &[true], reference::forward);
        } else {
            let (got, _) = run_forward(&op, std::slice::from_ref(&x), &[len]);
            agree("silu", &got[0], &reference::forward(&[x])[0], Tolerance::F32);
        }
    }
}

#[test]
fn agrees_over_many_blocks_and_the_whole_range() {
    let x: Vec<f64> = (-50_000..50_000).map(|i| f64::from(i as f32 * 2e-3)).collect();
    let (got, ()) = run_forward(&Silu, std::slice::from_ref(&x), &[x.len()]);
    let want = reference::forward(&[x]);
    agree("silu", &got[0], &want[0], Tolerance { absolute: 1e-7, relative: 1e-6 });
}

/// torch 2.11: `x = torch.tensor([-6., -1.5, 0., .5, 4.], dtype=torch.float64, requires_grad=True);
/// y = torch.nn.functional.silu(x); y.sum().backward(); print(y, x.grad)`
#[test]
fn golden() {
    let x = vec![-6.0, -1.5, 0.0, 0.5, 4.0];
    let (out, ()) = run_forward(&Silu, std::slice::from_ref(&x), &[5]);
    let want = [-0.014835738940, -0.273638285710, 0.0, 0.311229665601, 3.928055160152];
    agree("out", &out[0], &want, Tolerance { absolute: 1e-7, relative: 1e-6 });
    let grads = run_backward(&Silu, &[x], &[vec![1.0; 5]]);
    let want = [-0.012326432592, -0.041294154299, 0.5, 0.739961187303, 1.052664614891];
    agree("dx", &grads[0], &want, Tolerance { absolute: 1e-7, relative: 1e-6 });
}

#[test]
fn extremes_stay_finite() {
    let x = vec![-1e30, -100.0, 100.0, 1e30];
    let (out, ()) = run_forward(&Silu, std::slice::from_ref(&x), &[4]);
    assert_eq!(out[0], [0.0, 0.0, 100.0, 1e30]);
    assert_eq!(run_backward(&Silu, &[x], &[vec![1.0; 4]])[0], [0.0, 0.0, 1.0, 1.0]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let x = Numbers::new(4).take(70_001, 3.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&Silu, std::slice::from_ref(&x), std::slice::from_ref(&x)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![0.5, -1.5], [2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = silu(&mut tape, &x).expect("runs");
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0])]).expect("runs");
    let want = run_backward(&Silu, &[vec![0.5, -1.5]], &[vec![1.0, 2.0]]);
    assert_eq!(grads.to_vec(&x).expect("runs"), want[0]);
}
