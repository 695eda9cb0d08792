//! The kernel against its specification, the published golden, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::op::CpuOp;
use crate::{Cpu, Shape};

/// Inputs for `batch` sequences.
fn inputs(op: &CausalConv1d, batch: usize) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new(3);
    let x = numbers.take(batch * op.time * op.channels, 2.0, 0.0);
    let weight = numbers.take(op.channels * op.taps, 0.7, 0.0);
    let bias = numbers.take(op.channels, 0.3, 0.1);
    vec![x, weight, bias]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, time, channels, taps, silu) in [
        (1, 1, 1, 4, true),
        (1, 1, 3, 2, false),
        (2, 3, 5, 4, true),
        (2, 7, 17, 3, true),
        (1, 12, 33, 2, true),
        (3, 5, 8, 4, false),
    ] {
        let op = CausalConv1d { time, channels, taps, silu };
        check(&op, &inputs(&op, batch), &[true; 3], |inputs| reference::forward(&op, inputs));
    }
}

/// One channel a thread and four, sequences of one step, several runs and blocks.
#[test]
fn device_kernels_agree_too() {
    for (batch, time, channels, taps, silu) in [
        (1, 1, 1, 4, true),
        (1, 1, 3, 2, false),
        (2, 3, 5, 4, true),
        (2, 7, 17, 3, true),
        (3, 19, 8, 4, false),
        (1, 35, 4, 2, true),
    ] {
        let op = CausalConv1d { time, channels, taps, silu };
        let Some(device) = emulated(op) else { return };
        check(&device, &inputs(&op, batch), &[true; 3], |inputs| reference::forward(&op, inputs));
    }
    for channels in [515, 1_028] {
        let op = CausalConv1d { time: 301, channels, taps: 4, silu: true };
        let Some(device) = emulated(op) else { return };
        agree_with_the_cpu(&op, &device, &inputs(&op, 2));
    }
    for [batch, time] in [[0, 5], [2, 0]] {
        let op = CausalConv1d { time, channels: 3, taps: 4, silu: true };
        let Some(device) = emulated(op) else { return };
        assert_eq!(run_backward(&device, &inputs(&op, batch), &[vec![]])[1], [0.0; 12]);
    }
}

/// Outputs and gradients of the device's kernels, against the CPU's.
fn agree_with_the_cpu(op: &CausalConv1d, device: &impl CpuOp, inputs: &[Vec<f64>]) {
    let dout = [Numbers::new(5).take(inputs[0].len(), 1.0, 0.0)];
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
    let [got, want] =
        [run_forward(device, inputs, &[dout[0].len()]).0, run_forward(op, inputs, &[dout[0].len()]).0];
    agree("out", &got[0], &wide(&want[0]), Tolerance::F32);
    let pairs = run_backward(device, inputs, &dout).into_iter().zip(run_backward(op, inputs, &dout));
    for (index, (got, want)) in pairs.enumerate() {
        agree(&format!("gradient {index}"), &got, &wide(&want), Tolerance::F32_GRADIENT);
    }
}

#[test]
fn agrees_over_many_blocks_and_tiles() {
    let op = CausalConv1d { time: 101, channels: 1_541, taps: 4, silu: true };
    let inputs = inputs(&op, 2);
    let want = reference::forward(&op, &inputs);
    let (got, ()) = run_forward(&op, &inputs, &[want[0].len()]);
    agree("causal_conv1d output", &got[0], &want[0], Tolerance::F32);
}

#[test]
fn block_edges_leave_no_trace_in_the_gradient() {
    // T·C of the long one spans several blocks; a shift in time by a whole number of samples must only shift dx.
    let op = CausalConv1d { time: 101, channels: 1_541, taps: 4, silu: true };
    let ins = inputs(&op, 1);
    let dout = Numbers::new(5).take(op.time * op.channels, 1.0, 0.0);
    let long = run_backward(&op, &ins, std::slice::from_ref(&dout));
    let cut = 40;
    let short_op = CausalConv1d { time: op.time - cut, ..op };
    let tail = |x: &[f64]| x[cut * op.channels..].to_vec();
    let short_ins = vec![tail(&ins[0]), ins[1].clone(), ins[2].clone()];
    let short = run_backward(&short_op, &short_ins, &[tail(&dout)]);
    // The first W − 1 samples of the cut sequence miss their history, nothing after them does.
    let settled = (op.taps - 1) * op.channels;
    assert_eq!(long[0][cut * op.channels + settled..], short[0][settled..]);
}

/// Golden of the operator's specification: W = 4, one channel.
#[test]
fn golden() {
    let op = CausalConv1d { time: 5, channels: 1, taps: 4, silu: true };
    let ins = vec![vec![1.0, -2.0, 0.5, 3.0, -1.0], vec![0.1, -0.2, 0.3, 0.4], vec![0.05]];
    let (out, ()) = run_forward(&op, &ins, &[5]);
    let want = [0.274787655277, -0.175212344723, -0.201225424944, 1.652793898710, 0.140544125221];
    agree("out", &out[0], &want, Tolerance::F32);
    let plain = CausalConv1d { silu: false, ..op };
    agree("v", &run_forward(&plain, &ins, &[5]).0[0], &[0.45, -0.45, -0.55, 1.9, 0.25], Tolerance::F32);
    let grads = run_backward(&op, &ins, &[vec![1.0; 5]]);
    let dx = [0.432604437371, 0.029809953711, 0.296042283243, 0.621086613765, 0.249484008628];
    let dw = [-0.162486024906, -1.619752820468, 2.219445897487, 2.903114433469];
    agree("dx", &grads[0], &dx, Tolerance::F32);
    agree("dw", &grads[1], &dw, Tolerance::F32);
    agree("dbias", &grads[2], &[2.946904245021], Tolerance::F32);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let op = CausalConv1d { time: 150, channels: 700, taps: 4, silu: true };
    let ins = inputs(&op, 3);
    let dout = Numbers::new(9).take(ins[0].len(), 1.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            (run_forward(&op, &ins, &[dout.len()]).0, run_backward(&op, &ins, std::slice::from_ref(&dout)))
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn sequences_of_a_batch_do_not_meet() {
    let op = CausalConv1d { time: 9, channels: 6, taps: 4, silu: true };
    let ins = inputs(&op, 2);
    let half = op.time * op.channels;
    let swapped = [&ins[0][half..], &ins[0][..half]].concat();
    let (got, ()) = run_forward(&op, &ins, &[2 * half]);
    let (moved, ()) = run_forward(&op, &[swapped, ins[1].clone(), ins[2].clone()], &[2 * half]);
    assert_eq!(got[0][..half], moved[0][half..]);
    assert_eq!(got[0][half..], moved[0][..half]);
}

fn zeros(shape: impl Into<Shape>) -> Array<Cpu> {
    Array::zeros(&Cpu::default(), shape).expect("room")
}

#[test]
fn refuses_shapes_that_do_not_fit() {
    let run = |x: Array<Cpu>, weight: Array<Cpu>, bias: Array<Cpu>| {
        causal_conv1d(&mut Tape::silent(), &x, &weight, &bias, true)
            .map(|y| y.shape())
            .map_err(|e| e.to_string())
    };
    let refused = |got: Result<Shape, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(
        run(zeros([2, 5, 6]), zeros([7, 1, 4]), zeros([6])),
        "causal_conv1d: weight has shape [7, 1, 4], but x needs [6, 1, W]",
    );
    refused(
        run(zeros([2, 5, 6]), zeros([6, 1, 5]), zeros([6])),
        "causal_conv1d: weight has shape [6, 1, 5], but its last axis must be 2, 3 or 4 taps",
    );
    refused(
        run(zeros([2, 5, 6]), zeros([6, 1, 4]), zeros([5])),
        "causal_conv1d: bias has shape [5], but x needs [6]",
    );
    refused(
        run(zeros([2, 6]), zeros([6, 1, 4]), zeros([6])),
        "causal_conv1d: x has shape [2, 6], but it needs 3 axes",
    );
    for empty in [[0, 5, 6], [2, 0, 6]] {
        assert_eq!(run(zeros(empty), zeros([6, 1, 4]), zeros([6])), Ok(empty.into()));
    }
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let op = CausalConv1d { time: 4, channels: 2, taps: 3, silu: true };
    let ins = inputs(&op, 1);
    let array = |i: usize, shape: Shape| {
        Array::from_vec(&device, ins[i].iter().map(|&x| x as f32).collect(), shape).expect("fits")
    };
    let (x, weight, bias) = (array(0, [1, 4, 2].into()), array(1, [2, 1, 3].into()), array(2, [2].into()));
    let weight = weight.tracked();
    let mut tape = Tape::recording();
    let out = causal_conv1d(&mut tape, &x, &weight, &bias, true).expect("fits");
    let mut grads = tape.backward(&device, vec![(out, vec![1.0; 8])]).expect("runs");
    let want = run_backward(&op, &ins, &[vec![1.0; 8]]);
    assert_eq!(grads.to_vec(&weight).expect("runs"), want[1]);
    assert!(!grads.reached(&x));
}
