//! The kernel against its specification, a golden of PyTorch, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, differences, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Shape};

fn op(time: usize, groups: usize) -> GroupNorm {
    GroupNorm { eps: 1e-5, groups, time, gelu: false }
}

fn inputs(batch: usize, time: usize, channels: usize) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new(3);
    let x = numbers.take(batch * time * channels, 2.0, 0.7);
    vec![x, numbers.take(channels, 0.5, 1.0), numbers.take(channels, 0.3, 0.1)]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, time, channels, groups) in
        [(1, 2, 1, 1), (2, 5, 6, 3), (1, 9, 17, 17), (3, 4, 8, 1), (1, 1, 6, 2), (2, 70, 3, 3)]
    {
        for gelu in [false, true] {
            let op = GroupNorm { gelu, ..op(time, groups) };
            let reference = |inputs: &[Vec<f64>]| reference::forward(&op, inputs);
            check(&op, &inputs(batch, time, channels), &[true; 3], reference);
        }
    }
}

/// Groups of one channel and of many, more channels than a block has, several stretches of frames; a mean far from 0.
#[test]
fn device_kernels_agree_too() {
    for (batch, time, channels, groups) in
        [(1, 2, 1, 1), (2, 5, 6, 3), (1, 9, 17, 17), (3, 4, 8, 1), (1, 1, 6, 2), (2, 70, 3, 3)]
    {
        for gelu in [false, true] {
            let op = GroupNorm { gelu, ..op(time, groups) };
            let Some(device) = emulated(op) else { return };
            check(&device, &inputs(batch, time, channels), &[true; 3], |inputs| {
                reference::forward(&op, inputs)
            });
        }
    }
    for (batch, time, channels, groups) in [(2, 300, 40, 40), (1, 333, 36, 2)] {
        for gelu in [false, true] {
            let op = GroupNorm { gelu, ..op(time, groups) };
            let (Some(device), mut inputs) = (emulated(op), inputs(batch, time, channels)) else { return };
            follows(&device, &op, &inputs, &[inputs[0].len()]);
            inputs[0].iter_mut().for_each(|x| *x = f64::from((*x + 1_000.0) as f32));
            let (got, _) = run_forward(&device, &inputs, &[inputs[0].len()]);
            agree("group_norm", &got[0], &reference::forward(&op, &inputs)[0], Tolerance::F32_GRADIENT);
        }
    }
}

#[test]
fn agrees_over_many_stretches() {
    for (batch, time, channels, groups) in [(2, 1_000, 48, 48), (1, 333, 48, 4)] {
        let (op, inputs) = (op(time, groups), inputs(batch, time, channels));
        let (got, _) = run_forward(&op, &inputs, &[inputs[0].len()]);
        agree("group_norm", &got[0], &reference::forward(&op, &inputs)[0], Tolerance::F32);
    }
}

#[test]
fn gradients_agree_over_many_stretches() {
    // Finite differences of x cost a forward per element: here through the parameters and a few elements.
    let (op, ins) = (op(300, 2), inputs(1, 300, 4));
    let dout = [Numbers::new(5).take(1_200, 1.0, 0.0)];
    let grads = run_backward(&op, &ins, &dout);
    let reference = |inputs: &[Vec<f64>]| reference::forward(&op, inputs);
    for (i, grad) in grads.iter().enumerate() {
        let want = differences(&ins, i, &dout, &reference);
        agree("gradient", grad, &want, Tolerance::F32_GRADIENT);
    }
}

/// torch 2.11: `x = torch.tensor([[[1., -2., .5], [3., 0., -1.], [2., 1., 4.], [-1., .25, 2.]]], dtype=torch.float64,
/// requires_grad=True)` (B, C, T); `w = torch.tensor([1., .5, 2., -1.], dtype=torch.float64, requires_grad=True);
/// b = torch.tensor([.1, .2, .3, .4], dtype=torch.float64); y = torch.nn.functional.group_norm(x, 2, w, b, 1e-5);
/// (y * torch.arange(1, 13, dtype=torch.float64).view(1, 4, 3)).sum().backward()`; all printed as [B, T, C].
#[test]
fn golden() {
    let x = vec![1.0, 3.0, 2.0, -1.0, -2.0, 0.0, 1.0, 0.25, 0.5, -1.0, 4.0, 2.0];
    let ins = [x, vec![1.0, 0.5, 2.0, -1.0], vec![0.1, 0.2, 0.3, 0.4]];
    let (out, _) = run_forward(&op(3, 2), &ins, &[12]);
    agree(
        "out",
        &out[0],
        &[
            0.576329550959,
            1.073270843424,
            1.098085257799,
            1.916361989818,
            -1.328988652876,
            0.120611741507,
            -0.178851154679,
            1.118276732019,
            0.258776516986,
            -0.196941292466,
            3.651958082755,
            0.000957371101,
        ],
        Tolerance::F32,
    );
    let dout = vec![1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0, 3.0, 6.0, 9.0, 12.0];
    let grads = run_backward(&op(3, 2), &ins, &[dout]);
    agree(
        "dx",
        &grads[0],
        &[
            -0.733841287078,
            0.061374908476,
            5.210776809913,
            0.119256156986,
            -0.338900410547,
            0.138762751035,
            9.898285321327,
            -4.782427172923,
            0.496343316910,
            0.376260721203,
            0.943505436997,
            -11.389396552300,
        ],
        Tolerance::F32,
    );
    agree(
        "dweight",
        &grads[1],
        &[-1.905318203835, 1.428988652876, 15.961705155974, -18.276152403590],
        Tolerance::F32,
    );
    agree("dbias", &grads[2], &[6.0, 15.0, 24.0, 33.0], Tolerance::F32);
}

#[test]
fn a_large_mean_and_a_drift_do_not_swallow_the_variance() {
    // A mean 10,000 times the deviation, an outlier in a stretch's first frame, and 30,000 frames.
    const TIME: usize = 30_000;
    let mut x: Vec<f64> = (0..TIME).map(|t| 1_000.0 + f64::from(t as u32 % 7) / 32.0).collect();
    x[640] = 1_010.0;
    let ins = [x, vec![1.0], vec![0.0]];
    let op = GroupNorm { eps: 1e-7, groups: 1, time: TIME, gelu: false };
    let (got, _) = run_forward(&op, &ins, &[TIME]);
    agree("group_norm", &got[0], &reference::forward(&op, &ins)[0], Tolerance::F32);
}

#[test]
fn every_frame_counts_padding_included() {
    let (ins, longer) = (inputs(1, 4, 2), op(6, 2));
    let padded = [[ins[0].clone(), vec![0.0; 4]].concat(), ins[1].clone(), ins[2].clone()];
    let (short, _) = run_forward(&op(4, 2), &ins, &[8]);
    let (long, _) = run_forward(&longer, &padded, &[12]);
    agree("padded", &long[0], &reference::forward(&longer, &padded)[0], Tolerance::F32);
    assert_ne!(long[0][..8], short[0]);
}

#[test]
fn saves_nothing_for_inference() {
    use crate::op::CpuOp;
    let inputs: Vec<Vec<f32>> = vec![vec![1.0; 24], vec![1.0; 4], vec![0.0; 4]];
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let saved = |save| op(3, 2).forward(&inputs, &mut [&mut [0.0; 24]], save).0.len();
    assert_eq!((saved(true), saved(false)), (2, 0));
}

#[test]
fn same_bytes_whatever_the_thread_count_and_the_place_in_the_batch() {
    let (op, ins) = (op(500, 12), inputs(3, 500, 48));
    let dout = Numbers::new(9).take(ins[0].len(), 1.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            (run_forward(&op, &ins, &[dout.len()]).0, run_backward(&op, &ins, std::slice::from_ref(&dout)))
        })
    };
    let (all, grads) = run(1);
    assert!((all.clone(), grads) == run(2));
    let alone = [ins[0][24_000..48_000].to_vec(), ins[1].clone(), ins[2].clone()];
    let (alone, _) = run_forward(&op, &alone, &[24_000]);
    assert_eq!(all[0][24_000..48_000], alone[0]);
}

fn zeros(shape: impl Into<Shape>) -> Array<Cpu> {
    Array::zeros(&Cpu::default(), shape).expect("room")
}

#[test]
fn refuses_shapes_that_do_not_fit() {
    let run = |x: Array<Cpu>, weight: Array<Cpu>, bias: Array<Cpu>, groups| {
        let out = group_norm(&mut Tape::silent(), &x, &weight, &bias, groups, 1e-5);
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    let refused = |got: Result<Shape, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(
        run(zeros([2, 5, 6]), zeros([5]), zeros([6]), 2),
        "group_norm: weight has shape [5], but x needs [6]",
    );
    refused(
        run(zeros([2, 5, 6]), zeros([6]), zeros([3]), 2),
        "group_norm: bias has shape [3], but x needs [6]",
    );
    for groups in [0, 4] {
        let sentence = format!(
            "group_norm: x has shape [2, 5, 6], but its channels must split into {groups} equal groups"
        );
        refused(run(zeros([2, 5, 6]), zeros([6]), zeros([6]), groups), &sentence);
    }
    for empty in [[0, 5, 6], [2, 0, 6]] {
        assert_eq!(run(zeros(empty), zeros([6]), zeros([6]), 2), Ok(empty.into()));
    }
}

#[test]
fn only_wanted_gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let ins = inputs(1, 3, 4);
    let array = |i: usize, shape: Shape| {
        Array::from_vec(&device, ins[i].iter().map(|&x| x as f32).collect(), shape).expect("fits")
    };
    let all = [array(0, [1, 3, 4].into()), array(1, [4].into()), array(2, [4].into())];
    let want = run_backward(&op(3, 2), &ins, &[vec![1.0; 12]]);
    for tracked in 0..3 {
        let mut operands = all.clone();
        operands[tracked] = operands[tracked].tracked();
        let mut tape = Tape::recording();
        let [x, weight, bias] = &operands;
        let out = group_norm(&mut tape, x, weight, bias, 2, 1e-5).expect("fits");
        let mut grads = tape.backward(&device, vec![(out, vec![1.0; 12])]).expect("runs");
        assert_eq!(grads.to_vec(&operands[tracked]).expect("runs"), want[tracked]);
        assert!(!grads.reached(&operands[(tracked + 1) % 3]));
    }
}
