//! The kernel against its specification, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Shape};

/// Rows of x, and frequencies from 0.2 to 2.2.
fn case(rows: usize, channels: usize, scale: f64) -> [Vec<f64>; 2] {
    let mut numbers = Numbers::new(3);
    [numbers.take(rows * channels, scale, 0.0), numbers.take(channels, 1.0, 1.2)]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, channels, scale) in [(0, 3, 1.0), (1, 1, 1.0), (7, 5, 3.0), (10, 17, 2.0)] {
        check(&Snake, &case(rows, channels, scale), &[true; 2], reference::forward);
    }
}

/// More channels than a block has, several chunks of rows, and angles beyond every turn.
#[test]
fn device_kernels_agree_too() {
    let Some(device) = emulated(Snake) else { return };
    for (rows, channels, scale) in [(0, 3, 1.0), (1, 1, 1.0), (7, 5, 3.0), (10, 17, 2.0), (3, 150, 1.0)] {
        check(&device, &case(rows, channels, scale), &[true; 2], reference::forward);
    }
    follows(&device, &Snake, &case(150, 37, 3.0), &[150 * 37]);
    let extreme = [vec![-1e30, -1e8, 1e8, 1e30, 1e-20, 0.5], vec![1.0, 3.0]];
    let (got, _) = run_forward(&device, &extreme, &[6]);
    assert_eq!(got[0][..5], [-1e30, -1e8, 1e8, 1e30, 1e-20]);
    let grads = run_backward(&device, &[vec![-1e30, 1e8], vec![1.0, 3.0]], &[vec![1.0; 2]]);
    assert!(grads[0].iter().all(|dx| (-0.01..=2.01).contains(dx)), "{:?}", grads[0]);
}

#[test]
fn agrees_over_many_blocks_and_turns() {
    let inputs = case(3_000, 40, 300.0);
    let (got, ()) = run_forward(&Snake, &inputs, &[120_000]);
    // The angle itself is rounded: 600 radians to 3e-5, which the slowest frequency divides by 0.2.
    let tolerance = Tolerance { absolute: 2e-4, relative: 1e-6 };
    agree("snake", &got[0], &reference::forward(&inputs)[0], tolerance);
}

#[test]
fn is_exact_near_zero_and_for_slow_channels() {
    let inputs = [vec![1e-20, -3.0, 0.5, 2.0, 1e-3, -2e-3], vec![1.0, 1e-6, 0.0]];
    let (got, ()) = run_forward(&Snake, &inputs, &[6]);
    agree("snake", &got[0], &reference::forward(&inputs)[0], Tolerance { absolute: 0.0, relative: 3e-7 });
}

/// torch 2.11.0 in f64: `x + (a + 1e-9).reciprocal() * torch.sin(a * x).pow(2)`.
#[test]
fn golden() {
    let inputs = [vec![0.5, -1.5, 3.0, -20.0], vec![1.0, 2.5]];
    let (out, ()) = run_forward(&Snake, &inputs, &[4]);
    agree("out", &out[0], &GOLDEN, Tolerance { absolute: 2e-7, relative: 2e-7 });
}

const GOLDEN: [f64; 4] = [0.729_848_846_836, -1.369_327_063_619, 3.019_914_856_655, -19.972_463_774_469];

#[test]
fn extremes_stay_finite() {
    let inputs = [vec![-1e30, -1e8, 1e8, 1e30], vec![1.0, 3.0]];
    let (out, ()) = run_forward(&Snake, &inputs, &[4]);
    assert_eq!(out[0], [-1e30, -1e8, 1e8, 1e30]);
    let grads = run_backward(&Snake, &[vec![-1e30, 1e8], vec![1.0, 3.0]], &[vec![1.0; 2]]);
    assert!(grads[0].iter().all(|dx| (-0.01..=2.01).contains(dx)), "{:?}", grads[0]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let inputs = case(3_000, 40, 3.0);
    let dout = Numbers::new(9).take(120_000, 1.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_backward(&Snake, &inputs, std::slice::from_ref(&dout)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn refuses_what_does_not_fit() {
    let zeros = |shape: Shape| Array::<Cpu>::zeros(&Cpu::default(), shape).expect("room");
    let refused = snake(&mut Tape::silent(), &zeros([2, 5, 6].into()), &zeros([5].into())).err();
    assert_eq!(
        refused.map(|error| error.to_string()).as_deref(),
        Some("snake: alpha has shape [5], but x needs [6]")
    );
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let x = Array::from_vec(&device, vec![0.5, -1.5], [1, 2]).expect("fits").tracked();
    let alpha = Array::from_vec(&device, vec![1.0, 2.0], [2]).expect("fits").tracked();
    let mut tape = Tape::recording();
    let out = snake(&mut tape, &x, &alpha).expect("runs");
    let mut grads = tape.backward(&device, vec![(out, vec![1.0, 2.0])]).expect("runs");
    let want = run_backward(&Snake, &[vec![0.5, -1.5], vec![1.0, 2.0]], &[vec![1.0, 2.0]]);
    assert_eq!(grads.to_vec(&x).expect("runs"), want[0]);
    assert_eq!(grads.to_vec(&alpha).expect("runs"), want[1]);
}
