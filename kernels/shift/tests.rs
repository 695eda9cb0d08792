//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

fn op(time: usize, channels: usize) -> Shift {
    Shift { sequence: time * channels, frame: channels }
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, time, channels) in [(0, 3, 2), (2, 0, 3), (1, 1, 1), (2, 1, 3), (3, 5, 2)] {
        let inputs = [Numbers::new(2).take(batch * time * channels, 1.0, 0.0)];
        let op = op(time, channels);
        check(&op, &inputs, &[true], |inputs| reference::forward(&op, inputs));
    }
}

#[test]
fn device_kernels_agree_too() {
    for (batch, time, channels) in [(0, 3, 2), (2, 0, 3), (1, 1, 1), (2, 1, 3), (3, 5, 2)] {
        let inputs = [Numbers::new(2).take(batch * time * channels, 1.0, 0.0)];
        let op = op(time, channels);
        let Some(device) = emulated(op) else { return };
        check(&device, &inputs, &[true], |inputs| reference::forward(&op, inputs));
    }
    let (op, x) = (op(101, 23), [Numbers::new(4).take(3 * 101 * 23, 3.0, 0.0)]);
    let Some(device) = emulated(op) else { return };
    follows(&device, &op, &x, &[3 * 101 * 23]);
}

#[test]
fn same_bytes_whatever_the_thread_count_and_over_many_blocks() {
    let (op, x) = (op(4_000, 20), [Numbers::new(4).take(160_000, 3.0, 0.0)]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &x, &[160_000]).0, run_backward(&op, &x, &x)))
    };
    let want: Vec<f32> = reference::forward(&op, &x)[0].iter().map(|&x| x as f32).collect();
    assert!(run(1).0[0] == want && run(1) == run(2));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![1.0, 2.0, 3.0, 4.0], [2, 2, 1]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = shift(&mut tape, &x).expect("runs");
    assert_eq!(out.to_vec(), [0.0, 1.0, 0.0, 3.0]);
    let mut grads = tape.backward(&device, vec![(out, vec![5.0, 6.0, 7.0, 8.0])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), [6.0, 0.0, 8.0, 0.0]);
    let flat = Array::zeros(&device, [4]).expect("room");
    let error = shift(&mut Tape::silent(), &flat).expect_err("no sequences").to_string();
    assert_eq!(error, "shift: x has shape [4], but it needs 3 axes");
}
