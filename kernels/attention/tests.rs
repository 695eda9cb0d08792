//! Cases: one frame, one head, ragged and zero lengths, causal, several tiles of queries and keys, dropout.

use super::dropout::Dropout;
use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, differences, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Tape};

/// out, dq, dk, dv for the output gradient `dout`.
fn run(op: &Attention, operands: &[Vec<f64>], channels: usize, dout: &[f64]) -> [Vec<f32>; 4] {
    let device = Cpu::default();
    let narrow = |values: &[f64]| -> Vec<f32> { values.iter().map(|&x| x as f32).collect() };
    let shape = [op.lens.len(), dout.len() / channels / op.lens.len(), channels];
    let array = |i: usize| Array::from_vec(&device, narrow(&operands[i]), shape).unwrap().tracked();
    let (q, k, v) = (array(0), array(1), array(2));
    let mut tape = Tape::recording();
    let out = attention(&mut tape, &q, &k, &v, op.clone()).unwrap();
    let silent = attention(&mut Tape::silent(), &q, &k, &v, op.clone()).unwrap();
    let values = out.to_vec();
    assert_eq!(silent.to_vec(), values, "recording changes the output");
    let mut grads = tape.backward(&device, vec![(out, narrow(dout))]).unwrap();
    let mut gradient = |array: &Array<Cpu>| grads.to_vec(array).unwrap();
    [values, gradient(&q), gradient(&k), gradient(&v)]
}

fn op(heads: usize, per_head: usize, lens: &[usize]) -> Attention {
    let scale = 1.0 / (per_head as f32).sqrt();
    Attention {
        heads,
        scale,
        lens: lens.to_vec(),
        queries: Queries::Valid,
        causal: false,
        dropout: 0.0,
        seed: 0,
        scores: Scores::Tiles,
    }
}

fn operands(op: &Attention, time: usize, channels: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut numbers = Numbers::new(seed);
    let len = op.lens.len() * time * channels;
    ((0..3).map(|_| numbers.take(len, 1.5, 0.0)).collect(), numbers.take(len, 1.0, 0.0))
}

fn specification(op: &Attention, channels: usize) -> impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>> {
    move |inputs| vec![reference::attention(op, &inputs[0], &inputs[1], &inputs[2], channels)]
}

#[test]
fn agrees_with_the_specification() {
    for (heads, per_head, time, lens) in [
        (1, 1, 1, &[1][..]),
        (1, 4, 1, &[1]),
        (2, 3, 5, &[5, 3, 1]),
        (3, 2, 4, &[0, 4]),
        (1, 5, 17, &[17]),
        (2, 4, 7, &[0, 0]),
    ] {
        let answers = [Queries::Valid, Queries::All];
        let kinds = [(false, 0.0), (true, 0.0), (false, 0.3), (true, 0.3)];
        for ((causal, dropout), queries) in kinds.into_iter().flat_map(|kind| answers.map(|all| (kind, all)))
        {
            for scores in [Scores::Tiles, Scores::Whole] {
                let op = Attention { causal, dropout, queries, scores, seed: 5, ..op(heads, per_head, lens) };
                let channels = heads * per_head;
                let (operands, dout) = operands(&op, time, channels, (time * channels) as u64);
                let [out, gradients @ ..] = run(&op, &operands, channels, &dout);
                let specification = specification(&op, channels);
                agree("out", &out, &specification(&operands)[0], Tolerance::F32);
                for (i, gradient) in gradients.iter().enumerate() {
                    let want = differences(&operands, i, std::slice::from_ref(&dout), &specification);
                    agree(&format!("gradient {i}"), gradient, &want, Tolerance::F32_GRADIENT);
                }
            }
        }
    }
}

/// Ragged and empty rows, one slab of channels and several, more than a tile of queries and keys.
#[test]
fn device_kernels_agree_too() {
    let answers = [Queries::Valid, Queries::All];
    let kinds = [(false, 0.0), (true, 0.3)];
    for (heads, per_head, time, lens) in [
        (1, 1, 1, &[1][..]),
        (2, 3, 5, &[5, 3, 1]),
        (3, 2, 4, &[0, 4]),
        (1, 5, 17, &[17]),
        (2, 4, 7, &[0, 0]),
    ] {
        for ((causal, dropout), queries) in kinds.into_iter().flat_map(|kind| answers.map(|all| (kind, all)))
        {
            let constants = Attention { causal, dropout, queries, seed: 5, ..op(heads, per_head, lens) };
            let width = heads * per_head;
            let (operands, _) = operands(&constants, time, width, (time * width) as u64);
            let specification = specification(&constants, width);
            let Some(device) = emulated(AttentionOver { constants: constants.clone(), time, width }) else {
                return;
            };
            check(&device, &operands, &[true; 3], specification);
        }
    }
    for (heads, per_head, time, lens) in
        [(2, 4, 150, &[150, 70][..]), (1, 70, 80, &[75]), (1, 130, 66, &[66])]
    {
        for (causal, dropout) in kinds {
            let constants = Attention { causal, dropout, seed: 11, ..op(heads, per_head, lens) };
            let width = heads * per_head;
            let (operands, dout) = operands(&constants, time, width, 3);
            let [out, gradients @ ..] = run(&constants, &operands, width, &dout);
            let Some(device) = emulated(AttentionOver { constants, time, width }) else { return };
            let wide =
                |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
            let (got, _) = run_forward(&device, &operands, &[dout.len()]);
            agree("out", &got[0], &wide(&out), Tolerance::F32);
            for (got, want) in run_backward(&device, &operands, &[dout]).iter().zip(&gradients) {
                agree("gradient", got, &wide(want), Tolerance::F32_GRADIENT);
            }
        }
    }
}

/// What stands in padding is not read, be it no number.
#[test]
fn device_kernels_leave_padding_alone() {
    let constants = Attention { scale: 100.0, ..op(2, 3, &[4, 0]) };
    let (mut inputs, mut dout) = operands(&constants, 6, 6, 8);
    for values in inputs.iter_mut().chain([&mut dout]) {
        values[4 * 6..].fill(f64::NAN);
    }
    let Some(device) = emulated(AttentionOver { constants, time: 6, width: 6 }) else { return };
    let (out, _) = run_forward(&device, &inputs, &[dout.len()]);
    for values in out.iter().chain(&run_backward(&device, &inputs, &[dout])) {
        assert!(values.iter().all(|value| value.is_finite()));
        assert_eq!(values[4 * 6..], [0.0; 8 * 6]);
    }
}

/// Long enough for several tiles both ways. The gradient is held to the specification along one direction per operand.
#[test]
fn tiles_agree_with_the_specification() {
    let answers = [Queries::Valid, Queries::All];
    let kinds = [(false, 0.0), (true, 0.0), (false, 0.25), (true, 0.25)];
    for ((causal, dropout), queries) in kinds.into_iter().flat_map(|kind| answers.map(|all| (kind, all))) {
        let op = Attention { causal, dropout, queries, seed: 11, ..op(2, 4, &[1_100, 700]) };
        let (time, channels) = (1_100, 8);
        let (operands, dout) = operands(&op, time, channels, 3);
        let [out, gradients @ ..] = run(&op, &operands, channels, &dout);
        let specification = specification(&op, channels);
        agree("out", &out, &specification(&operands)[0], Tolerance::F32);
        let objective = |operands: &[Vec<f64>]| -> f64 {
            specification(operands)[0].iter().zip(&dout).map(|(y, d)| y * d).sum()
        };
        for (i, gradient) in gradients.iter().enumerate() {
            let direction = Numbers::new(100 + i as u64).take(gradient.len(), 1.0, 0.0);
            let moved = |step: f64| {
                let mut operands = operands.clone();
                operands[i].iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
                objective(&operands)
            };
            let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let got: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * d).sum();
            let size: f64 = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            assert!((got - want).abs() < 1e-5 * size.max(1.0), "gradient {i}: got {got}, want {want}");
        }
    }
}

/// Over the borders of the bands that threads take.
#[test]
fn scores_written_out_agree_with_the_specification() {
    for (causal, dropout) in [(false, 0.0), (true, 0.25)] {
        let op = Attention { causal, dropout, seed: 11, scores: Scores::Whole, ..op(2, 4, &[400, 300]) };
        let (operands, dout) = operands(&op, 400, 8, 3);
        let [out, dq, ..] = run(&op, &operands, 8, &dout);
        agree("out", &out, &specification(&op, 8)(&operands)[0], Tolerance::F32);
        let tiled = run(&Attention { scores: Scores::Tiles, ..op }, &operands, 8, &dout);
        let want: Vec<f64> = tiled[1].iter().map(|&value| f64::from(value)).collect();
        agree("dq", &dq, &want, Tolerance::F32_GRADIENT);
    }
}

fn wave(step: f64, scale: f64, phase: f64) -> Vec<f64> {
    (0..24).map(|i| f64::from(((f64::from(i) * step + phase).sin() * scale) as f32)).collect()
}

/// torch 2.11: q = sin(0.8·i)·2, k = sin(1.3·i + 0.2)·2, v = sin(0.5·i + 0.4), dout = sin(1.7·i + 0.1) in f32, B 2, T 3, H 2,
/// P 2, lengths 3 and 2, `F.scaled_dot_product_attention` with the masks, padded queries set to 0.
#[test]
#[rustfmt::skip]
fn gives_the_numbers_of_torch() {
    let inputs = [wave(0.8, 2.0, 0.0), wave(1.3, 2.0, 0.2), wave(0.5, 1.0, 0.4)];
    let dout = wave(1.7, 1.0, 0.1);
    let both_ways = [
        [0.4158625, 0.6114194, -0.5525286, -0.4832829, -0.764205, -0.8242582, 0.91528, 0.8739643, 0.4144145, 0.6702323, -0.5211628, -0.4914725, 0.2007057, 0.569612, 0.06411715, -0.3919698, 0.7849062, 0.5083314, 0.8528551, 0.9225239, 0.0, 0.0, 0.0, 0.0],
        [0.1792563, 0.1720312, 0.02346845, 0.01110142, 0.100457, 0.3218478, 0.05937641, 0.1630347, 0.01880845, 0.04625238, -0.05341079, 0.1825338, 0.09973086, 0.07304513, -0.005782107, -0.01005703, 0.07433622, 0.05444551, 0.02538293, 0.04414925, 0.0, 0.0, 0.0, 0.0],
        [-0.00193037, 0.09013893, 0.06643941, 0.04237197, -0.0100472, -0.2239423, -0.1798509, -0.1056621, 0.01197755, 0.1338032, 0.1134114, 0.06329003, 0.0001897552, 0.02013114, 0.05343072, 0.02735689, -0.0001897492, -0.02013112, -0.05343077, -0.02735692, 0.0, 0.0, 0.0, 0.0],
        [0.8364646, 0.9951246, -0.7487596, -0.5204447, 0.2217181, 0.3373611, -0.5882483, -0.382306, 0.5260454, 0.6788777, -0.7655264, -0.5668127, 0.9612888, -0.2463605, -0.6643506, 0.8093442, 0.8628688, -0.6246098, -0.9353678, 0.4738559, 0.0, 0.0, 0.0, 0.0],
    ];
    let causal = [
        [0.3894183, 0.7833269, 0.9854497, 0.9463001, 0.620183, 0.3443962, 0.9500142, 0.8996405, 0.4144145, 0.6702323, -0.5211628, -0.4914725, 0.1165492, 0.5784398, 0.8987081, 0.9989414, 0.7849062, 0.5083314, 0.8528551, 0.9225239, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.05014391, 0.03059133, 0.04696315, 0.06765843, 0.01880845, 0.04625238, -0.05341079, 0.1825338, 0.0, 0.0, 0.0, 0.0, 0.07433622, 0.05444551, 0.02538293, 0.04414925, 0.0, 0.0, 0.0, 0.0],
        [-0.001428582, -0.02827425, 0.03953188, 0.02640923, 0.005780132, 0.05790715, -0.2251845, -0.1361686, -0.004351545, -0.02963281, 0.1856526, 0.1097594, -0.01853355, -0.0687803, 0.04340483, 0.02186287, 0.01853356, 0.06878033, -0.0434049, -0.02186291, 0.0, 0.0, 0.0, 0.0],
        [0.9601522, 1.366222, -1.111015, -1.405434, 0.610318, 0.6405379, -0.451438, -0.03694239, 0.0137578, 0.004603144, -0.5400808, -0.02718646, 1.074953, -0.2700022, -1.565283, 1.239507, 0.7492048, -0.6009681, -0.03443519, 0.04369267, 0.0, 0.0, 0.0, 0.0],
    ];
    for (is_causal, want) in [(false, both_ways), (true, causal)] {
        let op = Attention { causal: is_causal, ..op(2, 2, &[3, 2]) };
        for (got, want) in run(&op, &inputs, 4, &dout).iter().zip(&want) {
            agree("torch", got, want, Tolerance::F32);
        }
    }
}

#[test]
fn padding_is_not_read_and_gives_zeros() {
    let case = op(2, 3, &[4, 0]);
    let (mut inputs, mut dout) = operands(&case, 6, 6, 8);
    let clean = run(&case, &inputs, 6, &dout);
    for values in inputs.iter_mut().chain([&mut dout]) {
        values[4 * 6..].fill(f64::NAN);
    }
    let padded = run(&case, &inputs, 6, &dout);
    assert_eq!(clean, padded);
    for values in padded {
        assert_eq!(values[4 * 6..], [0.0; 8 * 6]);
    }
}

#[test]
fn permuting_the_batch_permutes_the_output() {
    let case = op(2, 4, &[9, 5, 7]);
    let (inputs, dout) = operands(&case, 9, 8, 2);
    let rotated = |values: &Vec<f64>| [&values[72..], &values[..72]].concat();
    let turned = op(2, 4, &[5, 7, 9]);
    let inputs_turned: Vec<Vec<f64>> = inputs.iter().map(rotated).collect();
    let got = run(&turned, &inputs_turned, 8, &rotated(&dout));
    for (values, turned) in run(&case, &inputs, 8, &dout).iter().zip(got) {
        assert_eq!([&values[72..], &values[..72]].concat(), turned);
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let case = Attention { scale: 100.0, ..op(1, 2, &[3]) };
    let (inputs, dout) = operands(&case, 3, 2, 4);
    for values in run(&case, &inputs, 2, &dout) {
        assert!(values.iter().all(|x| x.is_finite()), "{values:?}");
    }
}

#[test]
fn dropout_drops_its_share_and_depends_on_every_coordinate() {
    let kept = |seed, b, h, i| -> Vec<bool> {
        let row = Dropout::new(0.25, seed, b, h).row(i, 0).unwrap();
        (0..4_000).map(|j| row.factor(j) > 0.0).collect()
    };
    let base = kept(1, 0, 0, 0);
    for other in [kept(2, 0, 0, 0), kept(1, 1, 0, 0), kept(1, 0, 1, 0), kept(1, 0, 0, 1)] {
        let share = other.iter().filter(|kept| **kept).count() as f64 / 4_000.0;
        assert!((share - 0.75).abs() < 0.03, "{share}");
        let same = base.iter().zip(&other).filter(|(a, b)| a == b).count() as f64 / 4_000.0;
        assert!((same - 0.625).abs() < 0.035, "two rows agree in {same} of their keys");
    }
    let dropout = Dropout::new(0.25, 1, 0, 0);
    assert_eq!(dropout.row(7, 0).unwrap().factor(530), dropout.row(7, 512).unwrap().factor(18));
    assert!(Dropout::new(0.0, 1, 0, 0).row(0, 0).is_none());
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let case = Attention { causal: true, dropout: 0.1, seed: 9, ..op(3, 8, &[600, 431]) };
    let (inputs, dout) = operands(&case, 600, 24, 5);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&case, &inputs, 24, &dout))
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn unwanted_gradients_are_skipped_and_the_others_unchanged() {
    let case = op(2, 4, &[6]);
    let (inputs, dout) = operands(&case, 6, 8, 6);
    let [_, dq, dk, dv] = run(&case, &inputs, 8, &dout);
    let device = Cpu::default();
    let narrow = |values: &[f64]| -> Vec<f32> { values.iter().map(|&x| x as f32).collect() };
    for (wanted, want) in [dq, dk, dv].iter().enumerate() {
        let arrays: Vec<Array<Cpu>> = (0..3)
            .map(|i| {
                let array = Array::from_vec(&device, narrow(&inputs[i]), [1, 6, 8]).unwrap();
                if i == wanted { array.tracked() } else { array }
            })
            .collect();
        let mut tape = Tape::recording();
        let out = attention(&mut tape, &arrays[0], &arrays[1], &arrays[2], case.clone()).unwrap();
        let mut grads = tape.backward(&device, vec![(out, narrow(&dout))]).unwrap();
        assert_eq!(&grads.to_vec(&arrays[wanted]).unwrap(), want);
    }
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let array = |shape: [usize; 3]| Array::zeros(&device, shape).unwrap();
    let (q, narrow) = (array([2, 5, 6]), array([2, 5, 4]));
    let refuse = |k: &Array<Cpu>, v: &Array<Cpu>, op| {
        attention(&mut Tape::silent(), &q, k, v, op).unwrap_err().to_string()
    };
    let (k, v) = (array([2, 5, 6]), array([2, 5, 6]));
    let ask = |heads, lens: &[usize]| op(heads, 2, lens);
    let on_q = |want: &str| format!("attention: q has shape [2, 5, 6], but {want}");
    assert_eq!(refuse(&narrow, &v, ask(3, &[5, 5])), "attention: k has shape [2, 5, 4], but q has [2, 5, 6]");
    assert_eq!(refuse(&k, &narrow, ask(3, &[5, 5])), "attention: v has shape [2, 5, 4], but q has [2, 5, 6]");
    assert_eq!(refuse(&k, &v, ask(4, &[5, 5])), on_q("its channels must split into 4 heads"));
    assert_eq!(refuse(&k, &v, ask(0, &[5, 5])), on_q("its channels must split into 0 heads"));
    assert_eq!(refuse(&k, &v, ask(3, &[5])), on_q("there are 1 lengths"));
    assert_eq!(refuse(&k, &v, ask(3, &[5, 6])), on_q("row 1 is 6 frames long"));
}
