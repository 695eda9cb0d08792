//! The kernels against their specification and the published examples.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Shape, Tape};

fn batch(lens: &[usize], time: usize, channels: usize) -> Batch {
    Batch { lens: lens.to_vec(), time, channels }
}

fn x(batch: &Batch) -> [Vec<f64>; 1] {
    [Numbers::new(3).take(batch.lens.len() * batch.sequence(), 2.0, 0.3)]
}

/// Sequences of several tasks, valid parts that end in the first and the second of them, and where one ends.
const LONG: (&[usize], usize, usize) = (&[600, 513, 512, 40], 600, 2);

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (lens, time, channels) in
        [(&[1][..], 1, 1), (&[0, 1, 5, 3], 5, 3), (&[7, 7], 7, 17), (&[0], 2, 4), (&[], 3, 2), LONG]
    {
        let b = batch(lens, time, channels);
        check(&ZeroPadding(b.clone()), &x(&b), &[true], |inputs| reference::zero(&b, inputs));
        check(&ReversePadded(b.clone()), &x(&b), &[true], |inputs| reference::reverse(&b, inputs));
        check(&MeanPool(b.clone()), &x(&b), &[true], |inputs| reference::mean(&b, inputs));
        let first = FirstFrame { sequence: b.sequence(), channels };
        check(&first, &x(&b), &[true], |inputs| reference::first(&first, inputs));
    }
}

#[test]
fn device_kernels_agree_too() {
    for (lens, time, channels) in [
        (&[1][..], 1, 1),
        (&[0, 1, 5, 3], 5, 3),
        (&[7, 7], 7, 17),
        (&[0], 2, 4),
        (&[], 3, 2),
        (&[11, 2], 11, 140),
    ] {
        let b = batch(lens, time, channels);
        let first = FirstFrame { sequence: b.sequence(), channels };
        let (Some(zero), Some(reversed), Some(mean), Some(picked)) = (
            emulated(ZeroPadding(b.clone())),
            emulated(ReversePadded(b.clone())),
            emulated(MeanPool(b.clone())),
            emulated(first),
        ) else {
            return;
        };
        check(&zero, &x(&b), &[true], |inputs| reference::zero(&b, inputs));
        check(&reversed, &x(&b), &[true], |inputs| reference::reverse(&b, inputs));
        check(&mean, &x(&b), &[true], |inputs| reference::mean(&b, inputs));
        check(&picked, &x(&b), &[true], |inputs| reference::first(&first, inputs));
    }
    let b = batch(LONG.0, LONG.1, LONG.2);
    let (lens, x) = ([b.lens.len() * b.sequence()], x(&b));
    let (Some(reversed), Some(mean)) = (emulated(ReversePadded(b.clone())), emulated(MeanPool(b.clone())))
    else {
        return;
    };
    follows(&reversed, &ReversePadded(b.clone()), &x, &lens);
    follows(&mean, &MeanPool(b.clone()), &x, &[b.lens.len() * b.channels]);
    let empty = batch(&[0, 0], 0, 6);
    let Some(mean) = emulated(MeanPool(empty)) else { return };
    assert_eq!(run_forward(&mean, &[Vec::new()], &[12]).0[0], [0.0; 12]);
}

/// The example of the bidirectional wrapper's specification: T = 5, len = 3.
#[test]
fn reversal_leaves_the_padding_behind_and_undoes_itself() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![6.0, 7.0, 8.0, 9.0, 10.0], [1, 5, 1]).expect("fits");
    let mut tape = Tape::silent();
    let once = reverse_padded(&mut tape, &x, &[3]).expect("fits");
    assert_eq!(once.to_vec(), [8.0, 7.0, 6.0, 0.0, 0.0]);
    let twice = reverse_padded(&mut tape, &once, &[3]).expect("fits");
    assert_eq!(twice.to_vec(), [6.0, 7.0, 8.0, 0.0, 0.0]);
    assert_eq!(twice.to_vec(), zero_padding(&mut tape, &x, &[3]).expect("fits").to_vec());
}

#[test]
fn padding_may_hold_anything() {
    let b = batch(&[2, 0], 3, 2);
    let mut x = x(&b);
    for padding in [4..6, 6..12] {
        x[0][padding].fill(f64::NAN);
    }
    let (zeroed, ()) = run_forward(&ZeroPadding(b.clone()), &x, &[12]);
    let (reversed, ()) = run_forward(&ReversePadded(b.clone()), &x, &[12]);
    let (mean, ()) = run_forward(&MeanPool(b), &x, &[4]);
    for out in [&zeroed, &reversed, &mean] {
        assert!(out[0].iter().all(|y| y.is_finite()), "{out:?}");
    }
    assert_eq!(mean[0][2..], [0.0, 0.0], "the mean of nothing is zero");
}

#[test]
fn the_mean_of_a_long_sequence_is_precise() {
    let b = batch(&[30_000], 30_000, 3);
    let x = [Numbers::new(8).take(90_000, 1.0, 5.0)];
    let (got, ()) = run_forward(&MeanPool(b.clone()), &x, &[3]);
    agree("mean", &got[0], &reference::mean(&b, &x)[0], Tolerance { absolute: 0.0, relative: 1e-6 });
}

#[test]
fn same_bytes_whatever_the_thread_count_and_the_place_in_the_batch() {
    let b = batch(&[50, 3, 41], 50, 33);
    let (x, half) = (x(&b), b.sequence());
    let dout = Numbers::new(9).take(x[0].len(), 1.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&ReversePadded(b.clone()), &x, std::slice::from_ref(&dout)))
    };
    assert!(run(1) == run(2));
    let (all, ()) = run_forward(&MeanPool(b.clone()), &x, &[99]);
    let (alone, ()) = run_forward(&MeanPool(batch(&[3], 50, 33)), &[x[0][half..2 * half].to_vec()], &[33]);
    assert_eq!(all[0][33..66], alone[0]);
}

fn zeros(shape: impl Into<Shape>) -> Array<Cpu> {
    Array::zeros(&Cpu::default(), shape).expect("room")
}

#[test]
fn refuses_lengths_that_do_not_fit() {
    let run = |x: Array<Cpu>, lens: &[usize]| {
        let out = zero_padding(&mut Tape::silent(), &x, lens);
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    let refused = |got: Result<Shape, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(
        run(zeros([2, 5, 6]), &[5]),
        "zero_padding: x has shape [2, 5, 6], but 1 valid lengths were given",
    );
    refused(
        run(zeros([2, 5, 6]), &[5, 6]),
        "zero_padding: x has shape [2, 5, 6], but sequence 1 is said to have 6 valid frames",
    );
    refused(run(zeros([2, 6]), &[5, 6]), "zero_padding: x has shape [2, 6], but it needs 3 axes");
    assert_eq!(run(zeros([2, 0, 6]), &[0, 0]), Ok([2, 0, 6].into()));
    let pooled = mean_pool(&mut Tape::silent(), &zeros([2, 0, 6]), &[0, 0]).expect("fits");
    assert_eq!(pooled.to_vec(), [0.0; 12]);
    let first = first_frame(&mut Tape::silent(), &zeros([2, 0, 6])).map_err(|error| error.to_string());
    assert_eq!(
        first.err().as_deref(),
        Some("first_frame: x has shape [2, 0, 6], but it needs at least one frame")
    );
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let values = (0..12).map(|i| i as f32).collect();
    let x = Array::from_vec(&device, values, [2, 3, 2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let reversed = reverse_padded(&mut tape, &x, &[2, 3]).expect("fits");
    let first = first_frame(&mut tape, &reversed).expect("fits");
    let pooled = mean_pool(&mut tape, &x, &[2, 0]).expect("fits");
    assert_eq!(first.to_vec(), [2.0, 3.0, 10.0, 11.0]);
    assert_eq!(pooled.to_vec(), [1.0, 2.0, 0.0, 0.0]);
    let seeds = vec![(first, vec![1.0, 2.0, 3.0, 4.0]), (pooled, vec![10.0, 20.0, 30.0, 40.0])];
    let mut grads = tape.backward(&device, seeds).expect("runs");
    let want = [5.0, 10.0, 6.0, 12.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 4.0];
    assert_eq!(grads.to_vec(&x).expect("runs"), want);
}
