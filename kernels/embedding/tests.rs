//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

/// `len` codes below `rows`, some of them never, and a table.
fn case(len: usize, rows: usize, channels: usize) -> (Embedding, [Vec<f64>; 1]) {
    let mut numbers = Numbers::new(5);
    let codes = (0..len).map(|_| (numbers.draw().abs() * rows as f64) as u32).collect();
    (Embedding { codes, channels }, [numbers.take(rows * channels, 1.0, 0.0)])
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (len, rows, channels) in [(0, 3, 2), (1, 1, 1), (9, 4, 3), (5, 30, 17)] {
        let (op, inputs) = case(len, rows, channels);
        check(&op, &inputs, &[true], |inputs| reference::forward(&op, inputs));
    }
}

/// Rows of the table that nobody asks for, and rows that many ask for.
#[test]
fn device_kernels_agree_too() {
    for (len, rows, channels) in [(0, 3, 2), (1, 1, 1), (9, 4, 3), (5, 30, 17), (40, 2, 35)] {
        let (op, inputs) = case(len, rows, channels);
        let Some(device) = emulated(op.clone()) else { return };
        check(&device, &inputs, &[true], |inputs| reference::forward(&op, inputs));
    }
    let (op, inputs) = case(700, 50, 140);
    let Some(device) = emulated(op.clone()) else { return };
    follows(&device, &op, &inputs, &[700 * 140]);
}

#[test]
fn agrees_over_many_blocks() {
    let (op, inputs) = case(3_000, 50, 40);
    let (got, ()) = run_forward(&op, &inputs, &[120_000]);
    agree("embedding", &got[0], &reference::forward(&op, &inputs)[0], Tolerance::F32);
    let dout = Numbers::new(6).take(120_000, 1.0, 0.0);
    let mut want = vec![0.0; 2_000];
    for (dout, &code) in dout.chunks(40).zip(&op.codes) {
        want[code as usize * 40..][..40].iter_mut().zip(dout).for_each(|(sum, d)| *sum += d);
    }
    agree("dtable", &run_backward(&op, &inputs, &[dout])[0], &want, Tolerance::F32_GRADIENT);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let (op, inputs) = case(3_000, 50, 40);
    let dout = [Numbers::new(7).take(120_000, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &inputs, &[120_000]).0, run_backward(&op, &inputs, &dout)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn refuses_what_names_no_row() {
    let table = Array::zeros(&Cpu::default(), [4, 2]).expect("room");
    let run = |codes: &[u32], extents| {
        let out = embedding(&mut Tape::silent(), &table, codes, extents);
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    let refused = |got: Result<_, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(
        run(&[0, 4, 1], [1, 3]),
        "embedding: the table has shape [4, 2], but the code 4 names no row of it",
    );
    refused(
        run(&[0, 1, 2], [2, 2]),
        "embedding: the table has shape [4, 2], but 3 codes are no 2 sequences of 2",
    );
    assert_eq!(run(&[3, 0, 3, 1], [2, 2]), Ok([2, 2, 2].into()));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let table = Array::from_vec(&device, vec![1.0, 2.0, 3.0], [3, 1]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = embedding(&mut tape, &table, &[2, 0, 2], [1, 3]).expect("fits");
    assert_eq!(out.to_vec(), [3.0, 1.0, 3.0]);
    let mut grads = tape.backward(&device, vec![(out, vec![0.5, 1.0, 0.25])]).expect("runs");
    assert_eq!(grads.to_vec(&table).expect("runs"), [1.0, 0.0, 0.75]);
}
