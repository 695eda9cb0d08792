//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

fn case(batch: usize, op: PlaceTokens) -> (PlaceTokens, [Vec<f64>; 3]) {
    let mut numbers = Numbers::new(9);
    let PlaceTokens { tokens, time, channels, .. } = op;
    let rows = [batch * time, tokens, tokens + time];
    (op, rows.map(|rows| numbers.take(rows * channels, 1.0, 0.0)))
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, at, tokens, time, channels) in
        [(1, 0, 1, 4, 3), (3, 2, 2, 5, 2), (2, 5, 1, 5, 1), (2, 1, 0, 3, 2)]
    {
        let (op, inputs) = case(batch, PlaceTokens { at, tokens, time, channels });
        check(&op, &inputs, &[true; 3], |inputs| reference::forward(&op, inputs));
    }
}

#[test]
fn device_kernels_agree_too() {
    for (batch, at, tokens, time, channels) in
        [(1, 0, 1, 4, 3), (3, 2, 2, 5, 2), (2, 5, 1, 5, 1), (2, 1, 0, 3, 2), (2, 0, 1, 0, 3)]
    {
        let (op, inputs) = case(batch, PlaceTokens { at, tokens, time, channels });
        let Some(device) = emulated(op) else { return };
        if time > 0 {
            check(&device, &inputs, &[true; 3], |inputs| reference::forward(&op, inputs));
        } else {
            follows(&device, &op, &inputs, &[batch * tokens * channels]);
        }
    }
    let (op, inputs) = case(3, PlaceTokens { at: 4, tokens: 2, time: 20, channels: 140 });
    let Some(device) = emulated(op) else { return };
    follows(&device, &op, &inputs, &[3 * 22 * 140]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let (op, inputs) = case(5, PlaceTokens { at: 0, tokens: 2, time: 300, channels: 64 });
    let len = 5 * 302 * 64;
    let dout = [Numbers::new(7).take(len, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &inputs, &[len]).0, run_backward(&op, &inputs, &dout)))
    };
    let (one, two) = (run(1), run(2));
    assert!(one == two);
    agree("place_tokens", &one.0[0], &reference::forward(&op, &inputs)[0], Tolerance::F32);
}

#[test]
fn refuses_what_does_not_fit() {
    let zeros = |rows: usize| Array::zeros(&Cpu::default(), [rows, 2]).expect("room");
    let x = Array::zeros(&Cpu::default(), [1, 4, 2]).expect("room");
    let run = |positions: usize, at: usize| {
        let out = place_tokens(&mut Tape::silent(), &x, &zeros(1), &zeros(positions), at);
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    let sentence = "place_tokens: positions has shape [4, 2], but 1 tokens and x need [5, 2]";
    assert_eq!(run(4, 0), Err(sentence.to_owned()));
    let sentence = "place_tokens: x has shape [1, 4, 2], but tokens are to stand behind 5 frames";
    assert_eq!(run(5, 5), Err(sentence.to_owned()));
    assert_eq!(run(5, 4), Ok([1, 5, 2].into()));
}
