//! The kernel against its specification, the published golden, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Shape};

fn op(heads: usize, head_dim: usize, groups: usize, state: usize, chunk: usize, time: usize) -> SsdScan {
    let constants =
        Ssd { heads, head_dim, groups, state, chunk, dt_min: 0.0, dt_max: f32::INFINITY, simple: false };
    SsdScan { constants, time }
}

/// Inputs for `batch` sequences: decays from slow to fast, steps around softplus(−1).
fn inputs(op: &SsdScan, batch: usize) -> Vec<Vec<f64>> {
    let Ssd { heads, head_dim, groups, state, .. } = op.constants;
    let mut numbers = Numbers::new(11);
    let steps = batch * op.time;
    let xbc = numbers.take(steps * (heads * head_dim + 2 * groups * state), 1.0, 0.0);
    let dt = numbers.take(steps * heads, 1.0, -0.5);
    let a_log = numbers.take(heads, 1.0, 0.0);
    let d = numbers.take(heads, 0.5, 1.0);
    let dt_bias = numbers.take(heads, 0.5, -0.5);
    vec![xbc, dt, a_log, d, dt_bias]
}

fn outputs(op: &SsdScan, batch: usize) -> usize {
    batch * op.time * op.constants.heads * op.constants.head_dim
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, op) in [
        (1, op(1, 1, 1, 1, 4, 1)),
        (1, op(2, 3, 1, 2, 4, 3)),
        (2, op(4, 2, 2, 3, 4, 9)),
        (1, op(3, 2, 3, 2, 16, 18)),
        (1, op(2, 1, 1, 2, 3, 7)),
        (1, op(2, 2, 1, 2, 1, 5)),
    ] {
        check(&op, &inputs(&op, batch), &[true; 5], |inputs| reference::forward(&op, inputs));
        let op = simple(op);
        check(&op, &inputs(&op, batch), &[true; 5], |inputs| reference::forward(&op, inputs));
    }
}

#[test]
fn device_kernels_agree_too() {
    for (batch, op) in [
        (1, op(1, 1, 1, 1, 4, 1)),
        (1, op(2, 3, 1, 2, 4, 3)),
        (2, op(4, 2, 2, 3, 4, 9)),
        (1, op(2, 2, 1, 2, 1, 5)),
    ] {
        for op in [op, simple(op)] {
            let Some(device) = emulated(op) else { return };
            check(&device, &inputs(&op, batch), &[true; 5], |inputs| reference::forward(&op, inputs));
        }
    }
    let mut bounded = op(2, 2, 1, 2, 4, 10);
    (bounded.constants.dt_min, bounded.constants.dt_max) = (0.25, 0.45);
    let Some(device) = emulated(bounded) else { return };
    check(&device, &inputs(&bounded, 2), &[true; 5], |inputs| reference::forward(&bounded, inputs));
    // Whole chunks and a rest; more states and channels than a tile has.
    for op in [op(4, 8, 2, 12, 256, 150), op(2, 66, 1, 70, 64, 70)] {
        let Some(device) = emulated(op) else { return };
        follows(&device, &op, &inputs(&op, 1), &[outputs(&op, 1)]);
    }
    let none = op(2, 2, 1, 2, 4, 0);
    let Some(device) = emulated(none) else { return };
    assert_eq!(run_backward(&device, &inputs(&none, 2), &[vec![]])[2], [0.0; 2]);
}

/// The same scan, step by step.
fn simple(op: SsdScan) -> SsdScan {
    SsdScan { constants: Ssd { simple: true, ..op.constants }, ..op }
}

#[test]
fn steps_at_their_bounds_carry_no_gradient() {
    let mut op = op(2, 2, 1, 2, 4, 10);
    (op.constants.dt_min, op.constants.dt_max) = (0.25, 0.45);
    for op in [op, simple(op)] {
        check(&op, &inputs(&op, 2), &[true; 5], |inputs| reference::forward(&op, inputs));
    }
}

/// Errors are measured against the largest output: single outputs may cancel to nothing.
fn assert_close(what: &str, got: &[f32], want: &[f64]) {
    let largest = want.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    agree(what, got, want, Tolerance { absolute: 1e-5 * largest, relative: 1e-5 });
}

#[test]
fn equals_the_recurrence_at_every_length_and_chunk() {
    for time in [1, 3, 255, 256, 257, 1000] {
        for chunk in [16, 64, 256] {
            let op = op(4, 16, 2, 24, chunk, time);
            let ins = inputs(&op, 1);
            let (got, _) = run_forward(&op, &ins, &[outputs(&op, 1)]);
            let want = reference::forward(&op, &ins);
            assert_close(&format!("T = {time}, Q = {chunk}"), &got[0], &want[0]);
        }
    }
}

#[test]
fn gradients_do_not_depend_on_the_chunk() {
    let whole = op(4, 8, 2, 12, 256, 150);
    let ins = inputs(&whole, 2);
    let dy = Numbers::new(5).take(outputs(&whole, 2), 1.0, 0.0);
    let want = run_backward(&whole, &ins, std::slice::from_ref(&dy));
    for chunk in [1, 2, 10, 16, 63] {
        let cut = op(4, 8, 2, 12, chunk, 150);
        let got = run_backward(&cut, &ins, std::slice::from_ref(&dy));
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let want: Vec<f64> = want.iter().map(|&x| f64::from(x)).collect();
            assert_close(&format!("gradient {i}, Q = {chunk}"), got, &want);
        }
    }
}

#[test]
fn inference_and_training_give_the_same_outputs() {
    let op = op(4, 8, 1, 12, 16, 100);
    let ins: Vec<Vec<f32>> = inputs(&op, 1).iter().map(|x| x.iter().map(|&x| x as f32).collect()).collect();
    let ins: Vec<&[f32]> = ins.iter().map(Vec::as_slice).collect();
    let run = |save| {
        let mut y = vec![0.0; outputs(&op, 1)];
        crate::op::CpuOp::forward(&op, &ins, &mut [&mut y], save);
        y
    };
    assert_eq!(run(false), run(true));
}

/// Golden of the operator's specification: B = 1, L = 3, H = 2, P = 2, G = 1, N = 2.
#[test]
fn golden() {
    let b = [[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]];
    let c = [[0.5, 1.0], [1.0, -1.0], [2.0, 0.5]];
    let x = |t: usize| (1..=4).map(move |i| f64::from((t * 4 + i) as f32 / 10.0));
    let xbc: Vec<f64> = (0..3).flat_map(|t| x(t).chain(b[t]).chain(c[t])).collect();
    let ins = vec![
        xbc,
        vec![-1.0, 0.5, 0.2, -0.3, 1.0, 0.0],
        vec![0.0, 2.0f64.ln()],
        vec![1.0, 0.5],
        vec![0.1, -0.1],
    ];
    let want = [
        0.134115387473,
        0.268230774946,
        0.423904575720,
        0.565206100960, //
        -0.560685026370,
        -0.667014808272,
        -0.498689305746,
        -0.560580656862, //
        0.908157911354,
        1.016315822708,
        0.610878871274,
        0.681171828365,
    ];
    let dx = [[1.495323280427, 1.779569443159], [-1.135888111171, -0.782538131000], [1.0, 0.5]];
    let db = [
        [0.791378781473, 0.505833625734],
        [2.602885996800, -1.485920560194],
        [8.236098871777, 2.059024717944],
    ];
    let dc = [
        [0.741456839099, 0.370728419550],
        [-0.582028180680, 3.554941616569],
        [0.880130131074, -3.187471656892],
    ];
    let dxbc: Vec<f64> = (0..3)
        .flat_map(|t| [dx[t][0], dx[t][0], dx[t][1], dx[t][1]].into_iter().chain(db[t]).chain(dc[t]))
        .collect();
    let ddt =
        [0.125902225805, 0.587332690997, -1.606285359659, -1.710865082563, -0.018361666302, -0.134954077524];
    // The published gradient is that of A; A = −e^{A_log} turns it by a factor A.
    let da_log = [-0.073467907889, -2.0 * 0.223170519891];
    for chunk in [1, 2, 256] {
        let op = op(2, 2, 1, 2, chunk, 3);
        agree("y", &run_forward(&op, &ins, &[12]).0[0], &want, Tolerance::F32);
        let grads = run_backward(&op, &ins, &[vec![1.0; 12]]);
        agree("dxbc", &grads[0], &dxbc, Tolerance::F32);
        agree("d dt", &grads[1], &ddt, Tolerance::F32);
        agree("dA_log", &grads[2], &da_log, Tolerance::F32);
        agree("dD", &grads[3], &[3.3, 4.5], Tolerance::F32);
        agree("d dt_bias", &grads[4], &[-1.498744800156, -1.258486469090], Tolerance::F32);
    }
}

#[test]
fn long_sequences_of_fast_decay_stay_finite() {
    let mut op = op(2, 4, 1, 4, 256, 16_384);
    op.constants.dt_max = 0.1;
    let mut ins = inputs(&op, 1);
    ins[1].fill(30.0);
    ins[2].fill(16.0f64.ln());
    let (y, _) = run_forward(&op, &ins, &[outputs(&op, 1)]);
    let want = reference::forward(&op, &ins);
    assert_close("y", &y[0], &want[0]);
    // And with a step so large that a single one forgets everything.
    op.constants.dt_max = f32::INFINITY;
    let grads = run_backward(&op, &ins, &[vec![1.0; y[0].len()]]);
    assert!(grads.iter().flatten().all(|x| x.is_finite()));
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let op = op(12, 16, 2, 24, 64, 300);
    let ins = inputs(&op, 3);
    let dy = Numbers::new(9).take(outputs(&op, 3), 1.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            (run_forward(&op, &ins, &[dy.len()]).0, run_backward(&op, &ins, std::slice::from_ref(&dy)))
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn sequences_of_a_batch_do_not_meet() {
    let op = op(4, 4, 2, 6, 16, 40);
    let ins = inputs(&op, 2);
    let swap = |x: &Vec<f64>| [&x[x.len() / 2..], &x[..x.len() / 2]].concat();
    let swapped = vec![swap(&ins[0]), swap(&ins[1]), ins[2].clone(), ins[3].clone(), ins[4].clone()];
    let (got, _) = run_forward(&op, &ins, &[outputs(&op, 2)]);
    let (moved, _) = run_forward(&op, &swapped, &[outputs(&op, 2)]);
    let half = outputs(&op, 1);
    assert_eq!(got[0][..half], moved[0][half..]);
    assert_eq!(got[0][half..], moved[0][..half]);
}

fn zeros(shape: impl Into<Shape>) -> Array<Cpu> {
    Array::zeros(&Cpu::default(), shape).expect("room")
}

#[test]
fn refuses_shapes_that_do_not_fit() {
    let constants = op(4, 3, 2, 5, 64, 0).constants;
    let run = |constants: Ssd, xbc: Array<Cpu>, dt: Array<Cpu>, d: Array<Cpu>| {
        let tape = &mut Tape::silent();
        ssd(tape, &xbc, &dt, &zeros([4]), &d, &zeros([4]), constants)
            .map(|y| y.shape())
            .map_err(|e| e.to_string())
    };
    let refused = |got: Result<Shape, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(
        run(constants, zeros([2, 7, 31]), zeros([2, 7, 4]), zeros([4])),
        "ssd: xbc has shape [2, 7, 31], but 4 heads × 3 + 2 × 2 groups × 5 states need 32 columns",
    );
    refused(
        run(constants, zeros([2, 7, 32]), zeros([2, 6, 4]), zeros([4])),
        "ssd: dt has shape [2, 6, 4], but xbc and the heads need [2, 7, 4]",
    );
    refused(
        run(constants, zeros([2, 7, 32]), zeros([2, 7, 4]), zeros([5])),
        "ssd: d has shape [5], but one value per head needs [4]",
    );
    refused(
        run(Ssd { groups: 3, ..constants }, zeros([2, 7, 32]), zeros([2, 7, 4]), zeros([4])),
        "ssd: xbc has shape [2, 7, 32], but 3 groups cannot share 4 heads evenly",
    );
    refused(
        run(Ssd { chunk: 0, ..constants }, zeros([2, 7, 32]), zeros([2, 7, 4]), zeros([4])),
        "ssd: xbc has shape [2, 7, 32], but heads, head_dim, state and chunk must be at least 1",
    );
    for (batch, time) in [(0, 7), (2, 0)] {
        let got = run(constants, zeros([batch, time, 32]), zeros([batch, time, 4]), zeros([4]));
        assert_eq!(got, Ok([batch, time, 12].into()));
    }
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let op = op(2, 2, 1, 2, 4, 6);
    let ins = inputs(&op, 1);
    let array = |i: usize, shape: Shape| {
        Array::from_vec(&device, ins[i].iter().map(|&x| x as f32).collect(), shape).expect("fits")
    };
    let xbc = array(0, [1, 6, 8].into());
    let (dt, a_log) = (array(1, [1, 6, 2].into()), array(2, [2].into()));
    let (d, dt_bias) = (array(3, [2].into()), array(4, [2].into()));
    let want = run_backward(&op, &ins, &[vec![1.0; 24]]);
    // Only some are wanted: the others must not be touched.
    for (xbc, a_log) in [(xbc.tracked(), a_log.clone()), (xbc.clone(), a_log.tracked())] {
        let mut tape = Tape::recording();
        let y = ssd(&mut tape, &xbc, &dt, &a_log, &d, &dt_bias, op.constants).expect("fits");
        let mut grads = tape.backward(&device, vec![(y, vec![1.0; 24])]).expect("runs");
        let (array, want) = if xbc.is_tracked() { (&xbc, &want[0]) } else { (&a_log, &want[2]) };
        assert_eq!(&grads.to_vec(array).expect("runs"), want);
        assert!(!grads.reached(&dt));
    }
}
