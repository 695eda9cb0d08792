//! Cases: strides and trims, narrow and wide frames; PyTorch's numbers.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

fn operands([batch, time, channels]: [usize; 3], [outputs, taps]: [usize; 2], bias: bool) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new((time * outputs + taps) as u64);
    let mut operands = vec![
        numbers.take(batch * time * channels, 1.0, 0.0),
        numbers.take(channels * outputs * taps, 1.0, 0.0),
    ];
    if bias {
        operands.push(numbers.take(outputs, 1.0, 0.0));
    }
    operands
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (extents, kernel, stride, trim, bias) in [
        ([1, 1, 1], [1, 1], 1, [0, 0], false),
        ([2, 4, 3], [2, 3], 1, [0, 0], true),
        ([2, 4, 3], [2, 4], 2, [0, 0], true),
        ([1, 5, 2], [3, 4], 2, [1, 1], true),
        ([3, 3, 2], [1, 16], 8, [4, 4], false),
        ([1, 4, 2], [20, 10], 5, [3, 2], true),
        ([1, 3, 2], [17, 3], 5, [0, 0], true),
        ([2, 1, 2], [2, 4], 2, [0, 2], true),
    ] {
        let op = ConvTranspose1d::new(extents, kernel, stride, trim, bias);
        let specification =
            |operands: &[Vec<f64>]| reference::forward(operands, extents, kernel, stride, trim);
        check(&op, &operands(extents, kernel, bias), &[true; 3], specification);
    }
}

/// Few channels and several on either side, patches as they lie and laid out, trimmed and not; no sequence at all.
#[test]
fn device_kernels_agree_too() {
    for (extents, kernel, stride, trim, bias) in [
        ([1, 1, 1], [1, 1], 1, [0, 0], false),
        ([2, 4, 3], [2, 3], 1, [0, 0], true),
        ([1, 4, 2], [20, 10], 5, [3, 2], true),
        ([2, 1, 2], [2, 4], 2, [0, 2], true),
        ([2, 5, 10], [3, 4], 2, [1, 1], true),
        ([2, 5, 10], [3, 2], 2, [0, 0], true),
        ([2, 3, 9], [4, 3], 5, [2, 0], false),
        ([1, 5, 12], [1, 16], 8, [4, 4], true),
        ([0, 5, 10], [3, 4], 2, [1, 1], true),
    ] {
        let op = ConvTranspose1d::new(extents, kernel, stride, trim, bias);
        let Some(device) = emulated(op) else { return };
        let specification =
            |operands: &[Vec<f64>]| reference::forward(operands, extents, kernel, stride, trim);
        check(&device, &operands(extents, kernel, bias), &[true; 3], specification);
    }
    for (extents, kernel) in [([2, 90, 24], [20, 16]), ([1, 300, 3], [1, 16])] {
        let op = ConvTranspose1d::new(extents, kernel, 8, [4, 4], true);
        let Some(device) = emulated(op) else { return };
        let len = extents[0] * extents[1] * 8 * kernel[0];
        follows(&device, &op, &operands(extents, kernel, true), &[len]);
    }
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let (extents, kernel) = ([1, 900, 24], [20, 16]);
    let op = ConvTranspose1d::new(extents, kernel, 8, [0, 0], true);
    let operands = operands(extents, kernel, true);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let (y, ()) = run_forward(&op, &operands, &[(899 * 8 + 16) * 20]);
            let dy = vec![y[0].iter().map(|&y| f64::from(y)).collect()];
            (y, run_backward(&op, &operands, &dy))
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn golden() {
    // torch 2.11.0: conv_transpose1d(x, w, b, stride=2) in f64; every value is exact in f32.
    let device = Cpu::default();
    let array = |values: &[f32], shape: Shape| {
        Array::from_vec(&device, values.to_vec(), shape).expect("fits").tracked()
    };
    let x = array(&[1.0, 2.0, -1.0, 0.5], [1, 2, 2].into());
    let w = array(&[1.0, 0.5, -1.0, 2.0, -0.5, 1.0], [2, 1, 3].into());
    let b = array(&[0.25], [1].into());
    let mut tape = Tape::recording();
    let y = conv_transpose1d(&mut tape, &x, &w, Some(&b), 2, [0, 0]).expect("runs");
    assert_eq!(y.to_vec(), [5.25, -0.25, 1.25, -0.5, 1.75]);
    let mut grads = tape.backward(&device, vec![(y, vec![1.0, 0.0, 2.0, -1.0, 0.5])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("there"), [-1.0, 4.0, 1.0, 5.0]);
    assert_eq!(grads.to_vec(&w).expect("there"), [-1.0, 1.0, 1.5, 3.0, -0.5, 4.25]);
    assert_eq!(grads.to_vec(&b).expect("there"), [2.5]);
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let refusal = |x: [usize; 3], w: [usize; 3], stride, trim| {
        let array = |shape: [usize; 3]| Array::zeros(&device, shape).expect("room");
        conv_transpose1d(&mut Tape::silent(), &array(x), &array(w), None, stride, trim)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refusal([1, 4, 3], [2, 6, 5], 2, [0, 0]),
        "conv_transpose1d: x has shape [1, 4, 3], but the weight [2, 6, 5] takes 2 channels"
    );
    assert_eq!(
        refusal([1, 0, 2], [2, 6, 5], 2, [0, 0]),
        "conv_transpose1d: x has shape [1, 0, 2], but of 0 frames with 5 taps 0 and 0 are trimmed"
    );
    assert_eq!(
        refusal([1, 4, 2], [2, 6, 5], 0, [0, 0]),
        "conv_transpose1d: the weight has shape [2, 6, 5], but extents and stride 0 have to be positive"
    );
}
