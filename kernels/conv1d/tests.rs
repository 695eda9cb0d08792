//! Cases: every setting, alone and together; the extents at which work is shared out otherwise; PyTorch's numbers.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::op::CpuOp;
use crate::op::Gradient;
use crate::{Cpu, Shape};

const PLAIN: Conv1d = Conv1d { stride: 1, padding: [0, 0], dilation: 1, groups: 1, gelu: false };

fn convolution(
    settings: Conv1d,
    [batch, time, channels]: [usize; 3],
    [outputs, taps]: [usize; 2],
    bias: bool,
) -> Convolution {
    let reach = settings.dilation * (taps - 1) + 1;
    let out_time = (time + settings.padding.iter().sum::<usize>() - reach) / settings.stride + 1;
    Convolution { settings, batch, time, channels, outputs, taps, out_time, bias }
}

fn operands(op: &Convolution) -> Vec<Vec<f64>> {
    let mut numbers = Numbers::new((op.time * op.outputs + op.taps) as u64);
    let mut operands = vec![
        numbers.take(op.batch * op.time * op.channels, 1.0, 0.0),
        numbers.take(op.outputs * op.inner() * op.taps, 1.0, 0.0),
    ];
    if op.bias {
        operands.push(numbers.take(op.outputs, 1.0, 0.0));
    }
    operands
}

fn specification(op: Convolution) -> impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>> {
    move |operands| {
        let bias = operands.get(2).map(Vec::as_slice);
        let (x, w) = (&operands[0], &operands[1]);
        let (extents, kernel) = ([op.batch, op.time, op.channels], [op.outputs, op.taps]);
        vec![reference::conv1d(x, w, bias, op.settings, extents, kernel)]
    }
}

#[test]
fn agrees_with_the_specification() {
    let cases = [
        (PLAIN, [1, 1, 1], [1, 1], false),
        (PLAIN, [1, 5, 1], [1, 1], false),
        (PLAIN, [3, 3, 2], [3, 3], true),
        (Conv1d { stride: 5, ..PLAIN }, [2, 23, 1], [3, 10], true),
        (Conv1d { stride: 2, ..PLAIN }, [5, 9, 2], [3, 3], true),
        (Conv1d { stride: 3, padding: [2, 2], ..PLAIN }, [2, 8, 2], [2, 4], true),
        (Conv1d { stride: 4, ..PLAIN }, [2, 11, 2], [2, 2], true),
        (Conv1d { padding: [1, 1], ..PLAIN }, [2, 6, 3], [2, 3], true),
        (Conv1d { padding: [3, 3], ..PLAIN }, [2, 4, 2], [2, 2], true),
        (Conv1d { dilation: 2, padding: [1, 1], ..PLAIN }, [2, 8, 2], [2, 3], false),
        (Conv1d { dilation: 3, padding: [4, 4], stride: 2, ..PLAIN }, [1, 3, 2], [2, 4], true),
        (Conv1d { groups: 2, padding: [2, 1], ..PLAIN }, [2, 5, 4], [6, 4], true),
        (Conv1d { padding: [0, 3], stride: 2, ..PLAIN }, [2, 5, 2], [2, 4], true),
        (Conv1d { groups: 2, padding: [9, 9], ..PLAIN }, [2, 1, 4], [2, 18], true),
        (Conv1d { groups: 2, stride: 2, padding: [1, 1], ..PLAIN }, [3, 8, 4], [2, 3], false),
        (Conv1d { groups: 4, stride: 2, dilation: 2, padding: [3, 3], gelu: false }, [5, 7, 4], [4, 3], true),
        (Conv1d { stride: 2, gelu: true, ..PLAIN }, [5, 9, 2], [3, 3], true),
        (Conv1d { stride: 2, gelu: true, ..PLAIN }, [1, 9, 2], [3, 3], false),
        (Conv1d { groups: 2, padding: [2, 1], gelu: true, ..PLAIN }, [2, 5, 4], [6, 4], true),
        (Conv1d { dilation: 2, padding: [1, 1], gelu: true, ..PLAIN }, [2, 8, 2], [2, 3], true),
    ];
    for (settings, extents, kernel, bias) in cases {
        let op = convolution(settings, extents, kernel, bias);
        check(&op, &operands(&op), &[true; 3], specification(op));
    }
}

/// One and two channels and several, few outputs and many, patches as they lie and laid out.
#[test]
fn device_kernels_agree_too() {
    let cases = [
        (PLAIN, [1, 1, 1], [1, 1], false),
        (PLAIN, [3, 3, 3], [3, 3], true),
        (PLAIN, [2, 5, 4], [12, 1], true),
        (Conv1d { stride: 5, ..PLAIN }, [2, 23, 1], [10, 10], true),
        (Conv1d { stride: 3, padding: [2, 2], ..PLAIN }, [2, 8, 3], [9, 4], true),
        (Conv1d { stride: 2, ..PLAIN }, [2, 10, 3], [9, 2], true),
        (Conv1d { stride: 4, ..PLAIN }, [2, 11, 3], [2, 2], true),
        (Conv1d { dilation: 3, padding: [4, 4], stride: 2, ..PLAIN }, [1, 3, 3], [9, 4], true),
        (Conv1d { groups: 2, padding: [2, 1], ..PLAIN }, [2, 5, 6], [18, 4], true),
        (Conv1d { groups: 2, padding: [9, 9], ..PLAIN }, [2, 1, 4], [2, 18], true),
        (Conv1d { groups: 4, stride: 2, dilation: 2, padding: [3, 3], gelu: false }, [5, 7, 4], [4, 3], true),
        (Conv1d { stride: 2, gelu: true, ..PLAIN }, [5, 9, 3], [9, 3], true),
        (Conv1d { stride: 2, gelu: true, ..PLAIN }, [1, 9, 2], [3, 3], false),
        (Conv1d { dilation: 2, padding: [1, 1], gelu: true, ..PLAIN }, [2, 8, 2], [2, 3], true),
    ];
    for (settings, extents, kernel, bias) in cases {
        let op = convolution(settings, extents, kernel, bias);
        let Some(device) = emulated(op) else { return };
        check(&device, &operands(&op), &[true; 3], specification(op));
    }
    for (settings, extents, kernel) in [
        (Conv1d { stride: 5, ..PLAIN }, [2, 2_000, 1], [24, 10]),
        (Conv1d { groups: 2, padding: [20, 20], ..PLAIN }, [3, 40, 36], [42, 40]),
    ] {
        let op = convolution(settings, extents, kernel, true);
        let Some(device) = emulated(op) else { return };
        let operands = operands(&op);
        let want = specification(op)(&operands);
        let tolerance = Tolerance { absolute: 1e-4, relative: 1e-5 };
        let (got, _) = run_forward(&device, &operands, &[want[0].len()]);
        agree("y", &got[0], &want[0], tolerance);
        let dy = vec![Numbers::new(3).take(want[0].len(), 1.0, 0.0)];
        let got = run_backward(&device, &operands, &dy);
        for (got, want) in got.iter().zip(&gradient(op, &operands, &dy[0])) {
            agree("gradient", got, want, tolerance);
        }
    }
}

/// Sums run over up to 2,000 products here: their rounding in f32 grows with the root of that.
#[test]
fn every_way_to_share_out_the_work_agrees() {
    for (settings, extents, kernel) in [
        // One utterance: a shared product, and the weight's gradient cut in time.
        (Conv1d { stride: 2, ..PLAIN }, [1, 1_500, 6], [5, 3]),
        // Many utterances: a task each, and runs of utterances.
        (Conv1d { stride: 2, padding: [1, 1], ..PLAIN }, [11, 90, 6], [20, 3]),
        // Frames narrower than a vector: the gradient of the input in blocks, whose edges the taps cross.
        (Conv1d { stride: 5, ..PLAIN }, [2, 9_000, 1], [24, 10]),
        (Conv1d { stride: 2, dilation: 3, padding: [4, 1], ..PLAIN }, [1, 1_700, 5], [20, 4]),
        // A gradient too large to be copied.
        (PLAIN, [2, 12, 200], [450, 3]),
        // More taps than a tile has, in groups that are no multiple of it.
        (Conv1d { groups: 2, padding: [20, 20], ..PLAIN }, [3, 40, 36], [42, 40]),
        // Blocks of outputs and of inputs within an utterance, whose edges the taps cross.
        (Conv1d { padding: [1, 1], ..PLAIN }, [4, 1_000, 2], [600, 2]),
        (Conv1d { dilation: 2, padding: [2, 2], ..PLAIN }, [1, 1_000, 2], [310, 3]),
        (Conv1d { stride: 2, ..PLAIN }, [1, 1_101, 300], [2, 3]),
    ] {
        let op = convolution(settings, extents, kernel, true);
        let operands = operands(&op);
        let want = specification(op)(&operands);
        let (got, _) = run_forward(&op, &operands, &[want[0].len()]);
        let tolerance = Tolerance { absolute: 1e-4, relative: 1e-5 };
        agree("y", &got[0], &want[0], tolerance);
        let dy = vec![Numbers::new(3).take(want[0].len(), 1.0, 0.0)];
        let got = run_backward(&op, &operands, &dy);
        for (index, name) in ["dx", "dw", "db"].into_iter().enumerate() {
            agree(name, &got[index], &gradient(op, &operands, &dy[0])[index], tolerance);
        }
    }
}

/// The gradients by plain loops over the definition.
fn gradient(op: Convolution, operands: &[Vec<f64>], dy: &[f64]) -> Vec<Vec<f64>> {
    let mut gradients: Vec<Vec<f64>> = operands.iter().map(|x| vec![0.0; x.len()]).collect();
    let Conv1d { stride, padding: [padding, _], dilation, .. } = op.settings;
    for (index, &dy) in dy.iter().enumerate() {
        let (b, t, o) =
            (index / op.outputs / op.out_time, index / op.outputs % op.out_time, index % op.outputs);
        gradients[2][o] += dy;
        for k in 0..op.taps {
            let at = t * stride + k * dilation;
            if at < padding || at >= padding + op.time {
                continue;
            }
            for c in 0..op.inner() {
                let channel = o / op.outer() * op.inner() + c;
                let x = (b * op.time + at - padding) * op.channels + channel;
                let w = (o * op.inner() + c) * op.taps + k;
                gradients[0][x] += dy * operands[1][w];
                gradients[1][w] += dy * operands[0][x];
            }
        }
    }
    gradients
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let grouped = Conv1d { groups: 4, padding: [8, 8], ..PLAIN };
    for (settings, extents, kernel) in [
        (Conv1d { stride: 2, ..PLAIN }, [6, 300, 16], [24, 3]),
        (Conv1d { stride: 5, ..PLAIN }, [3, 4_000, 1], [24, 10]),
        (Conv1d { stride: 5, ..PLAIN }, [2, 9_000, 1], [24, 10]),
        (grouped, [5, 90, 32], [32, 16]),
        (PLAIN, [1, 900, 8], [16, 3]),
        (PLAIN, [1, 64, 300], [300, 3]),
        (Conv1d { dilation: 2, ..PLAIN }, [1, 2_000, 80], [160, 3]),
    ] {
        let op = convolution(settings, extents, kernel, true);
        let operands = operands(&op);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (y, _) = run_forward(&op, &operands, &[op.batch * op.out_time * op.outputs]);
                let dy = vec![y[0].iter().map(|&y| f64::from(y)).collect()];
                (y, run_backward(&op, &operands, &dy))
            })
        };
        assert_eq!(run(1), run(2));
    }
}

/// Without a backward to come nothing is kept, and GELU follows each finished piece.
#[test]
fn inference_and_training_give_the_same_outputs() {
    for (settings, extents, kernel) in [
        (Conv1d { stride: 2, gelu: true, ..PLAIN }, [6, 300, 16], [500, 3]),
        (Conv1d { stride: 5, gelu: true, ..PLAIN }, [1, 4_000, 1], [400, 10]),
        (Conv1d { groups: 4, padding: [8, 8], gelu: true, ..PLAIN }, [5, 90, 32], [32, 16]),
        (Conv1d { dilation: 2, gelu: true, ..PLAIN }, [1, 2_000, 80], [160, 3]),
    ] {
        let op = convolution(settings, extents, kernel, true);
        let operands: Vec<Vec<f32>> =
            operands(&op).iter().map(|x| x.iter().map(|&x| x as f32).collect()).collect();
        let operands: Vec<&[f32]> = operands.iter().map(Vec::as_slice).collect();
        let [inference, training] = [false, true].map(|save| {
            let mut y = vec![0.0; op.batch * op.out_time * op.outputs];
            let kept = op.forward(&operands, &mut [&mut y], save);
            assert_eq!(kept.len(), if save { y.len() } else { 0 });
            y
        });
        assert!(inference == training, "{settings:?}");
    }
}

#[test]
fn a_row_of_the_batch_does_not_see_the_others() {
    let op = convolution(Conv1d { groups: 2, padding: [2, 2], ..PLAIN }, [5, 12, 4], [4, 4], true);
    let operands = operands(&op);
    let (whole, _) = run_forward(&op, &operands, &[5 * 13 * 4]);
    let one = Convolution { batch: 1, ..op };
    let row = vec![operands[0][2 * 48..3 * 48].to_vec(), operands[1].clone(), operands[2].clone()];
    let (alone, _) = run_forward(&one, &row, &[52]);
    assert_eq!(whole[0][2 * 52..3 * 52], alone[0]);
}

#[test]
fn gradients_are_added_and_only_where_wanted() {
    let op = convolution(Conv1d { stride: 2, ..PLAIN }, [2, 9, 3], [4, 3], true);
    let operands = operands(&op);
    let dy = Numbers::new(1).take(2 * 4 * 4, 1.0, 0.0);
    let fresh = run_backward(&op, &operands, std::slice::from_ref(&dy));
    let narrow = |x: &[f64]| -> Vec<f32> { x.iter().map(|&x| x as f32).collect() };
    let (x, w, dy) = (narrow(&operands[0]), narrow(&operands[1]), narrow(&dy));
    let mut dw = vec![1.0; w.len()];
    op.backward(Vec::new(), &[&x, &w, &[]], &[&dy], &mut [None, Some(Gradient::to_add(&mut dw)), None]);
    let want: Vec<f64> = fresh[1].iter().map(|&dw| f64::from(dw) + 1.0).collect();
    agree("dw", &dw, &want, Tolerance::F32);
}

#[test]
fn golden() {
    // torch 2.11.0: conv1d(x, w, b, stride=2, padding=2, groups=2) in f64; every value is exact in f32.
    let grid = |len: usize, step: usize, modulus: usize, unit: f32| -> Vec<f32> {
        (0..len).map(|i| ((i * step % modulus) as f32 - (modulus / 2) as f32) / unit).collect()
    };
    let device = Cpu::default();
    let array = |values, shape: Shape| Array::from_vec(&device, values, shape).unwrap().tracked();
    let x = array(grid(56, 7, 11, 4.0), [2, 7, 4].into());
    let w = array(grid(36, 5, 13, 8.0), [6, 2, 3].into());
    let b = array(grid(6, 3, 7, 2.0), [6].into());
    let mut tape = Tape::recording();
    let settings = Conv1d { stride: 2, padding: [2, 2], groups: 2, ..PLAIN };
    let y = conv1d(&mut tape, &x, &w, Some(&b), settings).unwrap();
    assert_eq!(y.shape(), [2, 5, 6].into());
    let first = [-1.75, 0.59375, 1.71875, 0.09375, 0.75, -0.875, -0.875, 0.28125, 1.84375, -2.78125];
    let last = [2.09375, 0.21875, -1.125, 0.25, 1.625, 0.09375, 1.25, -1.5];
    assert_eq!((&y.as_slice()[..10], &y.as_slice()[52..]), (&first[..], &last[..]));
    let mut grads = tape.backward(&device, vec![(y, grid(60, 3, 5, 2.0))]).unwrap();
    let dx = grads.to_vec(&x).unwrap();
    assert_eq!(dx[..8], [-0.75, -0.75, 1.0625, 0.9375, -1.0, -0.75, 0.125, -0.8125]);
    let dw = grads.to_vec(&w).unwrap();
    assert_eq!(dw[..8], [-2.25, 0.75, -0.125, 1.25, -1.25, 1.25, 1.875, 0.5]);
    assert_eq!(dw[32..], [1.25, 1.375, 0.25, -4.25]);
    assert_eq!(grads.to_vec(&b).unwrap(), [0.0; 6]);
}

#[test]
fn an_empty_batch_gives_an_empty_output() {
    let device = Cpu::default();
    let (x, w) = (Array::zeros(&device, [0, 8, 2]).unwrap(), Array::zeros(&device, [3, 2, 3]).unwrap());
    let y = conv1d(&mut Tape::silent(), &x, &w, None, PLAIN).unwrap();
    assert_eq!(y.shape(), [0, 6, 3].into());
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let refusal = |x: Shape, w: Shape, b: Option<Shape>, settings| {
        let array = |shape| Array::zeros(&device, shape).unwrap();
        let b = b.map(array);
        conv1d(&mut Tape::silent(), &array(x), &array(w), b.as_ref(), settings).unwrap_err().to_string()
    };
    let weight: Shape = [6, 2, 5].into();
    assert_eq!(
        refusal([1, 4, 3].into(), weight, None, PLAIN),
        "conv1d: x has shape [1, 4, 3], but the weight [6, 2, 5] takes 2 channels"
    );
    assert_eq!(
        refusal([1, 4, 2].into(), weight, None, PLAIN),
        "conv1d: x has shape [1, 4, 2], but the kernel reaches over 5 frames"
    );
    assert_eq!(
        refusal([4, 2].into(), weight, None, PLAIN),
        "conv1d: x has shape [4, 2], but it needs 3 axes"
    );
    assert_eq!(
        refusal([1, 9, 2].into(), weight, Some([5].into()), PLAIN),
        "conv1d: the bias has shape [5], but there are 6 outputs"
    );
    assert_eq!(
        refusal([1, 9, 8].into(), weight, None, Conv1d { groups: 4, ..PLAIN }),
        "conv1d: the weight has shape [6, 2, 5], but its 6 outputs do not divide into 4 groups"
    );
    assert_eq!(
        refusal([1, 9, 2].into(), weight, None, Conv1d { stride: 0, ..PLAIN }),
        "conv1d: the weight has shape [6, 2, 5], but extents, stride 0 and dilation 1 have to be positive"
    );
}
