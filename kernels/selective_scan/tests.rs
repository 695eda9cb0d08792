//! The kernel against its specification, the published golden, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Shape};

/// Inputs for `batch` sequences: rates from slow to fast.
fn inputs(op: &SelectiveScan, batch: usize) -> Vec<Vec<f64>> {
    let SelectiveScan { time, channels, state, .. } = *op;
    let mut numbers = Numbers::new(13);
    let (wide, narrow) = (batch * time * channels, batch * time * state);
    vec![
        numbers.take(wide, 1.0, 0.0),
        numbers.take(wide, 1.0, -0.5),
        numbers.take(channels * state, 1.0, 0.5),
        numbers.take(narrow, 1.0, 0.0),
        numbers.take(narrow, 1.0, 0.0),
        numbers.take(channels, 0.5, 1.0),
        numbers.take(wide, 1.5, 0.0),
        numbers.take(channels, 0.5, -0.5),
    ]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (batch, time, channels, state) in
        [(1, 1, 1, 1), (2, 3, 5, 4), (1, 17, 3, 2), (2, 33, 2, 3), (1, 5, 66, 2)]
    {
        for simple in [false, true] {
            let op = SelectiveScan { time, channels, state, simple };
            check(&op, &inputs(&op, batch), &[true; 8], |inputs| reference::forward(&op, inputs));
        }
    }
}

/// States that fill threads and such that do not, several blocks of channels, chunks with carries and a ragged last one, more than 128 states.
#[test]
fn device_kernels_agree_too() {
    for (batch, time, channels, state) in
        [(1, 1, 1, 1), (2, 3, 5, 4), (1, 17, 3, 2), (2, 33, 2, 5), (1, 5, 66, 2), (1, 135, 2, 3)]
    {
        for simple in [false, true] {
            let op = SelectiveScan { time, channels, state, simple };
            let Some(device) = emulated(op) else { return };
            check(&device, &inputs(&op, batch), &[true; 8], |inputs| reference::forward(&op, inputs));
        }
    }
    for (time, channels, state) in [(1_003, 40, 16), (20, 3, 130), (40, 5, 65)] {
        let op = SelectiveScan { time, channels, state, simple: false };
        let Some(device) = emulated(op) else { return };
        let ins = inputs(&op, 2);
        let dout = [Numbers::new(5).take(ins[0].len(), 1.0, 0.0)];
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
        let (got, _) = run_forward(&device, &ins, &[dout[0].len()]);
        agree("out", &got[0], &reference::forward(&op, &ins)[0], Tolerance::F32);
        let pairs = run_backward(&device, &ins, &dout).into_iter().zip(run_backward(&op, &ins, &dout));
        for (index, (got, want)) in pairs.enumerate() {
            agree(&format!("gradient {index}"), &got, &wide(&want), Tolerance::F32_GRADIENT);
        }
    }
}

#[test]
fn device_kernels_stay_finite_where_decay_is_fast_and_empty_where_nothing_is() {
    let op = SelectiveScan { time: 1_000, channels: 2, state: 2, simple: false };
    let Some(device) = emulated(op) else { return };
    let mut ins = inputs(&op, 1);
    ins[1].fill(30.0);
    ins[2].fill(16.0f64.ln());
    let grads = run_backward(&device, &ins, &[vec![1.0; ins[0].len()]]);
    assert!(grads.iter().flatten().all(|x| x.is_finite()));
    let op = SelectiveScan { time: 0, ..op };
    let Some(device) = emulated(op) else { return };
    assert_eq!(run_backward(&device, &inputs(&op, 3), &[vec![]])[2], [0.0; 4]);
}

#[test]
fn agrees_over_many_blocks_and_tiles() {
    let op = SelectiveScan { time: 1000, channels: 150, state: 16, simple: false };
    let ins = inputs(&op, 2);
    let want = reference::forward(&op, &ins);
    let (got, _) = run_forward(&op, &ins, &[want[0].len()]);
    agree("selective_scan output", &got[0], &want[0], Tolerance::F32);
}

/// Golden of the operator's specification: b = 1, D = 2, N = 2, L = 4. Printed there channel by channel.
#[test]
fn golden() {
    fn by_time<const R: usize, const L: usize>(rows: [[f64; L]; R]) -> Vec<f64> {
        (0..L).flat_map(|t| rows.map(|row| row[t])).collect()
    }
    let op = SelectiveScan { time: 4, channels: 2, state: 2, simple: false };
    let ins = vec![
        by_time([[1.0, -0.5, 0.25, 2.0], [0.5, 1.5, -1.0, 0.0]]),
        by_time([[-1.0, 0.0, 0.5, -2.0], [0.3, -0.3, 1.0, -1.0]]),
        [1.0f64, 2.0, 0.5, 1.5].map(f64::ln).to_vec(),
        by_time([[1.0, 0.5, -1.0, 2.0], [0.25, -0.75, 1.0, 0.5]]),
        by_time([[0.5, 1.0, -0.5, 1.0], [1.0, 0.5, 2.0, -1.0]]),
        vec![1.0, 0.5],
        by_time([[0.0, 1.0, -1.0, 2.0], [0.5, -0.5, 1.5, -2.0]]),
        vec![0.1, -0.2],
    ];
    let out = by_time([
        [0.0, -0.274035226098, -0.262923096006, 3.453610089717],
        [0.164686787746, -0.218102887342, -4.631779058431, -0.521933365924],
    ]);
    agree("out", &run_forward(&op, &ins, &[8]).0[0], &out, Tolerance::F32);
    // The published gradient is that of A; A = −e^{A_log} turns it by a factor A.
    let da_log = [-0.087487017822, -2.0 * -0.126005969601, -0.5 * -0.522392774545, -1.5 * -0.302980325619];
    let want = [
        by_time([
            [0.216702474356, 1.150069129610, -3.939332601106, 2.129908504169],
            [-0.017748028445, -0.374484903646, 4.636527154259, -0.213355040294],
        ]),
        by_time([
            [0.183606174909, -0.262835714981, -0.471361110919, 0.843972038542],
            [-0.061131315411, -0.307985870744, -2.040218820637, 0.107078433734],
        ]),
        da_log.to_vec(),
        by_time([
            [0.082245989348, -0.951714170854, 1.395194782690, 0.491085797618],
            [0.191100217542, 0.205063726310, -3.545749309357, -0.491085797618],
        ]),
        by_time([
            [0.115839161795, -0.140128703454, 1.951543512647, 0.251346595347],
            [0.028959790449, 0.310195260259, -1.619257092813, 0.842858183465],
        ]),
        vec![3.090423667254, -1.353902383089],
        by_time([
            [0.627932703025, -0.347734649310, 0.070710911151, 2.138485459078],
            [0.391549535480, 0.300445597296, -3.932807426510, -0.198750700643],
        ]),
        vec![0.293381387551, -2.302257573058],
    ];
    let names = ["du", "d delta", "dA_log", "dB", "dC", "dD", "dz", "d delta_bias"];
    for ((name, got), want) in names.iter().zip(run_backward(&op, &ins, &[vec![1.0; 8]])).zip(&want) {
        agree(name, &got, want, Tolerance::F32);
    }
}

#[test]
fn long_sequences_of_fast_decay_stay_finite() {
    let op = SelectiveScan { time: 16_384, channels: 2, state: 2, simple: false };
    let mut ins = inputs(&op, 1);
    ins[1].fill(30.0);
    ins[2].fill(16.0f64.ln());
    let grads = run_backward(&op, &ins, &[vec![1.0; ins[0].len()]]);
    assert!(grads.iter().flatten().all(|x| x.is_finite()));
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let op = SelectiveScan { time: 100, channels: 150, state: 5, simple: false };
    let ins = inputs(&op, 3);
    let dout = Numbers::new(9).take(ins[0].len(), 1.0, 0.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            (run_forward(&op, &ins, &[dout.len()]).0, run_backward(&op, &ins, std::slice::from_ref(&dout)))
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn inference_and_training_give_the_same_outputs() {
    let op = SelectiveScan { time: 50, channels: 70, state: 4, simple: false };
    let ins: Vec<Vec<f32>> = inputs(&op, 1).iter().map(|x| x.iter().map(|&x| x as f32).collect()).collect();
    let ins: Vec<&[f32]> = ins.iter().map(Vec::as_slice).collect();
    let run = |save| {
        let mut out = vec![0.0; ins[0].len()];
        crate::op::CpuOp::forward(&op, &ins, &mut [&mut out], save);
        out
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn sequences_of_a_batch_do_not_meet() {
    let op = SelectiveScan { time: 20, channels: 6, state: 3, simple: false };
    let ins = inputs(&op, 2);
    let mut swapped = ins.clone();
    for i in [0, 1, 3, 4, 6] {
        let half = ins[i].len() / 2;
        swapped[i].rotate_left(half);
    }
    let (got, _) = run_forward(&op, &ins, &[ins[0].len()]);
    let (moved, _) = run_forward(&op, &swapped, &[ins[0].len()]);
    let half = ins[0].len() / 2;
    assert_eq!(got[0][..half], moved[0][half..]);
    assert_eq!(got[0][half..], moved[0][..half]);
}

fn zeros(shape: impl Into<Shape>) -> Array<Cpu> {
    Array::zeros(&Cpu::default(), shape).expect("room")
}

#[test]
fn refuses_shapes_that_do_not_fit() {
    let run = |u: Array<Cpu>, a_log: Array<Cpu>, b: Array<Cpu>, d: Array<Cpu>| {
        let (delta, z) = (zeros(u.shape()), zeros(u.shape()));
        let c = zeros([2, u.shape().dims()[1], 4]);
        let tape = &mut Tape::silent();
        selective_scan(tape, &u, &delta, &a_log, &b, &c, &d, &z, &zeros([6]), false)
            .map(|y| y.shape())
            .map_err(|e| e.to_string())
    };
    let refused = |got: Result<Shape, String>, sentence: &str| assert_eq!(got, Err(sentence.to_owned()));
    refused(
        run(zeros([2, 5, 6]), zeros([7, 4]), zeros([2, 5, 4]), zeros([6])),
        "selective_scan: a_log has shape [7, 4], but u and a_log need [6, 4]",
    );
    refused(
        run(zeros([2, 5, 6]), zeros([6, 4]), zeros([2, 5, 3]), zeros([6])),
        "selective_scan: b has shape [2, 5, 3], but u and a_log need [2, 5, 4]",
    );
    refused(
        run(zeros([2, 5, 6]), zeros([6, 4]), zeros([2, 5, 4]), zeros([6, 1])),
        "selective_scan: d has shape [6, 1], but u and a_log need [6]",
    );
    let empty = run(zeros([2, 0, 6]), zeros([6, 4]), zeros([2, 0, 4]), zeros([6]));
    assert_eq!(empty, Ok([2, 0, 6].into()));
}

#[test]
fn gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let op = SelectiveScan { time: 4, channels: 2, state: 2, simple: false };
    let ins = inputs(&op, 1);
    let (wide, narrow, pair): (Shape, Shape, Shape) = ([1, 4, 2].into(), [1, 4, 2].into(), [2].into());
    let shapes = [wide, wide, [2, 2].into(), narrow, narrow, pair, wide, pair];
    let arrays: Vec<Array<Cpu>> = ins
        .iter()
        .zip(shapes)
        .map(|(x, shape)| {
            Array::from_vec(&device, x.iter().map(|&x| x as f32).collect(), shape).expect("fits")
        })
        .collect();
    let want = run_backward(&op, &ins, &[vec![1.0; 8]]);
    // Each alone: the others must not be touched.
    for (wanted, want) in want.iter().enumerate() {
        let mut arrays = arrays.clone();
        arrays[wanted] = arrays[wanted].tracked();
        let mut tape = Tape::recording();
        let [u, delta, a_log, b, c, d, z, bias] = &arrays[..] else { unreachable!("eight inputs") };
        let out = selective_scan(&mut tape, u, delta, a_log, b, c, d, z, bias, false).expect("fits");
        let mut grads = tape.backward(&device, vec![(out, vec![1.0; 8])]).expect("runs");
        assert_eq!(&grads.to_vec(&arrays[wanted]).expect("runs"), want);
        assert!(!grads.reached(&arrays[(wanted + 1) % 8]));
    }
}
