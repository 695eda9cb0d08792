//! Cases: one tap, several, more rows than a block; PyTorch's numbers.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, follows, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Shape};

fn specification(operands: &[Vec<f64>]) -> Vec<Vec<f64>> {
    vec![reference::weight_norm(&operands[0], &operands[1])]
}

#[test]
fn agrees_with_the_specification() {
    for (outputs, inputs, taps) in [(1, 1, 1), (3, 2, 4), (8, 2, 5), (5, 1, 17)] {
        let mut numbers = Numbers::new(9);
        let operands = [numbers.take(taps, 0.5, 1.0), numbers.take(outputs * inputs * taps, 1.0, 0.1)];
        check(&WeightNorm { taps }, &operands, &[true, true], specification);
    }
}

/// Several chunks of rows and tiles of taps; rows of a warp and of a block.
#[test]
fn device_kernels_agree_too() {
    let operands = |gains: usize, len: usize| {
        let mut numbers = Numbers::new(9);
        [numbers.take(gains, 0.5, 1.0), numbers.take(len, 1.0, 0.1)]
    };
    let rows = |operands: &[Vec<f64>]| vec![reference::weight_norm_rows(&operands[0], &operands[1])];
    for (outputs, inputs, taps) in [(1, 1, 1), (3, 2, 4), (8, 2, 5), (5, 1, 17), (3, 50, 1)] {
        let (Some(device), Some(of_rows)) =
            (emulated(WeightNorm { taps }), emulated(RowWeightNorm { inputs: inputs * taps }))
        else {
            return;
        };
        check(&device, &operands(taps, outputs * inputs * taps), &[true; 2], specification);
        check(&of_rows, &operands(outputs, outputs * inputs * taps), &[true; 2], rows);
    }
    for (outputs, inputs, taps) in [(20, 11, 40), (2, 5_000, 1)] {
        let (op, of_rows) = (WeightNorm { taps }, RowWeightNorm { inputs: inputs * taps });
        let (Some(device), Some(device_of_rows)) = (emulated(op), emulated(of_rows)) else { return };
        let len = outputs * inputs * taps;
        follows(&device, &op, &operands(taps, len), &[len]);
        follows(&device_of_rows, &of_rows, &operands(outputs, len), &[len]);
    }
}

#[test]
fn golden() {
    // torch 2.11.0: parametrizations.weight_norm(Conv1d(2, 3, 2), dim=2) in f64.
    let (g, dw) = (vec![1.5, -0.5], (0..12).map(|i| f64::from(i * 3 % 5 - 2)).collect::<Vec<_>>());
    let v = (0..12).map(|i| f64::from(i * 5 % 7 - 3) / 2.0).collect();
    let (op, operands) = (WeightNorm { taps: 2 }, [g, v]);
    let (w, _) = run_forward(&op, &operands, &[12]);
    #[rustfmt::skip]
    let want = [
        -0.8660254037844386, -0.19245008972987526, 0.0, 0.19245008972987526, 0.8660254037844386, -0.09622504486493763,
        -0.28867513459481287, 0.28867513459481287, 0.5773502691896257, 0.0, -0.5773502691896257, -0.28867513459481287,
    ];
    agree("w", &w[0], &want, Tolerance::F32);
    let gradients = run_backward(&op, &operands, &[dw]);
    agree("dg", &gradients[0], &[2.5018511664883785, 0.3849001794597505], Tolerance::F32);
    #[rustfmt::skip]
    let want = [
        -0.3207501495497921, -0.1639389653254493, -0.5773502691896257, -0.4134113038641765, -0.8339503888294594,
        0.3991557416619635, 0.8553337321327789, 0.1496834031232363, 0.5987336124929452, 0.0, -0.5987336124929452,
        -0.1496834031232363,
    ];
    agree("dv", &gradients[1], &want, Tolerance::F32);
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let (op, mut numbers) = (WeightNorm { taps: 24 }, Numbers::new(4));
    let operands = [numbers.take(24, 0.5, 1.0), numbers.take(96 * 70 * 24, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (w, _) = run_forward(&op, &operands, &[96 * 70 * 24]);
            let dw = vec![w[0].iter().map(|&w| f64::from(w)).collect()];
            (w, run_backward(&op, &operands, &dw))
        })
    };
    let one = run(1);
    agree("w", &one.0[0], &specification(&operands)[0], Tolerance::F32);
    assert_eq!(one, run(2));
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let refusal = |g: Shape, v: Shape| {
        let array = |shape| Array::zeros(&device, shape).unwrap();
        weight_norm(&mut Tape::silent(), &array(g), &array(v)).unwrap_err().to_string()
    };
    assert_eq!(
        refusal([1, 1, 4].into(), [6, 2, 5].into()),
        "weight_norm: g has shape [1, 1, 4], but v [6, 2, 5] has 5 taps"
    );
    assert_eq!(
        refusal([5, 1, 1].into(), [6, 2, 5].into()),
        "weight_norm: g has shape [5, 1, 1], but v [6, 2, 5] has 5 taps"
    );
    assert_eq!(
        refusal([1, 1, 0].into(), [6, 2, 0].into()),
        "weight_norm: v has shape [6, 2, 0], but its extents have to be positive"
    );
}

#[test]
fn rows_agree_with_the_specification_and_finite_differences() {
    for (outputs, inputs) in [(1, 1), (3, 4), (17, 5)] {
        let mut numbers = Numbers::new(9);
        let operands = [numbers.take(outputs, 0.5, 1.0), numbers.take(outputs * inputs, 1.0, 0.1)];
        check(&RowWeightNorm { inputs }, &operands, &[true, true], |operands| {
            vec![reference::weight_norm_rows(&operands[0], &operands[1])]
        });
    }
}

#[test]
fn rows_are_taps_of_the_turned_weight() {
    let (outputs, inputs) = (6, 5);
    let mut numbers = Numbers::new(11);
    let (g, v) = (numbers.take(outputs, 0.5, 1.0), numbers.take(outputs * inputs, 1.0, 0.0));
    let turned: Vec<f64> = (0..inputs * outputs).map(|i| v[i % outputs * inputs + i / outputs]).collect();
    let rows = reference::weight_norm_rows(&g, &v);
    let taps = reference::weight_norm(&g, &turned);
    for (i, w) in taps.iter().enumerate() {
        assert!((w - rows[i % outputs * inputs + i / outputs]).abs() < 1e-15);
    }
}

#[test]
fn bytes_of_rows_do_not_depend_on_the_thread_count() {
    let (op, mut numbers) = (RowWeightNorm { inputs: 300 }, Numbers::new(4));
    let operands = [numbers.take(128, 0.5, 1.0), numbers.take(128 * 300, 1.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run_backward(&op, &operands, &operands[1..]))
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn misfits_of_rows_are_named() {
    let device = Cpu::default();
    let array = |shape: Shape| Array::zeros(&device, shape).unwrap();
    let error = weight_norm_rows(&mut Tape::silent(), &array([4].into()), &array([6, 2].into())).unwrap_err();
    assert_eq!(error.to_string(), "weight_norm_rows: g has shape [4], but v [6, 2] has 6 rows");
}
