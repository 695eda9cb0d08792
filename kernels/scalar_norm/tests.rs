//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

fn inputs(rows: usize, channels: usize) -> [Vec<f64>; 3] {
    let x = Numbers::new(3).take(rows * channels, 2.0, 0.7);
    [x, vec![1.25], vec![-0.375]]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, channels) in [(0, 3), (1, 3), (3, 5), (2, 16), (4, 17), (3, 70)] {
        let inputs = inputs(rows, channels);
        let op = ScalarNorm { channels };
        check(&op, &inputs, &[true; 3], |inputs| reference::forward(channels, inputs));
    }
}

/// Rows of a warp and of a block, several chunks of them.
#[test]
fn device_kernels_agree_too() {
    for (rows, channels) in [(0, 3), (1, 3), (3, 5), (2, 16), (9, 17), (3, 70)] {
        let op = ScalarNorm { channels };
        let Some(device) = emulated(op) else { return };
        check(&device, &inputs(rows, channels), &[true; 3], |inputs| reference::forward(channels, inputs));
    }
    for (rows, channels) in [(150, 33), (2, 5_000)] {
        let op = ScalarNorm { channels };
        let Some(device) = emulated(op) else { return };
        follows(&device, &op, &inputs(rows, channels), &[rows * channels]);
    }
}

#[test]
fn agrees_over_many_blocks() {
    let inputs = inputs(1_111, 64);
    let (got, ()) = run_forward(&ScalarNorm { channels: 64 }, &inputs, &[1_111 * 64]);
    agree("scalar_norm", &got[0], &reference::forward(64, &inputs)[0], Tolerance::F32);
}

/// torch 2.11: `x = torch.tensor([[1., -2., .5, 3.]], dtype=torch.float64, requires_grad=True);
/// y = 2. / x.std(-1, unbiased=False, keepdim=True) * (x - x.mean(-1, keepdim=True) + .5);
/// (y * torch.tensor([1., 2., -1., .5])).sum().backward(); print(y, x.grad)`
#[test]
fn golden() {
    let inputs = [vec![1.0, -2.0, 0.5, 3.0], vec![2.0], vec![0.5]];
    let (out, ()) = run_forward(&ScalarNorm { channels: 4 }, &inputs, &[4]);
    let close = Tolerance { absolute: 1e-6, relative: 1e-6 };
    agree("out", &out[0], &GOLDEN[0], close);
    let grads = run_backward(&ScalarNorm { channels: 4 }, &inputs, &[vec![1.0, 2.0, -1.0, 0.5]]);
    agree("dx", &grads[0], &GOLDEN[1], close);
}

const GOLDEN: [[f64; 4]; 2] = [
    [0.982607368881, -2.386332181568, 0.421117443806, 3.228567069181],
    [0.497872839968, 1.006809520824, -1.850427388547, 0.345745027755],
];

#[test]
fn same_bytes_whatever_the_thread_count() {
    let inputs = inputs(1_111, 64);
    let dout = [Numbers::new(9).take(1_111 * 64, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&ScalarNorm { channels: 64 }, &inputs, &dout))
    };
    assert!(run(1) == run(2));
}

#[test]
fn gradients_arrive_through_the_tape_and_misfits_are_named() {
    let device = Cpu::default();
    let array = |values: Vec<f32>| {
        let len = values.len();
        Array::from_vec(&device, values, [len]).expect("fits").tracked()
    };
    let (x, gain, shift) = (array(vec![1.0, 3.0]), array(vec![2.0]), array(vec![0.5]));
    let mut tape = Tape::recording();
    let out = scalar_norm(&mut tape, &x, &gain, &shift).expect("runs");
    assert_eq!(out.to_vec(), [-1.0, 3.0]);
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 0.0])]).expect("runs");
    assert_eq!(grads.to_vec(&gain).expect("runs"), [-0.5]);
    assert_eq!(grads.to_vec(&shift).expect("runs"), [2.0]);
    let error = scalar_norm(&mut Tape::silent(), &x, &gain, &x).expect_err("two shifts").to_string();
    assert_eq!(error, "scalar_norm: shift has shape [2], but there is one for all channels");
}
