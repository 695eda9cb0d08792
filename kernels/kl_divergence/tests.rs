//! Cases: one frame, one class, weights of zero, many frames in several blocks, equal logits, excluded classes.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Tape};

fn case(weights: &[f32], classes: usize, temperature: f32) -> (KlDivergence, Vec<Vec<f64>>) {
    let mut numbers = Numbers::new((weights.len() * classes) as u64);
    let operands = vec![
        numbers.take(weights.len() * classes, 3.0, 0.0),
        numbers.take(weights.len() * classes, 4.0, 1.0),
    ];
    (KlDivergence { temperature, weights: weights.to_vec() }, operands)
}

fn specification(op: &KlDivergence) -> impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>> {
    let weights: Vec<f64> = op.weights.iter().map(|&weight| f64::from(weight)).collect();
    let temperature = f64::from(op.temperature);
    move |inputs| vec![vec![reference::kl_divergence(&inputs[0], &inputs[1], &weights, temperature)]]
}

#[test]
fn agrees_with_the_specification() {
    for (weights, classes, temperature) in [
        (&[1.0f32][..], 1, 2.0),
        (&[1.0], 4, 2.0),
        (&[0.5, 0.0, 2.0, 1.0], 33, 2.0),
        (&[1.0, -1.0, 0.25], 17, 1.0),
    ] {
        let (op, operands) = case(weights, classes, temperature);
        check(&op, &operands, &[true, false], specification(&op));
    }
}

/// Frames of a warp and of a block, many of them; excluded classes; a weight of 0 is not read and leaves zeros.
#[test]
fn device_kernels_agree_too() {
    for (weights, classes, temperature) in [
        (&[1.0f32][..], 1, 2.0),
        (&[1.0], 4, 2.0),
        (&[0.5, 0.0, 2.0, 1.0], 33, 2.0),
        (&[1.0, -1.0, 0.25], 17, 1.0),
        (&[], 4, 2.0),
    ] {
        let (op, operands) = case(weights, classes, temperature);
        let Some(device) = emulated(op.clone()) else { return };
        check(&device, &operands, &[true, false], specification(&op));
    }
    for (frames, classes) in [(150, 35), (2, 5_000)] {
        let weights: Vec<f32> = (0..frames).map(|r| ((r + 1) % 5) as f32 * 0.02).collect();
        let (op, operands) = case(&weights, classes, 2.0);
        let Some(device) = emulated(op.clone()) else { return };
        follows(&device, &op, &operands, &[1]);
    }
    let op = KlDivergence { temperature: 2.0, weights: vec![0.0, 1.0] };
    let Some(device) = emulated(op) else { return };
    let none = f64::NEG_INFINITY;
    let operands = [vec![f64::NAN, 0.0, 1.0, none, 1.0, 1.0], vec![0.0, f64::NAN, 1.0, none, 3.0, 3.0]];
    let (out, _) = run_forward(&device, &operands, &[1]);
    assert!(out[0][0].abs() < 1e-6, "{:?}", out[0]);
    let dinputs = run_backward(&device, &operands, &[vec![1.0]]);
    assert!(dinputs[0].iter().all(|d| d.abs() < 1e-6) && dinputs[0][..3] == [0.0; 3], "{:?}", dinputs[0]);
}

/// torch 2.11: student = sin(0.9·i)·1.5, teacher = sin(0.6·i + 0.5)·3 in f32, [2, 2, 5],
/// `F.kl_div(log_softmax(s/2), log_softmax(t/2), log_target=True)` summed over classes, weights 1, 0.5, 2, 0.
#[test]
fn gives_the_numbers_of_torch() {
    let wave = |step: f64, scale: f64, phase: f64| -> Vec<f64> {
        (0..20).map(|i| f64::from(((f64::from(i) * step + phase).sin() * scale) as f32)).collect()
    };
    let operands = [wave(0.9, 1.5, 0.0), wave(0.6, 3.0, 0.5)];
    let op = KlDivergence { temperature: 2.0, weights: vec![1.0, 0.5, 2.0, 0.0] };
    let (out, ()) = run_forward(&op, &operands, &[1]);
    agree("out", &out[0], &[0.7118508], Tolerance::F32);
    let dinputs = run_backward(&op, &operands, &[vec![1.0]]);
    let want = [
        [0.002276555, 0.0002676547, -0.0008541346, -0.004717782, 0.003027745],
        [-0.05495107, -0.01369894, 0.01425261, 0.03985744, 0.01453997],
        [0.2353807, -0.03088842, -0.1826162, -0.1258618, 0.1039857],
        [0.0; 5],
    ];
    agree("gradient", &dinputs[0], want.as_flattened(), Tolerance::F32);
    assert_eq!(dinputs[1], [0.0; 20], "the teacher learns nothing");
}

#[test]
fn frames_of_weight_zero_are_not_read() {
    let op = KlDivergence { temperature: 2.0, weights: vec![0.0, 1.0] };
    let operands = [vec![f64::NAN, 0.0, 1.0, 2.0], vec![0.0, f64::NAN, 1.0, 2.0]];
    let (out, ()) = run_forward(&op, &operands, &[1]);
    assert_eq!(out[0], [0.0]);
    assert_eq!(run_backward(&op, &operands, &[vec![1.0]])[0], [0.0; 4]);
}

#[test]
fn a_class_excluded_by_both_adds_nothing() {
    let op = KlDivergence { temperature: 2.0, weights: vec![1.0] };
    let operands = [vec![f64::NEG_INFINITY, 1.0, 1.0], vec![f64::NEG_INFINITY, 3.0, 3.0]];
    let (out, ()) = run_forward(&op, &operands, &[1]);
    assert!(out[0][0].abs() < 1e-6, "{:?}", out[0]);
    let dinputs = run_backward(&op, &operands, &[vec![1.0]]);
    assert!(dinputs[0].iter().all(|d| d.abs() < 1e-6), "{:?}", dinputs[0]);
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let weights: Vec<f32> = (0..3_000).map(|r| (r % 5) as f32 * 0.25).collect();
    let (op, operands) = case(&weights, 35, 2.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (run_forward(&op, &operands, &[1]).0, run_backward(&op, &operands, &[vec![0.5]])))
    };
    let (out, _) = run(1);
    agree("many frames", &out[0], &specification(&op)(&operands)[0], Tolerance::F32);
    assert_eq!(run(1), run(2));
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let array = |shape: [usize; 3]| Array::zeros(&device, shape).unwrap();
    let refuse = |teacher: [usize; 3]| {
        let op = KlDivergence { temperature: 2.0, weights: vec![1.0; 5] };
        let (student, teacher) = (array([2, 3, 4]), array(teacher));
        kl_divergence(&mut Tape::silent(), &student, &teacher, op).unwrap_err().to_string()
    };
    assert_eq!(refuse([2, 3, 5]), "kl_divergence: teacher has shape [2, 3, 5], but student has [2, 3, 4]");
    assert_eq!(refuse([2, 3, 4]), "kl_divergence: student has shape [2, 3, 4], but there are 5 weights");
}

#[test]
fn the_teacher_gets_no_gradient_even_when_it_is_tracked() {
    let device = Cpu::default();
    let values = |shift: f32| (0..6).map(|i| i as f32 * shift).collect::<Vec<f32>>();
    let student = Array::from_vec(&device, values(0.3), [1, 2, 3]).unwrap().tracked();
    let teacher = Array::from_vec(&device, values(-0.2), [1, 2, 3]).unwrap().tracked();
    let mut tape = Tape::recording();
    let op = KlDivergence { temperature: 2.0, weights: vec![1.0; 2] };
    let out = kl_divergence(&mut tape, &student, &teacher, op).unwrap();
    let grads = tape.backward(&device, vec![(out, vec![1.0])]).unwrap();
    assert_eq!((grads.reached(&student), grads.reached(&teacher)), (true, false));
}
