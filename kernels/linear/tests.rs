//! Cases: one row, many rows in several blocks, odd sizes, with and without bias, whole and cut.

use super::reference;
use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Tape};

fn op(rows: usize, inputs: usize, widths: &[usize], bias: bool) -> (Linear, Vec<Vec<f64>>) {
    let outputs: usize = widths.iter().sum();
    let mut numbers = Numbers::new((rows * inputs * outputs) as u64);
    let mut operands = vec![numbers.take(rows * inputs, 1.0, 0.0), numbers.take(outputs * inputs, 1.0, 0.0)];
    if bias {
        operands.push(numbers.take(outputs, 1.0, 0.0));
    }
    (Linear { rows, inputs, widths: widths.to_vec(), bias }, operands)
}

fn specification(op: &Linear) -> impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>> {
    let (inputs, widths) = (op.inputs, op.widths.clone());
    move |operands| {
        let mut first = 0;
        let mut outputs = Vec::new();
        for &width in &widths {
            let rows = first * inputs..(first + width) * inputs;
            let bias = operands.get(2).map(|bias| &bias[first..first + width]);
            outputs.push(reference::linear(&operands[0], &operands[1][rows], bias, inputs));
            first += width;
        }
        outputs
    }
}

#[test]
fn agrees_with_the_specification() {
    for (rows, inputs, widths, bias) in [
        (1, 1, &[1][..], true),
        (7, 5, &[3], true),
        (3, 4, &[6], false),
        (5, 3, &[2, 4, 1], true),
        (2, 8, &[1, 1], false),
    ] {
        let (op, operands) = op(rows, inputs, widths, bias);
        check(&op, &operands, &[true; 3], specification(&op));
    }
}

/// Whole and cut, with and without bias, and more rows than a chunk of the bias's gradient has.
#[test]
fn device_kernels_agree_too() {
    for (rows, inputs, widths, bias) in [
        (1, 1, &[1][..], true),
        (7, 5, &[3], true),
        (3, 4, &[6], false),
        (5, 3, &[2, 4, 1], true),
        (150, 2, &[3, 1], true),
    ] {
        let (op, operands) = op(rows, inputs, widths, bias);
        let Some(device) = emulated(op.clone()) else { return };
        check(&device, &operands, &[true; 3], specification(&op));
    }
}

#[test]
fn many_rows_take_the_blocked_paths() {
    let (op, operands) = op(2_500, 6, &[4, 3], true);
    let want = specification(&op)(&operands);
    let (got, ()) = run_forward(&op, &operands, &[10_000, 7_500]);
    let dy: Vec<Vec<f64>> = want.iter().map(|y| Numbers::new(5).take(y.len(), 1.0, 0.0)).collect();
    let gradients = run_backward(&op, &operands, &dy);
    for (got, want) in got.iter().zip(&want) {
        agree("y", got, want, Tolerance::F32);
    }
    let dbias: Vec<f64> = (0..7)
        .map(|o| {
            let (dy, width, o) = if o < 4 { (&dy[0], 4, o) } else { (&dy[1], 3, o - 4) };
            dy.chunks(width).map(|row| row[o]).sum()
        })
        .collect();
    agree("db", &gradients[2], &dbias, Tolerance { absolute: 1e-3, relative: 1e-4 });
    let dweight: Vec<f64> = (0..7 * 6)
        .map(|index| {
            let (o, i) = (index / 6, index % 6);
            let (dy, width, o) = if o < 4 { (&dy[0], 4, o) } else { (&dy[1], 3, o - 4) };
            dy.chunks(width).zip(operands[0].chunks(6)).map(|(dy, x)| dy[o] * x[i]).sum()
        })
        .collect();
    agree("dW", &gradients[1], &dweight, Tolerance { absolute: 1e-3, relative: 1e-4 });
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    for (rows, inputs, outputs) in [(3_000, 96, 160), (700, 512, 384), (130, 300, 1_100), (3_001, 17, 30)] {
        let (op, operands) = op(rows, inputs, &[outputs], true);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (y, ()) = run_forward(&op, &operands, &[rows * outputs]);
                let dy = vec![y[0].iter().map(|&y| f64::from(y)).collect()];
                (y, run_backward(&op, &operands, &dy))
            })
        };
        assert_eq!(run(1), run(2));
    }
}

#[test]
fn pieces_are_the_whole_cut_up() {
    let device = Cpu::default();
    let mut numbers = Numbers::new(8);
    let mut array = |shape: Shape| {
        let values = numbers.take(shape.len(), 1.0, 0.0).iter().map(|&x| x as f32).collect();
        Array::from_vec(&device, values, shape).unwrap().tracked()
    };
    let (x, w, b) = (array([2, 3, 4].into()), array([7, 4].into()), array([7].into()));
    let seed: Vec<f32> = (0..42).map(|i| (i as f32 * 0.3).sin()).collect();
    let mut tape = Tape::recording();
    let whole = linear(&mut tape, &x, &w, Some(&b)).unwrap();
    let whole_values: Vec<f64> = whole.to_vec().into_iter().map(f64::from).collect();
    let mut want = tape.backward(&device, vec![(whole, seed.clone())]).unwrap();
    let mut tape = Tape::recording();
    let pieces = linear_split(&mut tape, &x, &w, Some(&b), &[2, 4, 1]).unwrap();
    let mut first = 0;
    let mut seeds = Vec::new();
    for piece in pieces {
        let width = piece.shape().last();
        assert_eq!(piece.shape(), [2, 3, width].into());
        let cut: Vec<f64> =
            whole_values.chunks(7).flat_map(|row| row[first..first + width].to_vec()).collect();
        agree("a piece", piece.as_slice(), &cut, Tolerance::F32);
        seeds.push((piece, seed.chunks(7).flat_map(|row| row[first..first + width].to_vec()).collect()));
        first += width;
    }
    let mut got = tape.backward(&device, seeds).unwrap();
    for (name, operand) in [("dx", &x), ("dW", &w), ("db", &b)] {
        let want: Vec<f64> = want.to_vec(operand).unwrap().into_iter().map(f64::from).collect();
        agree(name, &got.to_vec(operand).unwrap(), &want, Tolerance::F32);
    }
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let array = |shape: Shape| Array::zeros(&device, shape).unwrap();
    let mut tape = Tape::silent();
    let (x, w) = (array([2, 3, 4].into()), array([6, 5].into()));
    let error = linear(&mut tape, &x, &w, None).unwrap_err().to_string();
    assert_eq!(error, "linear: x has shape [2, 3, 4], but the weight [6, 5] takes 5 inputs");
    let (x, bias) = (array([2, 5].into()), array([4].into()));
    let error = linear(&mut tape, &x, &w, Some(&bias)).unwrap_err().to_string();
    assert_eq!(error, "linear: the bias has shape [4], but there are 6 outputs");
    for sizes in [&[2, 3][..], &[6, 0]] {
        let error = linear_split(&mut tape, &x, &w, None, sizes).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("linear: the weight has shape [6, 5], but the pieces have {sizes:?} outputs")
        );
    }
    let cube = array([1, 6, 5].into());
    let error = linear(&mut tape, &x, &cube, None).unwrap_err().to_string();
    assert_eq!(error, "linear: the weight has shape [1, 6, 5], but it needs 2 axes");
}
