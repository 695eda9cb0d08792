//! Cases: one class, many rows in several blocks, shares between 0 and 1, large logits.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Tape};

/// Targets of all kinds: none of a class, all of it, some of it.
fn targets(count: usize) -> Vec<f32> {
    (0..count).map(|index| [0.0, 1.0, 0.25, 0.6][index * 7 % 4]).collect()
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, classes) in [(1, 1), (3, 5), (2, 130)] {
        let logits = Numbers::new(classes as u64).take(classes * rows, 3.0, 0.5);
        let targets = targets(rows * classes);
        let want = |inputs: &[Vec<f64>]| vec![reference::binary_cross_entropy(&inputs[0], &targets, classes)];
        check(&BinaryCrossEntropy { targets: targets.clone() }, &[logits], &[true], want);
    }
}

/// Rows of a warp and of a block, large logits.
#[test]
fn device_kernels_agree_too() {
    for (rows, classes) in [(1, 1), (3, 5), (2, 130), (11, 33)] {
        let (logits, targets) = (Numbers::new(7).take(rows * classes, 3.0, 0.5), targets(rows * classes));
        let want = |inputs: &[Vec<f64>]| vec![reference::binary_cross_entropy(&inputs[0], &targets, classes)];
        let Some(device) = emulated(BinaryCrossEntropy { targets: targets.clone() }) else { return };
        check(&device, &[logits], &[true], want);
    }
    let op = BinaryCrossEntropy { targets: targets(10_000) };
    let Some(device) = emulated(op.clone()) else { return };
    follows(&device, &op, &[Numbers::new(3).take(10_000, 400.0, 0.0)], &[2]);
}

/// torch 2.11: `x = sin(1.1·i)·3` in f32, `F.binary_cross_entropy_with_logits(x, y, reduction="none").mean(1)`, losses weighted 1, −2.
#[test]
fn gives_the_numbers_of_torch() {
    let logits: Vec<f64> = (0..8).map(|i| f64::from(((f64::from(i) * 1.1).sin() * 3.0) as f32)).collect();
    let op = BinaryCrossEntropy { targets: vec![1.0, 0.0, 0.25, 0.0, 0.0, 1.0, 1.0, 0.75] };
    let (losses, ()) = run_forward(&op, std::slice::from_ref(&logits), &[2]);
    agree("losses", &losses[0], &[1.4554044, 0.85225141], Tolerance::F32);
    let dlogits = run_backward(&op, &[logits], &[vec![1.0, -2.0]]);
    let want = [-0.125, 0.23386303, 0.16718762, 0.09596259, -0.0272167, 0.4462541, 0.14099377, -0.10047227];
    agree("gradient", &dlogits[0], &want, Tolerance::F32);
}

#[test]
fn sure_scores_have_finite_losses() {
    let op = BinaryCrossEntropy { targets: vec![1.0, 0.0, 0.0, 1.0] };
    let (losses, ()) = run_forward(&op, &[vec![1e4, -1e4, 1e4, -1e4]], &[2]);
    assert_eq!(losses[0], [0.0, 1e4]);
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let (rows, classes) = (3_000, 53);
    let logits = Numbers::new(3).take(rows * classes, 4.0, 0.0);
    let op = BinaryCrossEntropy { targets: targets(rows * classes) };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (losses, ()) = run_forward(&op, std::slice::from_ref(&logits), &[rows]);
            (losses, run_backward(&op, std::slice::from_ref(&logits), &[vec![0.5; rows]]))
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let logits = Array::zeros(&device, [2, 3]).unwrap();
    let refused = binary_cross_entropy(&mut Tape::silent(), &logits, vec![0.0; 5]).unwrap_err();
    assert_eq!(refused.to_string(), "binary_cross_entropy: logits has shape [2, 3], but there are 5 targets");
}
