//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for extents in [[0, 2, 3, 1], [1, 1, 1, 1], [2, 3, 4, 1], [1, 4, 2, 5], [3, 2, 2, 3]] {
        let inputs = [Numbers::new(2).take(extents.iter().product(), 1.0, 0.0)];
        check(&SwapAxes { extents }, &inputs, &[true], |inputs| reference::forward(extents, inputs));
    }
}

/// Single values in several tiles, runs, nothing at all.
#[test]
fn device_kernels_agree_too() {
    for extents in [[0, 2, 3, 1], [1, 1, 1, 1], [2, 3, 4, 1], [1, 4, 2, 5], [3, 2, 2, 3], [2, 0, 3, 1]] {
        let Some(device) = emulated(SwapAxes { extents }) else { return };
        let inputs = [Numbers::new(2).take(extents.iter().product(), 1.0, 0.0)];
        check(&device, &inputs, &[true], |inputs| reference::forward(extents, inputs));
    }
    for extents in [[2, 35, 70, 1], [3, 40, 4, 7]] {
        let len: usize = extents.iter().product();
        let Some(device) = emulated(SwapAxes { extents }) else { return };
        follows(&device, &SwapAxes { extents }, &[Numbers::new(2).take(len, 1.0, 0.0)], &[len]);
    }
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let (op, x) = (SwapAxes { extents: [30, 40, 4, 7] }, [Numbers::new(4).take(33_600, 3.0, 0.0)]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &x, &[33_600]).0, run_backward(&op, &x, &x)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, (0..6).map(|i| i as f32).collect(), [1, 2, 3, 1]).expect("fits");
    let x = x.tracked();
    let mut tape = Tape::recording();
    let out = swap_axes(&mut tape, &x).expect("runs");
    assert_eq!((out.shape(), out.to_vec()), ([1, 3, 2, 1].into(), vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    let flat = Array::zeros(&device, [4]).expect("room");
    let error = swap_axes(&mut Tape::silent(), &flat).expect_err("one axis").to_string();
    assert_eq!(error, "swap_axes: x has shape [4], but it needs 4 axes");
}
