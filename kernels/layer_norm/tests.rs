//! The kernel against its specification, a golden of PyTorch, and the promises around it.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::op::CpuOp;
use crate::{Cpu, Shape, gelu};

const EPS: f32 = 1e-5;

fn inputs(rows: usize, channels: usize) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new(3);
    let x = numbers.take(rows * channels, 2.0, 0.7);
    vec![x, numbers.take(channels, 0.5, 1.0), numbers.take(channels, 0.3, 0.1)]
}

fn reference(inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    reference::forward(f64::from(EPS), inputs)
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (rows, channels) in [(1, 2), (3, 5), (2, 16), (4, 17), (3, 70)] {
        check(&LayerNorm { eps: EPS, gelu: false }, &inputs(rows, channels), &[true; 3], reference);
        let activated = |inputs: &[Vec<f64>]| gelu::reference::forward(&reference(inputs));
        check(&LayerNorm { eps: EPS, gelu: true }, &inputs(rows, channels), &[true; 3], activated);
    }
}

/// Warps with lanes that have nothing to do, rows longer than a warp, a block of its own for each row, several chunks of rows.
#[test]
fn device_kernels_agree_too() {
    let activated = |inputs: &[Vec<f64>]| gelu::reference::forward(&reference(inputs));
    for (rows, channels) in [(1, 2), (3, 5), (2, 16), (9, 17), (3, 70)] {
        let (Some(plain), Some(gelu)) =
            (emulated(LayerNorm { eps: EPS, gelu: false }), emulated(LayerNorm { eps: EPS, gelu: true }))
        else {
            return;
        };
        check(&plain, &inputs(rows, channels), &[true; 3], reference);
        check(&gelu, &inputs(rows, channels), &[true; 3], activated);
    }
    for (rows, channels) in [(2, 5_000), (150, 33)] {
        for gelu in [false, true] {
            let op = LayerNorm { eps: EPS, gelu };
            let Some(device) = emulated(op) else { return };
            let inputs = inputs(rows, channels);
            let dout = [Numbers::new(5).take(rows * channels, 1.0, 0.0)];
            let want = run_backward(&op, &inputs, &dout);
            for (got, want) in run_backward(&device, &inputs, &dout).iter().zip(&want) {
                let want: Vec<f64> = want.iter().map(|&want| f64::from(want)).collect();
                agree("layer_norm", got, &want, Tolerance::F32_GRADIENT);
            }
            let (got, _) = run_forward(&device, &inputs, &[rows * channels]);
            let want = if gelu { activated(&inputs) } else { reference(&inputs) };
            agree("layer_norm", &got[0], &want[0], Tolerance::F32);
        }
    }
}

#[test]
fn agrees_over_many_blocks() {
    for (rows, channels) in [(513, 96), (9, 20_000)] {
        let inputs = inputs(rows, channels);
        let (got, _) = run_forward(&LayerNorm { eps: EPS, gelu: false }, &inputs, &[rows * channels]);
        agree("layer_norm", &got[0], &reference(&inputs)[0], Tolerance::F32);
    }
}

#[test]
fn block_edges_leave_no_trace_in_the_gradient() {
    // Three copies of the rows: dx repeats, and the parameters' gradients are three times as large.
    let (rows, channels) = (200, 96);
    let once = inputs(rows, channels);
    let dout = Numbers::new(5).take(rows * channels, 1.0, 0.0);
    let thrice = [once[0].repeat(3), once[1].clone(), once[2].clone()];
    let short = run_backward(&LayerNorm { eps: EPS, gelu: false }, &once, std::slice::from_ref(&dout));
    let long = run_backward(&LayerNorm { eps: EPS, gelu: false }, &thrice, &[dout.repeat(3)]);
    assert_eq!(long[0], short[0].repeat(3));
    for i in [1, 2] {
        let want: Vec<f64> = short[i].iter().map(|&d| 3.0 * f64::from(d)).collect();
        agree("parameters", &long[i], &want, Tolerance::F32_GRADIENT);
    }
}

/// torch 2.11: `x = torch.tensor([[1., -2., .5, 3.]], dtype=torch.float64, requires_grad=True);
/// w = torch.tensor([1., .5, 2., -1.], dtype=torch.float64, requires_grad=True);
/// b = torch.tensor([.1, .2, .3, .4], dtype=torch.float64);
/// y = torch.nn.functional.layer_norm(x, (4,), w, b, 1e-5);
/// y.backward(torch.tensor([[1., 2., -1., .5]], dtype=torch.float64)); print(y, x.grad, w.grad)`
#[test]
fn golden() {
    let inputs = [vec![1.0, -2.0, 0.5, 3.0], vec![1.0, 0.5, 2.0, -1.0], vec![0.1, 0.2, 0.3, 0.4]];
    let op = LayerNorm { eps: 1e-5, gelu: false };
    let (out, _) = run_forward(&op, &inputs, &[4]);
    agree(
        "out",
        &out[0],
        &[0.310558389989, -0.536954364960, 0.159627740008, -0.933536469928],
        Tolerance::F32,
    );
    let grads = run_backward(&op, &inputs, &[vec![1.0, 2.0, -1.0, 0.5]]);
    agree(
        "dx",
        &grads[0],
        &[0.684573909051, 0.261383996372, -1.070424862971, 0.124466957549],
        Tolerance::F32,
    );
    agree(
        "dweight",
        &grads[1],
        &[0.210558389989, -2.947817459841, 0.070186129996, 0.666768234964],
        Tolerance::F32,
    );
    agree("dbias", &grads[2], &[1.0, 2.0, -1.0, 0.5], Tolerance::F32);
}

#[test]
fn a_large_mean_does_not_swallow_the_variance() {
    // mean(x²) − mean(x)² in f32 would find no variance at all here.
    let op = LayerNorm { eps: 1e-12, gelu: false };
    let x: Vec<f64> = (0..64).map(|i| 10_000.0 + f64::from(i % 2) / 16.0).collect();
    let (out, _) = run_forward(&op, &[x, vec![1.0; 64], vec![0.0; 64]], &[64]);
    let want: Vec<f64> = (0..64).map(|i| f64::from(i % 2) * 2.0 - 1.0).collect();
    agree("out", &out[0], &want, Tolerance::F32);
}

#[test]
fn saves_two_numbers_a_row_and_nothing_for_inference() {
    let inputs: Vec<Vec<f32>> = vec![vec![1.0; 6], vec![1.0; 2], vec![0.0; 2]];
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let saved = |save| LayerNorm { eps: EPS, gelu: false }.forward(&inputs, &mut [&mut [0.0; 6]], save).len();
    assert_eq!((saved(true), saved(false)), (3, 0));
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let ins = inputs(777, 96);
    let dout = Numbers::new(9).take(ins[0].len(), 1.0, 0.0);
    let op = LayerNorm { eps: EPS, gelu: false };
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
    let run = |x: Array<Cpu>, weight: Array<Cpu>, bias: Array<Cpu>| {
        let out = layer_norm(&mut Tape::silent(), &x, &weight, &bias, EPS);
        out.map(|out| out.shape()).map_err(|error| error.to_string())
    };
    assert_eq!(
        run(zeros([2, 5, 6]), zeros([5]), zeros([6])),
        Err("layer_norm: weight has shape [5], but the rows of x need [6]".to_owned())
    );
    assert_eq!(
        run(zeros([2, 5, 6]), zeros([6]), zeros([1, 6])),
        Err("layer_norm: bias has shape [1, 6], but the rows of x need [6]".to_owned())
    );
    assert_eq!(run(zeros([2, 0, 6]), zeros([6]), zeros([6])), Ok([2, 0, 6].into()));
    assert_eq!(run(zeros([2, 0]), zeros([0]), zeros([0])), Ok([2, 0].into()));
}

#[test]
fn only_wanted_gradients_arrive_through_the_tape() {
    let device = Cpu::default();
    let ins = inputs(3, 4);
    let array = |i: usize, shape: Shape| {
        Array::from_vec(&device, ins[i].iter().map(|&x| x as f32).collect(), shape).expect("fits")
    };
    let (x, weight, bias) = (array(0, [1, 3, 4].into()), array(1, [4].into()), array(2, [4].into()));
    let want = run_backward(&LayerNorm { eps: EPS, gelu: false }, &ins, &[vec![1.0; 12]]);
    for tracked in 0..3 {
        let mut operands = [x.clone(), weight.clone(), bias.clone()];
        operands[tracked] = operands[tracked].tracked();
        let mut tape = Tape::recording();
        let out = layer_norm(&mut tape, &operands[0], &operands[1], &operands[2], EPS).expect("fits");
        let mut grads = tape.backward(&device, vec![(out, vec![1.0; 12])]).expect("runs");
        assert_eq!(grads.to_vec(&operands[tracked]).expect("runs"), want[tracked]);
        assert!(!grads.reached(&operands[(tracked + 1) % 3]));
    }
}
