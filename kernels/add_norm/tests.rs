//! The kernel against its specification, against the three ops it stands for, and the promises around it.

use super::*;
use crate::add::add;
use crate::agree::{Numbers, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::dropout::dropout;
use crate::layer_norm::layer_norm;
use crate::op::CpuOp;
use crate::{Cpu, Shape};

const EPS: f32 = 1e-5;

fn operands(rows: usize, channels: usize) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new((rows * channels) as u64);
    let (x, f) = (numbers.take(rows * channels, 2.0, 0.7), numbers.take(rows * channels, 1.5, -0.2));
    vec![x, f, numbers.take(channels, 0.5, 1.0), numbers.take(channels, 0.3, 0.1)]
}

fn op(p: f32, hands_on: bool) -> AddNorm {
    AddNorm { eps: EPS, factors: Factors::of(p, 11).expect("a probability"), hands_on }
}

/// The outputs of `op` by the specification.
fn specification(op: AddNorm) -> impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>> {
    move |operands| {
        let factor = |i| op.factors.map_or(1.0, |factors| f64::from(factors.starting_at(0).factor(i)));
        let factors: Vec<f64> = (0..operands[0].len()).map(factor).collect();
        let both = reference::forward(f64::from(EPS), &factors, operands);
        both.into_iter().skip(usize::from(!op.hands_on)).collect()
    }
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, channels) in [(1, 2), (3, 5), (2, 16), (4, 17), (3, 70)] {
        for p in [0.0, 0.4] {
            for hands_on in [false, true] {
                let op = op(p, hands_on);
                check(&op, &operands(rows, channels), &[true; 4], specification(op));
            }
        }
    }
}

/// Rows of a warp and of a block, several blocks and chunks of rows; inference, which keeps nothing.
#[test]
fn device_kernels_agree_too() {
    for (p, hands_on) in [(0.0, false), (0.0, true), (0.4, false), (0.4, true)] {
        let op = op(p, hands_on);
        for (rows, channels) in [(1, 2), (3, 5), (9, 17), (3, 70)] {
            let Some(device) = emulated(op) else { return };
            check(&device, &operands(rows, channels), &[true; 4], specification(op));
        }
        for (rows, channels) in [(2, 5_000), (150, 33)] {
            let (Some(device), operands) = (emulated(op), operands(rows, channels)) else { return };
            let lens = vec![rows * channels; 1 + usize::from(hands_on)];
            follows(&device, &op, &operands, &lens);
            let narrow: Vec<Vec<f32>> =
                operands.iter().map(|x| x.iter().map(|&x| x as f32).collect()).collect();
            let narrow: Vec<&[f32]> = narrow.iter().map(Vec::as_slice).collect();
            let mut outputs = vec![vec![f32::NAN; rows * channels]; lens.len()];
            let mut places: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
            _ = device.forward(&narrow, &mut places, false);
            assert_eq!(outputs, run_forward(&device, &operands, &lens).0);
        }
    }
}

/// What a run of the graph leaves: outputs and gradients of all operands, as bits.
type Bits = Vec<Vec<u32>>;

/// Two connections in a row, as in a layer, over several blocks; everything else that reads x comes before, so that its gradient is added to.
fn layer(fused: bool, pre: bool, p: f32, tracked: [bool; 4]) -> Bits {
    let device = Cpu::default();
    let (rows, channels) = (130, 384);
    let arrays: Vec<Array<Cpu>> = operands(rows, channels)
        .iter()
        .enumerate()
        .map(|(i, values)| {
            let shape: Shape = if i < 2 { [2, rows / 2, channels].into() } else { [channels].into() };
            let values = values.iter().map(|&x| x as f32).collect();
            let array = Array::from_vec(&device, values, shape).expect("fits");
            if tracked[i] { array.tracked() } else { array }
        })
        .collect();
    let [x, f, weight, bias] = &arrays[..] else { unreachable!("four operands") };
    let mut tape = Tape::recording();
    let mut outputs = Vec::new();
    let mut x = x.clone();
    for seed in [5, 6] {
        let norm = Parameters { weight, bias, eps: EPS };
        let [sum, y] = match (fused, pre) {
            (true, true) => pre_norm(&mut tape, &x, f, norm, (p, seed)).expect("fits"),
            (true, false) => {
                let y = post_norm(&mut tape, &x, f, norm, (p, seed)).expect("fits");
                [y.clone(), y]
            }
            (false, _) => {
                let dropped = dropout(&mut tape, f, p, seed).expect("a probability");
                let sum = add(&mut tape, &x, &dropped).expect("fits");
                let y = layer_norm(&mut tape, &sum, weight, bias, EPS).expect("fits");
                if pre { [sum, y] } else { [y.clone(), y] }
            }
        };
        outputs.push(y);
        x = sum;
    }
    if pre {
        outputs.push(x);
    }
    let mut left: Bits = outputs.iter().map(|y| y.to_vec().into_iter().map(f32::to_bits).collect()).collect();
    let seeds = outputs.into_iter().enumerate().map(|(i, y)| {
        let seed = (0..y.len()).map(|j| ((i + 2 * j) as f32 * 0.1).sin()).collect();
        (y, seed)
    });
    let mut grads = tape.backward(&device, seeds.collect()).expect("runs");
    for (array, _) in arrays.iter().zip(tracked).filter(|(_, tracked)| *tracked) {
        left.push(grads.to_vec(array).expect("a gradient").into_iter().map(f32::to_bits).collect());
    }
    left
}

#[test]
fn it_is_dropout_sum_and_norm_to_the_last_bit() {
    for pre in [false, true] {
        for p in [0.0, 0.1] {
            for tracked in [[true; 4], [false, true, false, false], [true, false, true, true]] {
                let (fused, parts) = (layer(true, pre, p, tracked), layer(false, pre, p, tracked));
                assert!(fused == parts, "pre {pre}, p {p}, tracked {tracked:?}");
            }
        }
    }
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let operands = operands(300, 96);
    let dy = Numbers::new(9).take(operands[0].len(), 1.0, 0.0);
    for hands_on in [false, true] {
        let op = op(0.2, hands_on);
        let outputs = vec![dy.clone(); 1 + usize::from(hands_on)];
        let lens = vec![dy.len(); outputs.len()];
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| (run_forward(&op, &operands, &lens).0, run_backward(&op, &operands, &outputs)))
        };
        assert!(run(1) == run(2));
    }
}

#[test]
fn saves_the_sum_once_and_nothing_for_inference() {
    let operands: Vec<Vec<f32>> = vec![vec![1.0; 6], vec![1.0; 6], vec![1.0; 2], vec![0.0; 2]];
    let operands: Vec<&[f32]> = operands.iter().map(Vec::as_slice).collect();
    let kept = |save| {
        let saved = op(0.0, false).forward(&operands, &mut [&mut [0.0; 6]], save);
        crate::op::Held::held_bytes(&saved)
    };
    assert_eq!((kept(true), kept(false)), ((6 + 3 * 2) * 4, 0));
    let saved = op(0.0, true).forward(&operands, &mut [&mut [0.0; 6], &mut [0.0; 6]], true);
    assert_eq!(crate::op::Held::held_bytes(&saved), 3 * 2 * 4);
}

#[test]
fn a_dropped_infinity_is_zero() {
    let op = op(0.5, true);
    let operands = [vec![1.0; 64], vec![f64::INFINITY; 64], vec![1.0; 64], vec![0.0; 64]];
    let (out, _) = run_forward(&op, &operands, &[64, 64]);
    assert!(out[0].contains(&1.0) && out[0].contains(&f32::INFINITY) && !out[0].iter().any(|x| x.is_nan()));
}

#[test]
fn refuses_what_does_not_fit() {
    let zeros = |shape: Shape| Array::zeros(&Cpu::default(), shape).expect("room");
    let run = |x: Shape, f: Shape, weight: Shape, p| {
        let (x, f, weight, bias) = (zeros(x), zeros(f), zeros(weight), zeros([6].into()));
        let norm = || Parameters { weight: &weight, bias: &bias, eps: EPS };
        let pre = pre_norm(&mut Tape::silent(), &x, &f, norm(), (p, 1)).map(|[_, y]| y.shape());
        let post = post_norm(&mut Tape::silent(), &x, &f, norm(), (p, 1)).map(|y| y.shape());
        let said = |made: Result<Shape, OpError>| made.map_err(|error| error.to_string());
        let (pre, post) = (said(pre), said(post));
        assert_eq!(pre, post);
        post
    };
    let (x, weight): (Shape, Shape) = ([2, 5, 6].into(), [6].into());
    assert_eq!(
        run(x, [2, 6, 5].into(), weight, 0.0),
        Err("add_norm: f has shape [2, 6, 5], but x has [2, 5, 6]".to_owned())
    );
    assert_eq!(
        run(x, x, [5].into(), 0.0),
        Err("add_norm: weight has shape [5], but the rows of x need [6]".to_owned())
    );
    assert_eq!(
        run(x, x, weight, 1.0),
        Err("add_norm: f has shape [2, 5, 6], but its elements cannot be dropped with probability 1: it must be in [0, 1)"
            .to_owned())
    );
    assert_eq!(run([2, 0, 6].into(), [2, 0, 6].into(), weight, 0.5), Ok([2, 0, 6].into()));
}
