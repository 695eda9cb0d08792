//! Cases: one row, one class, many rows in several blocks, ignored rows, large logits.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Tape};

#[test]
fn agrees_with_the_specification() {
    let cases: [(usize, Vec<Option<usize>>); 5] = [
        (1, vec![Some(0)]),
        (5, vec![Some(4)]),
        (3, vec![Some(2), None, Some(0)]),
        (37, vec![Some(36), Some(0), Some(17)]),
        (4, vec![None, None]),
    ];
    for (classes, targets) in cases {
        let logits = Numbers::new(classes as u64).take(classes * targets.len(), 3.0, 0.5);
        let want = |inputs: &[Vec<f64>]| vec![reference::cross_entropy(&inputs[0], &targets)];
        check(&CrossEntropy { targets: targets.clone() }, &[logits], &[true], want);
    }
}

/// Rows of a warp and of a block, rows without a target, large logits.
#[test]
fn device_kernels_agree_too() {
    let cases: [(usize, Vec<Option<usize>>); 5] = [
        (1, vec![Some(0)]),
        (5, vec![Some(4)]),
        (3, vec![Some(2), None, Some(0)]),
        (37, vec![Some(36), Some(0), Some(17)]),
        (4, vec![None, None]),
    ];
    for (classes, targets) in cases {
        let logits = Numbers::new(classes as u64).take(classes * targets.len(), 3.0, 0.5);
        let want = |inputs: &[Vec<f64>]| vec![reference::cross_entropy(&inputs[0], &targets)];
        let Some(device) = emulated(CrossEntropy { targets: targets.clone() }) else { return };
        check(&device, &[logits], &[true], want);
    }
    for (rows, classes) in [(21, 53), (3, 5_000)] {
        let op = CrossEntropy { targets: (0..rows).map(|r| (r % 7 != 1).then_some(r % 53)).collect() };
        let Some(device) = emulated(op.clone()) else { return };
        follows(&device, &op, &[Numbers::new(3).take(rows * classes, 4.0, 0.0)], &[rows]);
    }
    let Some(device) = emulated(CrossEntropy { targets: vec![Some(0), Some(1), None] }) else { return };
    let logits = vec![1e4, -1e4, 1e4, -1e4, f64::NAN, f64::NAN];
    assert_eq!(run_forward(&device, std::slice::from_ref(&logits), &[3]).0[0], [0.0, 2e4, 0.0]);
    assert_eq!(run_backward(&device, &[logits], &[vec![1.0; 3]])[0], [0.0, 0.0, 1.0, -1.0, 0.0, 0.0]);
}

/// torch 2.11: `x = sin(1.1·i)·3` in f32, `F.cross_entropy(x, [2, -100, 0], reduction="none")`, losses weighted 1, 1, −2.
#[test]
fn gives_the_numbers_of_torch() {
    let logits: Vec<f64> = (0..12).map(|i| f64::from(((f64::from(i) * 1.1).sin() * 3.0) as f32)).collect();
    let op = CrossEntropy { targets: vec![Some(2), None, Some(0)] };
    let (losses, _) = run_forward(&op, std::slice::from_ref(&logits), &[3]);
    agree("losses", &losses[0], &[0.8858968, 0.0, 0.09287765], Tolerance::F32);
    let dlogits = run_backward(&op, &[logits], &[vec![1.0, 1.0, -2.0]]);
    let want = [
        0.03646559,
        0.5284728,
        -0.5876558,
        0.02271742,
        0.0,
        0.0,
        0.0,
        0.0,
        0.17739,
        -0.07989118,
        -0.01569438,
        -0.08180439,
    ];
    agree("gradient", &dlogits[0], &want, Tolerance::F32);
}

#[test]
fn large_logits_do_not_overflow() {
    let op = CrossEntropy { targets: vec![Some(0), Some(1)] };
    let (losses, _) = run_forward(&op, &[vec![1e4, -1e4, 1e4, -1e4]], &[2]);
    assert_eq!(losses[0], [0.0, 2e4]);
}

#[test]
fn ignored_rows_are_not_read() {
    let op = CrossEntropy { targets: vec![None, Some(1)] };
    let logits = vec![f64::NAN, f64::NAN, 0.0, 0.0];
    let (losses, _) = run_forward(&op, std::slice::from_ref(&logits), &[2]);
    assert_eq!(losses[0], [0.0, std::f32::consts::LN_2]);
    assert_eq!(run_backward(&op, &[logits], &[vec![1.0, 1.0]])[0], [0.0, 0.0, 0.5, -0.5]);
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let rows = 3_000;
    let logits = Numbers::new(3).take(rows * 53, 4.0, 0.0);
    let op = CrossEntropy { targets: (0..rows).map(|r| (r % 7 != 0).then_some(r % 53)).collect() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (losses, _) = run_forward(&op, std::slice::from_ref(&logits), &[rows]);
            (losses, run_backward(&op, std::slice::from_ref(&logits), &[vec![0.5; rows]]))
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let logits = Array::zeros(&device, [2, 3]).unwrap();
    let refuse = |targets| cross_entropy(&mut Tape::silent(), &logits, targets).unwrap_err().to_string();
    assert_eq!(refuse(vec![None]), "cross_entropy: logits has shape [2, 3], but there are 1 targets");
    assert_eq!(
        refuse(vec![Some(2), Some(3)]),
        "cross_entropy: logits has shape [2, 3], but the target of row 1 is class 3"
    );
}
