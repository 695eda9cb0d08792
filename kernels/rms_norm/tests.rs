//! The kernels against their specification, the published goldens, and the promises around them.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::op::CpuOp;
use crate::{Cpu, Shape, Tape};

fn inputs(rows: usize, channels: usize) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new(3);
    let (y, z) = (numbers.take(rows * channels, 2.0, 0.2), numbers.take(rows * channels, 3.0, 0.0));
    vec![y, z, numbers.take(channels, 0.5, 1.0)]
}

fn op(groups: usize, norm_before_gate: bool) -> GatedRmsNorm {
    GatedRmsNorm { eps: 1e-5, groups, norm_before_gate }
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, channels, groups) in [(1, 1, 1), (3, 5, 1), (2, 16, 2), (4, 18, 3), (3, 70, 1), (1, 8, 8)] {
        for norm_before_gate in [false, true] {
            let op = op(groups, norm_before_gate);
            check(&op, &inputs(rows, channels), &[true; 3], |inputs| reference::gated(&op, inputs));
        }
        let [x, _, weight] = <[_; 3]>::try_from(inputs(rows, channels)).expect("three");
        let plain = |inputs: &[Vec<f64>]| reference::plain(f64::from(1e-5f32), inputs);
        check(&RmsNorm { eps: 1e-5 }, &[x, weight], &[true; 2], plain);
    }
}

/// Groups of a warp and of a block, several chunks of rows.
#[test]
fn device_kernels_agree_too() {
    for (rows, channels, groups) in [(1, 1, 1), (3, 5, 1), (2, 16, 2), (9, 18, 3), (3, 70, 1), (1, 8, 8)] {
        for norm_before_gate in [false, true] {
            let op = op(groups, norm_before_gate);
            let Some(device) = emulated(op) else { return };
            check(&device, &inputs(rows, channels), &[true; 3], |inputs| reference::gated(&op, inputs));
        }
    }
    for (rows, channels, groups) in [(2, 10_002, 2), (150, 66, 3)] {
        for norm_before_gate in [false, true] {
            let op = op(groups, norm_before_gate);
            let Some(device) = emulated(op) else { return };
            follows(&device, &op, &inputs(rows, channels), &[rows * channels]);
        }
    }
    for (rows, channels) in [(1, 1), (3, 5), (9, 33), (150, 66), (2, 5_000)] {
        let [x, _, weight] = <[_; 3]>::try_from(inputs(rows, channels)).expect("three");
        let Some(device) = emulated(RmsNorm { eps: 1e-5 }) else { return };
        if rows * channels < 1_000 {
            let plain = |inputs: &[Vec<f64>]| reference::plain(f64::from(1e-5f32), inputs);
            check(&device, &[x, weight], &[true; 2], plain);
        } else {
            follows(&device, &RmsNorm { eps: 1e-5 }, &[x, weight], &[rows * channels]);
        }
    }
}

#[test]
fn agrees_over_many_blocks() {
    for (rows, channels, groups) in [(513, 96, 2), (9, 20_000, 1)] {
        let inputs = inputs(rows, channels);
        for norm_before_gate in [false, true] {
            let op = op(groups, norm_before_gate);
            let (got, _) = run_forward(&op, &inputs, &[rows * channels]);
            agree("gated_rms_norm", &got[0], &reference::gated(&op, &inputs)[0], Tolerance::F32);
        }
    }
}

#[test]
fn block_edges_leave_no_trace_in_the_gradient() {
    // Three copies of the rows: dy and dz repeat, and the weight's gradient is three times as large.
    let (rows, channels) = (200, 96);
    let once = inputs(rows, channels);
    let dout = Numbers::new(5).take(rows * channels, 1.0, 0.0);
    let thrice = [once[0].repeat(3), once[1].repeat(3), once[2].clone()];
    for norm_before_gate in [false, true] {
        let op = op(2, norm_before_gate);
        let short = run_backward(&op, &once, std::slice::from_ref(&dout));
        let long = run_backward(&op, &thrice, &[dout.repeat(3)]);
        assert_eq!(long[0], short[0].repeat(3));
        assert_eq!(long[1], short[1].repeat(3));
        let want: Vec<f64> = short[2].iter().map(|&d| 3.0 * f64::from(d)).collect();
        agree("dweight", &long[2], &want, Tolerance::F32_GRADIENT);
    }
}

/// Goldens of the operator's specification: γ = 4, eps 1e-5, dout = 1.
#[test]
fn golden() {
    let inputs = [vec![1.0, -2.0, 0.5, 3.0], vec![0.3, -1.0, 2.0, 0.7], vec![1.0, 0.5, 2.0, -1.0]];
    let after = Golden {
        out: [0.091303995949, 0.142488445920, 0.933314073918, -0.743429469450],
        dx: [0.061572356856, -0.011780944775, 1.851762328291, -0.337004740428],
        dz: [0.343201751885, -0.038321045175, 0.577910801735, -1.308721087708],
        dweight: [0.091303995949, 0.284976891840, 0.466657036959, 0.743429469450],
    };
    let before = Golden {
        out: [0.196909470941, 0.307295690728, 2.012818591423, -1.603306646002],
        dx: [0.188052504985, -0.110506399060, 3.562903578839, -0.730168387793],
        dz: [0.706868834012, -0.059439496067, 1.103080153450, -3.856129488880],
        dweight: [0.196909470941, 0.614591381456, 1.006409295712, 1.603306646002],
    };
    for (norm_before_gate, want) in [(true, after), (false, before)] {
        let (out, _) = run_forward(&op(1, norm_before_gate), &inputs, &[4]);
        agree("out", &out[0], &want.out, Tolerance::F32);
        let grads = run_backward(&op(1, norm_before_gate), &inputs, &[vec![1.0; 4]]);
        agree("dx", &grads[0], &want.dx, Tolerance::F32);
        agree("dz", &grads[1], &want.dz, Tolerance::F32);
        agree("dweight", &grads[2], &want.dweight, Tolerance::F32);
    }
}

struct Golden {
    out: [f64; 4],
    dx: [f64; 4],
    dz: [f64; 4],
    dweight: [f64; 4],
}

#[test]
fn a_silent_row_stays_finite() {
    let silent = [vec![0.0; 8], vec![0.0; 8], vec![1.0; 8]];
    for norm_before_gate in [false, true] {
        let (out, _) = run_forward(&op(1, norm_before_gate), &silent, &[8]);
        assert_eq!(out[0], [0.0; 8]);
        let grads = run_backward(&op(1, norm_before_gate), &silent, &[vec![1.0; 8]]);
        assert!(grads.iter().flatten().all(|&d| d == 0.0), "{grads:?}");
    }
}

#[test]
fn saves_one_number_a_group_and_nothing_for_inference() {
    let inputs: Vec<Vec<f32>> = vec![vec![1.0; 12], vec![1.0; 12], vec![1.0; 4]];
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let saved = |save| op(2, false).forward(&inputs, &mut [&mut [0.0; 12]], save).len();
    assert_eq!((saved(true), saved(false)), (6, 0));
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let ins = inputs(777, 96);
    let dout = Numbers::new(9).take(ins[0].len(), 1.0, 0.0);
    let op = op(3, false);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            (run_forward(&op, &ins, &[dout.len()]).0, run_backward(&op, &ins, std::slice::from_ref(&dout)))
        })
    };
    assert!(run(1) == run(2));
}

fn zeros(shape: impl Into<Shape>) -> Array<Cpu> {
    Array::zeros(&Cpu::default(), shape).expect("room")
}

#[test]
fn refuses_shapes_that_do_not_fit() {
    let run = |y: Array<Cpu>, z: Array<Cpu>, weight: Array<Cpu>, groups| {
        let out = gated_rms_norm(&mut Tape::silent(), &y, &z, &weight, op(groups, false));
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    let refused = |got: Result<Shape, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(
        run(zeros([2, 5, 6]), zeros([2, 5, 7]), zeros([6]), 1),
        "gated_rms_norm: z has shape [2, 5, 7], but y has [2, 5, 6]",
    );
    refused(
        run(zeros([2, 5, 6]), zeros([2, 5, 6]), zeros([5]), 1),
        "gated_rms_norm: weight has shape [5], but the rows of its input need [6]",
    );
    for groups in [0, 4] {
        let sentence = format!(
            "gated_rms_norm: y has shape [2, 5, 6], but its rows must split into {groups} equal groups"
        );
        refused(run(zeros([2, 5, 6]), zeros([2, 5, 6]), zeros([6]), groups), &sentence);
    }
    assert_eq!(run(zeros([2, 0, 6]), zeros([2, 0, 6]), zeros([6]), 2), Ok([2, 0, 6].into()));
    let plain = rms_norm(&mut Tape::silent(), &zeros([2, 6]), &zeros([5]), 1e-5);
    assert_eq!(
        plain.map_err(|error| error.to_string()).err().as_deref(),
        Some("rms_norm: weight has shape [5], but the rows of its input need [6]")
    );
}

#[test]
fn only_wanted_gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let ins = inputs(3, 4);
    let array = |i: usize, shape: Shape| {
        Array::from_vec(&device, ins[i].iter().map(|&x| x as f32).collect(), shape).expect("fits")
    };
    let all = [array(0, [1, 3, 4].into()), array(1, [1, 3, 4].into()), array(2, [4].into())];
    let want = run_backward(&op(2, false), &ins, &[vec![1.0; 12]]);
    for tracked in 0..3 {
        let mut operands = all.clone();
        operands[tracked] = operands[tracked].tracked();
        let mut tape = Tape::recording();
        let [y, z, weight] = &operands;
        let out = gated_rms_norm(&mut tape, y, z, weight, op(2, false)).expect("fits");
        let mut grads = tape.backward(&device, vec![(out, vec![1.0; 12])]).expect("runs");
        assert_eq!(grads.to_vec(&operands[tracked]).expect("runs"), want[tracked]);
        assert!(!grads.reached(&operands[(tracked + 1) % 3]));
    }
}
