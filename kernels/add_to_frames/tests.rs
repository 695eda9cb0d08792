//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

fn case(batch: usize, time: usize, channels: usize) -> (AddToFrames, [Vec<f64>; 2]) {
    let mut numbers = Numbers::new(3);
    let x = numbers.take(batch * time * channels, 1.0, 0.0);
    (AddToFrames { time, channels }, [x, numbers.take(batch * channels, 1.0, 0.5)])
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, time, channels) in [(0, 2, 3), (2, 0, 3), (1, 1, 1), (2, 5, 3), (3, 4, 17)] {
        let (op, inputs) = case(batch, time, channels);
        check(&op, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
}

#[test]
fn device_kernels_agree_too() {
    for (batch, time, channels) in [(0, 2, 3), (2, 0, 3), (1, 1, 1), (2, 5, 3), (3, 4, 17)] {
        let (op, inputs) = case(batch, time, channels);
        let Some(device) = emulated(op) else { return };
        check(&device, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
    for (batch, time, channels) in [(2, 150, 33), (3, 9, 301)] {
        let (op, inputs) = case(batch, time, channels);
        let Some(device) = emulated(op) else { return };
        follows(&device, &op, &inputs, &[inputs[0].len()]);
    }
}

#[test]
fn same_bytes_whatever_the_thread_count_and_over_many_blocks() {
    let (op, inputs) = case(2, 2_000, 30);
    let dout = [Numbers::new(5).take(120_000, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &inputs, &[120_000]).0, run_backward(&op, &inputs, &dout)))
    };
    let one = run(1);
    agree("add_to_frames", &one.0[0], &reference::forward(&op, &inputs)[0], Tolerance::F32);
    assert!(one == run(2));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![1.0, 2.0, 3.0, 4.0], [2, 2, 1]).expect("fits").tracked();
    let v = Array::from_vec(&device, vec![10.0, 20.0], [2, 1]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = add_to_frames(&mut tape, &x, &v).expect("runs");
    assert_eq!(out.to_vec(), [11.0, 12.0, 23.0, 24.0]);
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0, 3.0, 4.0])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(grads.to_vec(&v).expect("runs"), [3.0, 7.0]);
    let other = Array::zeros(&device, [1, 1]).expect("room");
    let error = add_to_frames(&mut Tape::silent(), &x, &other).expect_err("two sequences").to_string();
    assert_eq!(error, "add_to_frames: v has shape [1, 1], but x needs [2, 1]");
}
