//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

fn case(batch: usize, sequence: usize) -> (Blend, [Vec<f64>; 2]) {
    let mut numbers = Numbers::new(11);
    let weights = (0..batch).map(|_| [numbers.draw() as f32, numbers.draw() as f32]).collect();
    let operands = [numbers.take(batch * sequence, 2.0, 0.0), numbers.take(batch * sequence, 1.0, 0.5)];
    (Blend { weights, sequence }, operands)
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, sequence) in [(0, 3), (1, 1), (3, 7), (2, 40)] {
        let (op, inputs) = case(batch, sequence);
        check(&op, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
    let (op, inputs) = case(3, 70_001);
    let (got, ()) = run_forward(&op, &inputs, &[210_003]);
    agree("blend", &got[0], &reference::forward(&op, &inputs)[0], Tolerance::F32);
}

#[test]
fn device_kernels_agree_too() {
    for (batch, sequence) in [(0, 3), (1, 1), (3, 7), (2, 40)] {
        let (op, inputs) = case(batch, sequence);
        let Some(device) = emulated(op.clone()) else { return };
        check(&device, &inputs, &[true; 2], |inputs| reference::forward(&op, inputs));
    }
    let (op, inputs) = case(3, 2_501);
    let Some(device) = emulated(op.clone()) else { return };
    follows(&device, &op, &inputs, &[3 * 2_501]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let (op, inputs) = case(3, 70_001);
    let dout = [Numbers::new(7).take(210_003, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &inputs, &[210_003]).0, run_backward(&op, &inputs, &dout)))
    };
    assert!(run(1) == run(2));
}

fn array(values: Vec<f32>, shape: [usize; 2]) -> Array<Cpu> {
    Array::from_vec(&Cpu::default(), values, shape).expect("fits")
}

#[test]
fn a_dropped_sequence_takes_no_gradient() {
    let x = array(vec![1.0, 2.0, 3.0, 4.0], [2, 2]).tracked();
    let branch = array(vec![1.0; 4], [2, 2]).tracked();
    let mut tape = Tape::recording();
    let out = blend(&mut tape, &x, &branch, vec![[1.0, 0.0], [1.0, 1.25]]).expect("fits");
    assert_eq!(out.to_vec(), [1.0, 2.0, 4.25, 5.25]);
    let mut grads = tape.backward(&Cpu::default(), vec![(out, vec![1.0; 4])]).expect("runs");
    assert_eq!(grads.to_vec(&branch).expect("runs"), [0.0, 0.0, 1.25, 1.25]);
}

#[test]
fn refuses_what_does_not_fit() {
    let (x, y) = (array(vec![0.0; 4], [2, 2]), array(vec![0.0; 4], [1, 4]));
    let run = |a, b, count| {
        let out = blend(&mut Tape::silent(), a, b, vec![[1.0, 1.0]; count]);
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    assert_eq!(run(&x, &y, 2), Err("blend: b has shape [1, 4], but a has [2, 2]".to_owned()));
    let sentence = "blend: a has shape [2, 2], but there are weights for 3 sequences".to_owned();
    assert_eq!(run(&x, &x, 3), Err(sentence));
}
