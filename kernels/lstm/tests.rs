//! The kernel against its specification, PyTorch's numbers, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;

fn operands(op: &Lstm, scale: f64) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new((op.time + op.hidden) as u64);
    let (gates, kept) = (4 * op.hidden, op.batch * op.hidden);
    [op.batch * op.time * op.inputs, gates * op.inputs, gates * op.hidden, gates, gates, kept, kept]
        .map(|len| numbers.take(len, scale, 0.0))
        .to_vec()
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, time, inputs, hidden) in
        [(1, 1, 1, 1), (2, 3, 2, 3), (1, 6, 3, 4), (3, 2, 5, 2), (1, 2, 3, 70)]
    {
        let op = Lstm { batch, time, inputs, hidden };
        check(&op, &operands(&op, 0.7), &[true; 7], |inputs| reference::forward(&op, inputs));
    }
}

/// One frame and none, one sequence and several, more units than a block has.
#[test]
fn device_kernels_agree_too() {
    for (batch, time, inputs, hidden) in
        [(1, 1, 1, 1), (2, 3, 2, 3), (1, 6, 3, 4), (3, 2, 5, 2), (1, 2, 3, 70), (2, 0, 3, 2), (0, 2, 3, 2)]
    {
        let op = Lstm { batch, time, inputs, hidden };
        let Some(device) = emulated(op) else { return };
        check(&device, &operands(&op, 0.7), &[true; 7], |inputs| reference::forward(&op, inputs));
    }
    for (batch, time, inputs, hidden) in [(3, 40, 20, 33), (2, 5, 40, 150)] {
        let op = Lstm { batch, time, inputs, hidden };
        let Some(device) = emulated(op) else { return };
        let kept = batch * hidden;
        follows(&device, &op, &operands(&op, 0.3), &[kept * time, kept]);
    }
}

#[test]
fn long_sequences_stay_with_the_specification() {
    let op = Lstm { batch: 1, time: 300, inputs: 20, hidden: 33 };
    let operands = operands(&op, 0.4);
    let (got, _) = run_forward(&op, &operands, &[300 * 33, 33]);
    let want = reference::forward(&op, &operands);
    agree("h", &got[0], &want[0], Tolerance { absolute: 2e-6, relative: 1e-5 });
    agree("c", &got[1], &want[1], Tolerance { absolute: 4e-6, relative: 1e-5 });
}

/// torch 2.11.0: `torch.nn.LSTM(2, 1)` in f64 with the weights below.
#[test]
fn golden() {
    let op = Lstm { batch: 1, time: 3, inputs: 2, hidden: 1 };
    let operands: Vec<Vec<f64>> = vec![
        vec![1.0, -0.5, 0.25, 2.0, -1.5, 0.75],
        vec![0.5, -0.25, 1.0, 0.125, -0.75, 0.5, 0.25, -1.0],
        vec![0.5, -0.5, 1.0, 0.25],
        vec![0.125, 0.25, -0.125, 0.5],
        vec![0.0, 0.5, 0.25, -0.25],
        vec![0.0],
        vec![0.0],
    ];
    let (got, _) = run_forward(&op, &operands, &[3, 1]);
    agree("h", &got[0], &GOLDEN, Tolerance { absolute: 3e-7, relative: 0.0 });
}

const GOLDEN: [f64; 3] = [-0.325_103_781_078, -0.024_115_505_033, 0.064_393_206_785];

#[test]
fn pieces_give_what_the_whole_gives() {
    let device = Cpu::default();
    let op = Lstm { batch: 2, time: 9, inputs: 3, hidden: 5 };
    let operands = operands(&op, 0.6);
    let array = |index: usize, shape: crate::Shape| {
        let values = operands[index].iter().map(|&value| value as f32).collect();
        Array::from_vec(&device, values, shape).expect("fits")
    };
    let held =
        [array(1, [20, 3].into()), array(2, [20, 5].into()), array(3, [20].into()), array(4, [20].into())];
    let weights = Weights { input: &held[0], hidden: &held[1], input_bias: &held[2], hidden_bias: &held[3] };
    let mut memory = Memory { hidden: array(5, [2, 5].into()), cell: array(6, [2, 5].into()) };
    let (whole, last) =
        lstm(&mut Tape::silent(), &array(0, [2, 9, 3].into()), &weights, &memory).expect("runs");
    let mut seen = [Vec::new(), Vec::new()];
    for times in [0..4, 4..5, 5..9] {
        let pieces =
            [0, 1].map(|b: usize| operands[0][(b * 9 + times.start) * 3..(b * 9 + times.end) * 3].to_vec());
        let values = pieces.concat().iter().map(|&value| value as f32).collect();
        let piece = Array::from_vec(&device, values, [2, times.len(), 3]).expect("fits");
        let (y, cell) = lstm(&mut Tape::silent(), &piece, &weights, &memory).expect("runs");
        let y = y.to_vec();
        let mut ends = Vec::new();
        for (b, seen) in seen.iter_mut().enumerate() {
            let row = &y[b * times.len() * 5..][..times.len() * 5];
            seen.extend_from_slice(row);
            ends.extend_from_slice(&row[row.len() - 5..]);
        }
        memory = Memory { hidden: Array::from_vec(&device, ends, [2, 5]).expect("fits"), cell };
    }
    // How many rows a product has may change the order of its sums.
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    agree("h", &seen.concat(), &wide(whole.to_vec()), Tolerance { absolute: 1e-6, relative: 1e-6 });
    agree("c", &memory.cell.to_vec(), &wide(last.to_vec()), Tolerance { absolute: 1e-6, relative: 1e-6 });
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let op = Lstm { batch: 2, time: 5, inputs: 40, hidden: 150 };
    let operands = operands(&op, 0.3);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let (made, _) = run_forward(&op, &operands, &[1_500, 300]);
            let owed: Vec<Vec<f64>> =
                made.iter().map(|values| values.iter().map(|&value| f64::from(value)).collect()).collect();
            (made, run_backward(&op, &operands, &owed))
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let array = |shape: crate::Shape| Array::zeros(&device, shape).expect("room");
    let (input, hidden, bias) = (array([8, 3].into()), array([8, 2].into()), array([8].into()));
    let weights = Weights { input: &input, hidden: &hidden, input_bias: &bias, hidden_bias: &bias };
    let memory = Memory::empty(&device, 1, 2).expect("room");
    let error = lstm(&mut Tape::silent(), &array([1, 4, 5].into()), &weights, &memory).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lstm: the input weight has shape [8, 3], but 5 inputs, 2 hidden and 1 sequences need [8, 5]"
    );
}
