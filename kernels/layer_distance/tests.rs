//! Cases: one frame, two channels, odd widths, weights of zero, a constant frame, many frames in several blocks.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Tape};

fn case(weights: &[f32], channels: usize) -> (LayerDistance, Vec<Vec<f64>>) {
    let mut numbers = Numbers::new((weights.len() * channels) as u64);
    let operands = vec![
        numbers.take(weights.len() * channels, 2.0, 0.5),
        numbers.take(weights.len() * channels, 1.0, -3.0),
    ];
    (LayerDistance { weights: weights.to_vec(), eps: 1e-5 }, operands)
}

fn specification(op: &LayerDistance) -> impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>> {
    let weights: Vec<f64> = op.weights.iter().map(|&weight| f64::from(weight)).collect();
    let eps = f64::from(op.eps);
    move |inputs| vec![vec![reference::layer_distance(&inputs[0], &inputs[1], &weights, eps)]]
}

#[test]
fn agrees_with_the_specification() {
    for (weights, channels) in [
        (&[1.0f32][..], 1),
        (&[1.0], 5),
        (&[0.5, 0.0, 2.0, 1.0], 33),
        (&[0.01, -0.02, 0.03], 16),
        (&[1.0, 0.1], 70),
    ] {
        let (op, operands) = case(weights, channels);
        check(&op, &operands, &[true, false], specification(&op));
    }
}

/// Frames of a warp and of a block, many of them; a weight of 0 is not read and leaves zeros.
#[test]
fn device_kernels_agree_too() {
    for (weights, channels) in
        [(&[1.0f32][..], 1), (&[1.0], 5), (&[0.5, 0.0, 2.0, 1.0], 33), (&[0.01, -0.02, 0.03], 16), (&[], 4)]
    {
        let (op, operands) = case(weights, channels);
        let Some(device) = emulated(op.clone()) else { return };
        check(&device, &operands, &[true, false], specification(&op));
    }
    for (frames, channels) in [(150, 40), (2, 5_000)] {
        let weights: Vec<f32> = (0..frames).map(|r| ((r + 1) % 5) as f32 * 0.02).collect();
        let (op, operands) = case(&weights, channels);
        let Some(device) = emulated(op.clone()) else { return };
        follows(&device, &op, &operands, &[1]);
    }
    let (op, mut operands) = case(&[0.0, 1.0], 3);
    (operands[0][1], operands[1][2]) = (f64::NAN, f64::INFINITY);
    let Some(device) = emulated(op) else { return };
    assert!(run_forward(&device, &operands, &[1]).0[0][0].is_finite());
    let dinputs = run_backward(&device, &operands, &[vec![1.0]]);
    assert!(dinputs[0][..3] == [0.0; 3] && dinputs[1] == [0.0; 6], "{dinputs:?}");
}

/// torch 2.11: student = sin(0.9·i)·1.5, teacher = sin(0.6·i + 0.5) in f32, [2, 2, 5], the mask 1, 1, 1, 0 multiplied in
/// as CALD does, `((layer_norm(t) − layer_norm(s))²).mean(-1).sum()`.
#[test]
fn gives_the_numbers_of_the_reference_with_a_masked_frame() {
    let wave = |step: f64, scale: f64, phase: f64| -> Vec<f64> {
        (0..20).map(|i| f64::from(((f64::from(i) * step + phase).sin() * scale) as f32)).collect()
    };
    let operands = [wave(0.9, 1.5, 0.0), wave(0.6, 1.0, 0.5)];
    let op = LayerDistance { weights: vec![1.0, 1.0, 1.0, 0.0], eps: 1e-5 };
    let (out, ()) = run_forward(&op, &operands, &[1]);
    agree("out", &out[0], &[6.079143], Tolerance::F32);
    let dinputs = run_backward(&op, &operands, &[vec![1.0]]);
    let want = [
        [0.008249668, 0.0186446, 0.02060353, -0.06401679, 0.01651898],
        [-0.3975328, 0.1977453, 0.4161017, 0.1871219, -0.403436],
        [0.06520623, -0.006773293, 0.04289496, -0.01955438, -0.0817734],
        [0.0; 5],
    ];
    agree("gradient", &dinputs[0], want.as_flattened(), Tolerance::F32);
    assert_eq!(dinputs[1], [0.0; 20], "the teacher learns nothing");
}

#[test]
fn a_student_that_is_its_teacher_scaled_is_at_distance_zero() {
    let (op, mut operands) = case(&[1.0; 4], 64);
    operands[0] = operands[1].iter().map(|x| x * 4.0 + 1.0).collect();
    let (out, ()) = run_forward(&op, &operands, &[1]);
    assert!(out[0][0] < 1e-8, "{:?}", out[0]);
}

#[test]
fn frames_of_weight_zero_are_not_read() {
    let (op, mut operands) = case(&[0.0, 1.0], 3);
    operands[0][1] = f64::NAN;
    operands[1][2] = f64::INFINITY;
    let (out, ()) = run_forward(&op, &operands, &[1]);
    assert!(out[0][0].is_finite());
    let dinputs = run_backward(&op, &operands, &[vec![1.0]]);
    assert_eq!(dinputs[0][..3], [0.0; 3]);
    assert!(dinputs[0][3..].iter().all(|d| d.is_finite()));
}

#[test]
fn constant_frames_are_finite() {
    let op = LayerDistance { weights: vec![1.0], eps: 1e-5 };
    let operands = [vec![2.0; 4], vec![1.0, 2.0, 3.0, 4.0]];
    check(&op, &operands, &[false, false], specification(&op));
    let dinputs = run_backward(&op, &operands, &[vec![1.0]]);
    assert!(dinputs[0].iter().all(|d| d.is_finite()));
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let weights: Vec<f32> = (0..1_500).map(|r| (r % 5) as f32 * 0.25).collect();
    let (op, operands) = case(&weights, 72);
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
        let op = LayerDistance { weights: vec![1.0; 5], eps: 1e-5 };
        let (student, teacher) = (array([2, 3, 4]), array(teacher));
        layer_distance(&mut Tape::silent(), &student, &teacher, op).unwrap_err().to_string()
    };
    assert_eq!(refuse([1, 3, 4]), "layer_distance: teacher has shape [1, 3, 4], but student has [2, 3, 4]");
    assert_eq!(refuse([2, 3, 4]), "layer_distance: student has shape [2, 3, 4], but there are 5 weights");
}

#[test]
fn the_teacher_gets_no_gradient_even_when_it_is_the_same_array() {
    let device = Cpu::default();
    let hidden = Array::from_vec(&device, vec![1.0, -1.0, 0.5, 2.0], [1, 2, 2]).unwrap().tracked();
    let mut tape = Tape::recording();
    let op = LayerDistance { weights: vec![1.0; 2], eps: 1e-5 };
    let out = layer_distance(&mut tape, &hidden, &hidden, op).unwrap();
    assert_eq!(out.to_vec(), [0.0]);
    let mut grads = tape.backward(&device, vec![(out, vec![1.0])]).unwrap();
    assert_eq!(grads.to_vec(&hidden).unwrap(), [0.0; 4]);
}
