//! Extents on both sides of the products' paths, dropout on and off, the same as its parts.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::dropout::dropout;
use crate::gelu::gelu;
use crate::linear::linear;
use crate::{Cpu, Shape};

fn case(rows: usize, [inputs, middle, outputs]: [usize; 3]) -> (FeedForward, Vec<Vec<f64>>) {
    let mut numbers = Numbers::new((rows + middle) as u64);
    let operands = [rows * inputs, middle * inputs, middle, outputs * middle, outputs]
        .map(|count| numbers.take(count, 0.7, 0.0));
    (FeedForward { rows, inputs, middle, outputs, factors: None }, operands.into())
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, extents) in [(1, [1, 1, 1]), (3, [4, 6, 2]), (7, [5, 9, 5])] {
        let (op, operands) = case(rows, extents);
        let ones = vec![1.0; rows * extents[1]];
        check(&op, &operands, &[true; 5], |operands| {
            vec![reference::feed_forward(operands, [extents[0], extents[1]], &ones)]
        });
    }
}

#[test]
fn dropped_values_are_the_dropouts_own() {
    let (rows, extents @ [_, middle, _]) = (9, [6, 20, 5]);
    let (mut op, operands) = case(rows, extents);
    op.factors = Factors::of(0.3, 11).unwrap();
    let stretch = op.factors.unwrap().starting_at(0);
    let factors: Vec<f64> = (0..rows * middle).map(|i| f64::from(stretch.factor(i))).collect();
    assert!(factors.contains(&0.0) && factors.iter().any(|&factor| factor > 1.0));
    check(&op, &operands, &[true; 5], |operands| {
        vec![reference::feed_forward(operands, [extents[0], middle], &factors)]
    });
}

#[test]
fn device_kernels_agree_too() {
    for (rows, extents @ [inputs, middle, _]) in [(1, [1, 1, 1]), (3, [4, 6, 2]), (7, [5, 90, 5])] {
        let (mut op, operands) = case(rows, extents);
        for p in [0.0, 0.3] {
            op.factors = Factors::of(p, 11).unwrap();
            let factor = |i| op.factors.map_or(1.0, |factors| f64::from(factors.starting_at(0).factor(i)));
            let factors: Vec<f64> = (0..rows * middle).map(factor).collect();
            let Some(device) = emulated(op.clone()) else { return };
            check(&device, &operands, &[true; 5], |operands| {
                vec![reference::feed_forward(operands, [inputs, middle], &factors)]
            });
        }
    }
    let (op, operands) = case(0, [3, 4, 2]);
    let Some(device) = emulated(op) else { return };
    assert_eq!(run_backward(&device, &operands, &[vec![]])[4], [0.0; 2]);
}

/// Large enough for packed products and several blocks: against the ops it stands for, at rest and recorded.
#[test]
fn it_is_its_parts() {
    let device = Cpu::default();
    let (rows, [inputs, middle, outputs]) = (300, [64, 200, 48]);
    let mut numbers = Numbers::new(3);
    let mut array = |shape: Shape, scale: f64| {
        let values = numbers.take(shape.len(), scale, 0.0).iter().map(|&x| x as f32).collect();
        Array::from_vec(&device, values, shape).unwrap().tracked()
    };
    let x = array([2, rows / 2, inputs].into(), 1.0);
    let (w1, b1) = (array([middle, inputs].into(), 0.2), array([middle].into(), 0.2));
    let (w2, b2) = (array([outputs, middle].into(), 0.1), array([outputs].into(), 0.2));
    let seed: Vec<f32> = (0..rows * outputs).map(|i| (i as f32 * 0.1).sin()).collect();
    let weights = || Weights { inner: [&w1, &b1], outer: [&w2, &b2] };
    for p in [0.0, 0.2] {
        let mut tape = Tape::recording();
        let h = linear(&mut tape, &x, &w1, Some(&b1)).unwrap();
        let g = gelu(&mut tape, &h).unwrap();
        let g = dropout(&mut tape, &g, p, 5).unwrap();
        let want = linear(&mut tape, &g, &w2, Some(&b2)).unwrap();
        let want_values: Vec<f64> = want.to_vec().into_iter().map(f64::from).collect();
        let mut want = tape.backward(&device, vec![(want, seed.clone())]).unwrap();

        let at_rest = feed_forward(&mut Tape::silent(), &x, weights(), p, 5).unwrap();
        agree("y at rest", at_rest.as_slice(), &want_values, Tolerance::F32);
        let mut tape = Tape::recording();
        let got = feed_forward(&mut tape, &x, weights(), p, 5).unwrap();
        agree("y", got.as_slice(), &want_values, Tolerance::F32);
        let mut got = tape.backward(&device, vec![(got, seed.clone())]).unwrap();
        for (name, operand) in [("dx", &x), ("dW₁", &w1), ("db₁", &b1), ("dW₂", &w2), ("db₂", &b2)] {
            let want: Vec<f64> = want.to_vec(operand).unwrap().into_iter().map(f64::from).collect();
            agree(name, &got.to_vec(operand).unwrap(), &want, Tolerance::F32_GRADIENT);
        }
    }
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let (op, operands) = case(700, [96, 384, 96]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (y, _) = run_forward(&op, &operands, &[700 * 96]);
            let dy = vec![y[0].iter().map(|&y| f64::from(y)).collect()];
            (y, run_backward(&op, &operands, &dy))
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let array = |shape: Shape| Array::zeros(&device, shape).unwrap();
    let (x, w1, b1) = (array([2, 4].into()), array([6, 4].into()), array([6].into()));
    let (w2, b2) = (array([3, 5].into()), array([3].into()));
    let weights = Weights { inner: [&w1, &b1], outer: [&w2, &b2] };
    let error = feed_forward(&mut Tape::silent(), &x, weights, 0.0, 0).unwrap_err().to_string();
    assert_eq!(error, "feed_forward: the outer weight has shape [3, 5], but the inner one gives 6 values");
    let w2 = array([3, 6].into());
    let weights = Weights { inner: [&w1, &b2], outer: [&w2, &b2] };
    let error = feed_forward(&mut Tape::silent(), &x, weights, 0.0, 0).unwrap_err().to_string();
    assert_eq!(error, "feed_forward: the inner bias has shape [3], but there are 6 outputs");
    let weights = Weights { inner: [&w1, &b1], outer: [&w2, &b2] };
    let error = feed_forward(&mut Tape::silent(), &x, weights, 1.0, 0).unwrap_err().to_string();
    assert!(error.ends_with("cannot be dropped with probability 1: it must be in [0, 1)"), "{error}");
}
