//! The kernel against its specification, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, channels, scale) in [(0, 2, 1.0), (1, 1, 1.0), (3, 5, 3.0), (2, 17, 6.0)] {
        let inputs = [Numbers::new(2).take(2 * rows * channels, scale, 0.0)];
        check(&Glu { channels }, &inputs, &[true], |inputs| reference::forward(channels, inputs));
    }
}

/// Rows shorter and longer than a warp's stretch, more of them than a block has.
#[test]
fn device_kernels_agree_too() {
    for (rows, channels, scale) in [(0, 2, 1.0), (1, 1, 1.0), (3, 5, 3.0), (2, 17, 6.0), (11, 33, 3.0)] {
        let Some(device) = emulated(Glu { channels }) else { return };
        let inputs = [Numbers::new(2).take(2 * rows * channels, scale, 0.0)];
        check(&device, &inputs, &[true], |inputs| reference::forward(channels, inputs));
    }
    for (rows, channels) in [(13, 301), (300, 7)] {
        let Some(device) = emulated(Glu { channels }) else { return };
        let inputs = [Numbers::new(3).take(2 * rows * channels, 4.0, 0.0)];
        follows(&device, &Glu { channels }, &inputs, &[rows * channels]);
    }
}

#[test]
fn agrees_over_many_blocks() {
    let inputs = [Numbers::new(3).take(2 * 70_000, 4.0, 0.0)];
    let (got, ()) = run_forward(&Glu { channels: 70 }, &inputs, &[70_000]);
    agree("glu", &got[0], &reference::forward(70, &inputs)[0], Tolerance::F32);
}

/// torch 2.11: `x = torch.tensor([[1., -2., .5, 3.]], dtype=torch.float64, requires_grad=True);
/// y = torch.nn.functional.glu(x); y.sum().backward(); print(y, x.grad)`
#[test]
fn golden() {
    let x = [vec![1.0, -2.0, 0.5, 3.0]];
    let (out, ()) = run_forward(&Glu { channels: 2 }, &x, &[2]);
    let close = Tolerance { absolute: 1e-7, relative: 1e-6 };
    agree("out", &out[0], &[0.622459331202, -1.905148253645], close);
    let grads = run_backward(&Glu { channels: 2 }, &x, &[vec![1.0; 2]]);
    agree("dx", &grads[0], &[0.622459331202, 0.952574126822, 0.235003712202, -0.090353319462], close);
}

#[test]
fn extremes_stay_finite() {
    let x = [vec![1.0, 1.0, -200.0, 200.0]];
    assert_eq!(run_forward(&Glu { channels: 2 }, &x, &[2]).0[0], [0.0, 1.0]);
    assert_eq!(run_backward(&Glu { channels: 2 }, &x, &[vec![1.0; 2]])[0], [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let (x, dout) = ([Numbers::new(4).take(140_000, 3.0, 0.0)], [Numbers::new(5).take(70_000, 1.0, 0.0)]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&Glu { channels: 70 }, &x, &dout))
    };
    assert!(run(1) == run(2));
}

#[test]
fn halves_are_taken_along_the_last_axis_and_odd_rows_refused() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![2.0, 0.0, 4.0, 0.0], [1, 2, 2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = glu(&mut tape, &x).expect("runs");
    assert_eq!((out.shape(), out.to_vec()), ([1, 2, 1].into(), vec![1.0, 2.0]));
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), [0.5, 0.5, 1.0, 2.0]);
    let odd = Array::zeros(&device, [2, 3]).expect("room");
    let error = glu(&mut Tape::silent(), &odd).expect_err("three channels have no half").to_string();
    assert_eq!(error, "glu: x has shape [2, 3], but its rows have to fall into two halves");
}
