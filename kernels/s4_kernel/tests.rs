//! The kernel against its specification, the published golden, the reference system's numbers, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::op::CpuOp;
use crate::{Cpu, Shape};

fn op(heads: usize, groups: usize, pairs: usize, responses: usize, period: usize, len: usize) -> S4Kernel {
    S4Kernel { heads, groups, pairs, responses, period, len }
}

/// Steps from 0.01 to 0.1, poles as HiPPO's spread.
fn inputs(op: &S4Kernel) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new(11);
    let poles = op.groups * op.pairs;
    let mut w_imag = numbers.take(poles, 0.2, 0.0);
    w_imag.iter_mut().enumerate().for_each(|(n, w)| *w += 1.5 * (n % op.pairs + 1) as f64);
    vec![
        numbers.take(op.heads, 1.0, -3.4),
        numbers.take(poles, 0.3, -0.7),
        w_imag.iter().map(|&w| f64::from(w as f32)).collect(),
        numbers.take(2 * poles, 0.5, 0.0),
        numbers.take(2 * poles, 1.0, 0.0),
        numbers.take(2 * op.responses * op.heads * op.pairs, 1.0, 0.0),
    ]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for op in [
        op(1, 1, 1, 1, 2, 2),
        op(2, 1, 3, 1, 8, 8),
        op(2, 2, 2, 2, 6, 5),
        op(3, 1, 2, 1, 70, 70),
        op(1, 1, 4, 1, 200, 3),
    ] {
        check(&op, &inputs(&op), &[true; 6], |inputs| reference::forward(&op, inputs));
    }
}

#[test]
fn device_kernels_agree_too() {
    for op in [
        op(1, 1, 1, 1, 2, 2),
        op(2, 1, 3, 1, 8, 8),
        op(2, 2, 2, 2, 6, 5),
        op(3, 1, 2, 1, 70, 70),
        op(1, 1, 4, 1, 200, 3),
        op(2, 2, 5, 2, 34, 1),
    ] {
        let Some(device) = emulated(op) else { return };
        check(&device, &inputs(&op), &[true; 6], |inputs| reference::forward(&op, inputs));
    }
    // More than one stage of poles and one group of pairs, several goes of rows, several tiles of nodes and of columns.
    for op in [op(3, 1, 66, 2, 1_150, 1_111), op(2, 2, 5, 1, 6_000, 6_000), op(1, 1, 3, 1, 20_000, 7)] {
        let Some(device) = emulated(op) else { return };
        follows(&device, &op, &inputs(&op), &[op.responses * op.heads * op.len]);
    }
    // No samples, and no states.
    let empty = op(2, 1, 3, 1, 8, 0);
    let Some(device) = emulated(empty) else { return };
    assert_eq!(run_backward(&device, &inputs(&empty), &[vec![]])[4], [0.0; 6]);
    let stateless = op(2, 1, 0, 1, 8, 8);
    let Some(device) = emulated(stateless) else { return };
    follows(&device, &stateless, &inputs(&stateless), &[16]);
}

#[test]
fn agrees_over_long_periods() {
    let op = op(2, 1, 32, 1, 1_000, 1_000);
    let ins = inputs(&op);
    let (got, ()) = run_forward(&op, &ins, &[2_000]);
    agree("k", &got[0], &reference::forward(&op, &ins)[0], Tolerance::F32);
}

/// specs 7.2: four pairs, one head, a period of 16, dt = 0.1.
fn golden_inputs() -> Vec<Vec<f64>> {
    let each = |of: &dyn Fn(f64) -> [f64; 2]| (0..4).flat_map(|n| of(f64::from(n))).collect::<Vec<f64>>();
    vec![
        vec![0.1f64.ln()],
        vec![0.5f64.ln(); 4],
        (1..5).map(|n| 1.7 * f64::from(n)).collect(),
        each(&|n| [0.3 + 0.1 * n, 0.2 - 0.05 * n]),
        each(&|n| [1.0 / (n + 1.0), 0.1 * n]),
        each(&|n| [0.5 - 0.2 * n, 0.3 + 0.1 * n]),
    ]
}

const GOLDEN: [f64; 16] = [
    0.037659803370,
    0.005563725212,
    -0.000548884772,
    0.006784302916,
    0.014125414187,
    0.012294759173,
    -0.001132405584,
    -0.022365088720,
    -0.044175401947,
    -0.059447508935,
    -0.064014995925,
    -0.057845454611,
    -0.044427801909,
    -0.028927498434,
    -0.016043754713,
    -0.008448597228,
];

#[test]
fn golden() {
    let (op, ins) = (op(1, 1, 4, 1, 16, 16), golden_inputs());
    for (got, want) in reference::forward(&op, &ins)[0].iter().zip(GOLDEN) {
        assert!((got - want).abs() < 1e-11, "the specification: {got}, want {want}");
    }
    golden_of(&op, &ins);
    if let Some(device) = emulated(op) {
        golden_of(&device, &ins);
    }
}

fn golden_of(op: &impl CpuOp, ins: &[Vec<f64>]) {
    let (got, _) = run_forward(op, ins, &[16]);
    let within = Tolerance { absolute: 2e-6, relative: 0.0 };
    agree("k", &got[0], &GOLDEN, within);
    let dk: Vec<f64> = (1..17).map(|t| f64::from(t) / 16.0).collect();
    let want: [&[f64]; 6] = [
        &[0.402299859629],
        &[0.111977035225, 0.039629232222, 0.019582537021, -0.004295441616],
        &[-0.077698228236, 0.118066787229, -0.003223655654, 0.022995813178],
        &[
            0.096370825615,
            0.353324340111,
            0.037979472311,
            0.075322950354,
            -0.004574859450,
            0.015539818694,
            -0.014686976764,
            0.007302902424,
        ],
        &[
            -0.153383970138,
            -0.304828819637,
            -0.129417017677,
            0.099007384323,
            -0.016574818380,
            -0.086536951422,
            -0.030465909579,
            0.021110469710,
        ],
        &[
            -0.098128002112,
            -0.495088166721,
            -0.166295729416,
            0.067864538162,
            0.023854985953,
            -0.053757985295,
            -0.035059547446,
            0.015022478619,
        ],
    ];
    let names = ["log_dt", "log_w_real", "w_imag", "P", "B", "C"];
    for ((name, got), want) in names.iter().zip(run_backward(op, ins, &[dk])).zip(want) {
        agree(name, &got, want, within);
    }
}

/// A sum over the stored half alone, which a public implementation has, is another function.
#[test]
fn both_members_of_each_pair_count() {
    let (op, ins) = (op(1, 1, 4, 1, 16, 16), golden_inputs());
    let half = reference::sum_over(&op, &ins, false);
    let distance: f64 = GOLDEN.iter().zip(&half[0]).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let size: f64 = GOLDEN.iter().map(|a| a.powi(2)).sum::<f64>().sqrt();
    assert!(distance / size >= 0.5, "{}", distance / size);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let op = op(5, 1, 8, 2, 300, 250);
    let ins = inputs(&op);
    let dk = vec![Numbers::new(3).take(2_500, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| (run_forward(&op, &ins, &[2_500]).0, run_backward(&op, &ins, &dk)))
    };
    assert!(run(1) == run(2));
}

#[test]
fn only_wanted_gradients_are_touched_and_added_to() {
    let op = op(2, 1, 3, 1, 12, 12);
    let ins: Vec<Vec<f32>> = inputs(&op).iter().map(|x| x.iter().map(|&x| x as f32).collect()).collect();
    let ins: Vec<&[f32]> = ins.iter().map(Vec::as_slice).collect();
    let dk = [1.0; 24];
    let grads = run_backward(&op, &inputs(&op), &[vec![1.0; 24]]);
    let mut dw = vec![2.0; 3];
    let mut dinputs = [None, None, Some(crate::op::Gradient::to_add(&mut dw)), None, None, None];
    op.backward((), &ins, &[&dk], &mut dinputs);
    let want: Vec<f64> = grads[2].iter().map(|&d| f64::from(d) + 2.0).collect();
    agree("w_imag", &dw, &want, Tolerance::F32);
}

#[test]
fn misfits_are_named() {
    let zeros = |shape: Shape| Array::zeros(&Cpu::default(), shape).expect("room");
    let run = |poles: Shape, p: Shape, period: usize, len: usize| {
        let (log_dt, poles, p, c) = (zeros([4].into()), zeros(poles), zeros(p), zeros([1, 4, 3, 2].into()));
        let parameters =
            Parameters { log_dt: &log_dt, log_w_real: &poles, w_imag: &poles, p: &p, b: &p, c: &c };
        s4_kernel(&mut Tape::silent(), parameters, period, len)
            .map(|k| k.shape())
            .map_err(|error| error.to_string())
    };
    let (poles, p): (Shape, Shape) = ([1, 3].into(), [1, 3, 2].into());
    assert_eq!(run(poles, p, 8, 5), Ok([1, 4, 5].into()));
    let refused = |got: Result<Shape, String>, want: &str| assert_eq!(got.unwrap_err(), want);
    refused(
        run(poles, p, 7, 5),
        "s4_kernel: c has shape [1, 4, 3, 2], but a period of 7 samples, which gives no 5: it is even and no shorter",
    );
    refused(
        run([2, 3].into(), p, 8, 5),
        "s4_kernel: log_w_real has shape [2, 3], but there is one set of poles, or one for each of 4 heads",
    );
    refused(
        run(poles, [1, 4, 2].into(), 8, 5),
        "s4_kernel: p has shape [1, 4, 2], but c and log_w_real need [1, 3, 2]",
    );
}
