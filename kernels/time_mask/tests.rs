//! The kernel against its specification, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Shape};

/// A mask of `frames` flags, about a third of them set, and inputs for it.
fn case(frames: usize, channels: usize) -> (TimeMask, [Vec<f64>; 2]) {
    let mut numbers = Numbers::new(3);
    let mask = (0..frames).map(|_| numbers.draw() > 0.3).collect();
    let inputs = [numbers.take(frames * channels, 2.0, 0.0), numbers.take(channels, 1.0, 0.5)];
    (TimeMask { mask, channels }, inputs)
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (frames, channels) in [(0, 3), (1, 1), (7, 5), (10, 17)] {
        let (op, inputs) = case(frames, channels);
        check(&op, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
    for mask in [vec![false; 4], vec![true; 4]] {
        let (op, inputs) = case(4, 3);
        let op = TimeMask { mask, ..op };
        check(&op, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
}

#[test]
fn device_kernels_agree_too() {
    for (frames, channels) in [(0, 3), (1, 1), (7, 5), (10, 17)] {
        let (op, inputs) = case(frames, channels);
        let Some(device) = emulated(op.clone()) else { return };
        check(&device, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
    for mask in [vec![false; 4], vec![true; 4]] {
        let (op, inputs) = case(4, 3);
        let op = TimeMask { mask, ..op };
        let Some(device) = emulated(op.clone()) else { return };
        check(&device, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
    for (frames, channels) in [(150, 33), (9, 301)] {
        let (op, inputs) = case(frames, channels);
        let Some(device) = emulated(op.clone()) else { return };
        follows(&device, &op, &inputs, &[frames * channels]);
    }
}

#[test]
fn agrees_over_many_blocks() {
    let (op, inputs) = case(3_000, 40);
    let (got, ()) = run_forward(&op, &inputs, &[120_000]);
    agree("time_mask", &got[0], &reference::forward(&op, &inputs)[0], Tolerance::F32);
    let dout = Numbers::new(5).take(120_000, 1.0, 0.0);
    let grads = run_backward(&op, &inputs, std::slice::from_ref(&dout));
    let mut want = vec![0.0; 40];
    for (frame, _) in dout.chunks(40).zip(&op.mask).filter(|(_, masked)| **masked) {
        want.iter_mut().zip(frame).for_each(|(sum, d)| *sum += d);
    }
    agree("dembedding", &grads[1], &want, Tolerance::F32_GRADIENT);
    let passed = |i: usize| if op.mask[i / 40] { 0.0 } else { dout[i] };
    agree("dx", &grads[0], &(0..120_000).map(passed).collect::<Vec<f64>>(), Tolerance::F32);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let (op, inputs) = case(3_000, 40);
    let dout = Numbers::new(9).take(120_000, 1.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&op, &inputs, std::slice::from_ref(&dout)))
    };
    assert!(run(1) == run(2));
}

fn zeros(shape: impl Into<Shape>) -> Array<Cpu> {
    Array::zeros(&Cpu::default(), shape).expect("room")
}

#[test]
fn refuses_what_does_not_fit() {
    let run = |x: Array<Cpu>, embedding: Array<Cpu>, flags| {
        let out = time_mask(&mut Tape::silent(), &x, &embedding, vec![true; flags]);
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    let refused = |got: Result<Shape, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(run(zeros([2, 5, 6]), zeros([5]), 10), "time_mask: embedding has shape [5], but x needs [6]");
    refused(
        run(zeros([2, 5, 6]), zeros([6]), 5),
        "time_mask: x has shape [2, 5, 6], but the mask has 5 flags",
    );
    assert_eq!(run(zeros([2, 0, 6]), zeros([6]), 0), Ok([2, 0, 6].into()));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let values = (0..6).map(|i| i as f32).collect();
    let x = Array::from_vec(&device, values, [1, 3, 2]).expect("fits").tracked();
    let embedding = Array::from_vec(&device, vec![-1.0, -2.0], [2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = time_mask(&mut tape, &x, &embedding, vec![true, false, true]).expect("fits");
    assert_eq!(out.to_vec(), [-1.0, -2.0, 2.0, 3.0, -1.0, -2.0]);
    let seeds = vec![(out, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])];
    let mut grads = tape.backward(&device, seeds).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), [0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
    assert_eq!(grads.to_vec(&embedding).expect("runs"), [6.0, 8.0]);
}
