//! The kernel against its specification, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::op::{CpuOp, Gradient};
use crate::{Cpu, Shape};

fn inputs(op: &FftConv, batch: usize) -> Vec<Vec<f64>> {
    let FftConv { time, channels, both } = *op;
    let mut numbers = Numbers::new(time as u64);
    vec![
        numbers.take(batch * time * channels, 1.0, 0.0),
        numbers.take(if both { 2 } else { 1 } * time * channels, 0.5, 0.0),
        numbers.take(channels, 1.0, 0.0),
    ]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, time, channels) in [(1, 1, 1), (2, 7, 3), (1, 16, 17), (3, 11, 2)] {
        for both in [false, true] {
            let op = FftConv { time, channels, both };
            check(&op, &inputs(&op, batch), &[true; 3], |inputs| reference::forward(&op, inputs));
        }
    }
}

#[test]
fn agrees_over_long_sequences() {
    for both in [false, true] {
        let op = FftConv { time: 1_000, channels: 18, both };
        let ins = inputs(&op, 2);
        let (got, ()) = run_forward(&op, &ins, &[36_000]);
        let within = Tolerance { absolute: 3e-5, relative: 1e-5 };
        agree("y", &got[0], &reference::forward(&op, &ins)[0], within);
    }
}

#[test]
fn device_kernels_agree_too() {
    for (batch, time, channels) in [(1, 1, 1), (3, 1, 2), (2, 7, 3), (1, 16, 17), (3, 11, 2), (5, 33, 1)] {
        for both in [false, true] {
            let op = FftConv { time, channels, both };
            let Some(device) = emulated(op) else { return };
            check(&device, &inputs(&op, batch), &[true; 3], |inputs| reference::forward(&op, inputs));
        }
    }
    for (batch, channels) in [(0, 3), (2, 0)] {
        let op = FftConv { time: 5, channels, both: true };
        let Some(device) = emulated(op) else { return };
        assert_eq!(run_backward(&device, &inputs(&op, batch), &[vec![]])[1], vec![0.0; 10 * channels]);
    }
}

/// Several goes of pairs, the last of one sequence; several tiles of columns; rows beside columns, of one pass and of two.
#[test]
fn device_kernels_agree_over_long_sequences() {
    for (batch, time, channels, both) in [
        (5, 100, 18, true),
        (5, 100, 18, false),
        (2, 2_048, 1, true),
        (3, 2_049, 5, true),
        (2, 16_000, 3, false),
        (1, 40_000, 1, true),
        (1, 130_000, 1, false),
    ] {
        let op = FftConv { time, channels, both };
        let Some(device) = emulated(op) else { return };
        let mut ins = inputs(&op, batch);
        // Sums of the size of 1 to 10, whatever the length.
        let scale = (30.0 / (time as f64).sqrt()).min(1.0);
        ins[..2].iter_mut().flatten().for_each(|x| *x = f64::from((*x * scale) as f32));
        follows(&device, &op, &ins, &[batch * time * channels]);
    }
}

/// As for the CPU's, whatever else is wanted: each gradient alone is what it is beside the others.
#[test]
fn device_kernels_give_each_gradient_alone() {
    let op = FftConv { time: 20, channels: 3, both: true };
    let Some(device) = emulated(op) else { return };
    let ins = inputs(&op, 3);
    let dy = vec![Numbers::new(3).take(ins[0].len(), 1.0, 0.0)];
    let want = run_backward(&device, &ins, &dy);
    let narrow = |x: &Vec<f64>| x.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    let (ins, dy): (Vec<_>, Vec<_>) = (ins.iter().map(narrow).collect(), dy.iter().map(narrow).collect());
    let (ins, dy): (Vec<&[f32]>, Vec<&[f32]>) =
        (ins.iter().map(Vec::as_slice).collect(), dy.iter().map(Vec::as_slice).collect());
    for index in 0..3 {
        let mut y = vec![f32::NAN; dy[0].len()];
        let saved = device.forward(&ins, &mut [&mut y], true);
        let mut got = vec![f32::NAN; ins[index].len()];
        let mut wanted = [None, None, None];
        wanted[index] = Some(Gradient::to_set(&mut got));
        device.backward(saved, &ins, &dy, &mut wanted);
        let want: Vec<f64> = want[index].iter().map(|&x| f64::from(x)).collect();
        agree("one gradient", &got, &want, Tolerance::F32);
    }
}

#[test]
fn the_past_does_not_see_the_future() {
    let op = FftConv { time: 40, channels: 3, both: false };
    let ins = inputs(&op, 1);
    let mut later = ins.clone();
    later[0][30 * 3..].fill(9.0);
    let [before, after] = [&ins, &later].map(|ins| run_forward(&op, ins, &[120]).0[0][..90].to_vec());
    let before: Vec<f64> = before.into_iter().map(f64::from).collect();
    agree("the first 30 samples", &after, &before, Tolerance::F32);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let op = FftConv { time: 60, channels: 40, both: true };
    let ins = inputs(&op, 3);
    let dy = vec![Numbers::new(3).take(ins[0].len(), 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &ins, &[dy[0].len()]).0, run_backward(&op, &ins, &dy)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn misfits_are_named() {
    let zeros = |shape: Shape| Array::zeros(&Cpu::default(), shape).expect("room");
    let run = |u: Shape, k: Shape, d: Shape| {
        let refused = fft_conv(&mut Tape::silent(), &zeros(u), &zeros(k), &zeros(d));
        refused.map(|y| y.shape()).map_err(|error| error.to_string())
    };
    assert_eq!(run([2, 5, 3].into(), [1, 3, 5].into(), [3].into()), Ok([2, 5, 3].into()));
    assert_eq!(run([2, 0, 3].into(), [1, 3, 0].into(), [3].into()), Ok([2, 0, 3].into()));
    assert_eq!(
        run([2, 5, 3].into(), [3, 3, 5].into(), [3].into()).unwrap_err(),
        "fft_conv: k has shape [3, 3, 5], but u needs [1, 3, 5], or two of them"
    );
    assert_eq!(
        run([2, 5, 3].into(), [1, 3, 5].into(), [4].into()).unwrap_err(),
        "fft_conv: d has shape [4], but u needs [3]"
    );
}
