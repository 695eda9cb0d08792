//! Cases: repeats, empty, infeasible and exactly fitting targets, short inputs, the blank inside a target, long utterances.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, check, differences, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::{Cpu, Tape};

/// Losses and, for the weights `dlosses`, the gradient.
fn run(op: &CtcLoss, logits: &[f64], classes: usize, dlosses: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let device = Cpu::default();
    let values: Vec<f32> = logits.iter().map(|&x| x as f32).collect();
    let (batch, rows) = (op.targets.len(), values.len() / classes);
    let logits = Array::from_vec(&device, values, [batch, rows / batch, classes]).unwrap().tracked();
    let mut tape = Tape::recording();
    let losses = ctc_loss(&mut tape, &logits, op.clone()).unwrap();
    let silent = ctc_loss(&mut Tape::silent(), &logits, op.clone()).unwrap();
    let values = losses.to_vec();
    assert_eq!(silent.to_vec().map_bits(), values.map_bits(), "recording changes the losses");
    let mut grads = tape.backward(&device, vec![(losses, dlosses.to_vec())]).unwrap();
    (values, grads.to_vec(&logits).unwrap())
}

trait Bits {
    fn map_bits(&self) -> Vec<u32>;
}

impl Bits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|x| x.to_bits()).collect()
    }
}

fn specification(op: &CtcLoss, classes: usize) -> impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>> {
    move |inputs| {
        let per_utterance = inputs[0].len() / op.targets.len();
        let loss = |(b, target): (usize, &Vec<u32>)| {
            let frames = &inputs[0][b * per_utterance..][..op.input_lens[b] * classes];
            reference::ctc_loss(frames, classes, target, op.blank)
        };
        vec![op.targets.iter().enumerate().map(loss).collect()]
    }
}

fn op(targets: &[&[u32]], input_lens: &[usize], blank: u32) -> CtcLoss {
    let targets = targets.iter().map(|target| target.to_vec()).collect();
    CtcLoss { targets, input_lens: input_lens.to_vec(), blank, zero_infinity: true }
}

#[test]
fn agrees_with_the_specification() {
    let cases = [
        (op(&[&[]], &[1], 0), 1, 2),
        (op(&[&[1]], &[1], 0), 1, 3),
        (op(&[&[1, 1], &[2, 1], &[]], &[3, 2, 4], 0), 4, 3),
        (op(&[&[1, 2, 2, 3, 1], &[4, 0, 4]], &[7, 9], 0), 9, 5),
        (op(&[&[0, 2, 2], &[1, 0]], &[5, 6], 3), 6, 4),
        (op(&[&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 17, 18]], &[25], 0), 25, 19),
    ];
    for (op, time, classes) in cases {
        let batch = op.targets.len();
        let mut numbers = Numbers::new((time * classes) as u64);
        let logits = numbers.take(batch * time * classes, 2.0, 0.0);
        let dlosses = numbers.take(batch, 1.0, 0.0);
        let narrow: Vec<f32> = dlosses.iter().map(|&d| d as f32).collect();
        let (losses, dlogits) = run(&op, &logits, classes, &narrow);
        let inputs = [logits];
        let specification = specification(&op, classes);
        agree("losses", &losses, &specification(&inputs)[0], Tolerance::F32);
        let want = differences(&inputs, 0, &[dlosses], &specification);
        agree("gradient", &dlogits, &want, Tolerance::F32_GRADIENT);
    }
}

/// Repeats, empty and infeasible targets, utterances without frames, the blank inside a target, more states than threads of a warp.
#[test]
fn device_kernels_agree_too() {
    let cases = [
        (op(&[&[]], &[1], 0), 1, 2),
        (op(&[&[1]], &[1], 0), 1, 3),
        (op(&[&[1, 1], &[2, 1], &[]], &[3, 2, 4], 0), 4, 3),
        (op(&[&[0, 2, 2], &[1, 0]], &[5, 6], 3), 6, 4),
        (op(&[&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 17, 18]], &[25], 0), 25, 19),
    ];
    for (constants, time, classes) in cases {
        let logits = Numbers::new(7).take(constants.targets.len() * time * classes, 2.0, 0.0);
        let specification = specification(&constants, classes);
        let Some(device) = emulated(CtcLossOver { constants: constants.clone(), time, classes }) else {
            return;
        };
        check(&device, &[logits], &[true], specification);
    }
    for zero_infinity in [true, false] {
        let (constants, logits) = torch_case(zero_infinity);
        agree_with_the_cpu(constants, logits, [6, 4]);
        let none = CtcLoss { zero_infinity, ..op(&[&[1], &[]], &[0, 2], 0) };
        agree_with_the_cpu(none, Numbers::new(3).take(18, 1.0, 0.0), [3, 3]);
    }
    let target: Vec<u32> = (0..50).map(|i| 1 + (i * i + i / 3) % 31).collect();
    let mut logits = Numbers::new(9).take(200 * 32, 1.0, 0.0);
    logits.iter_mut().step_by(32).for_each(|blank| *blank += 14.0);
    agree_with_the_cpu(op(&[&target], &[200], 0), logits, [200, 32]);
    let none = op(&[&[], &[1]], &[0, 0], 0);
    let Some(device) = emulated(CtcLossOver { constants: none, time: 0, classes: 3 }) else { return };
    let (losses, _) = run_forward(&device, &[vec![]], &[2]);
    assert_eq!(losses[0], [0.0, 0.0]);
}

/// Losses and gradients of the device's kernels, against the CPU's; no number stands for no number, infinity for infinity.
fn agree_with_the_cpu(constants: CtcLoss, logits: Vec<f64>, [time, classes]: [usize; 2]) {
    let batch = constants.targets.len();
    let (losses, dlogits) = run(&constants, &logits, classes, &vec![0.5; batch]);
    let Some(device) = emulated(CtcLossOver { constants, time, classes }) else { return };
    let inputs = [logits];
    let (got, _) = run_forward(&device, &inputs, &[batch]);
    let gradient = run_backward(&device, &inputs, &[vec![0.5; batch]]);
    for (got, want) in [(&got[0], losses), (&gradient[0], dlogits)] {
        let plain = |value: f32| if value.is_finite() { value } else { 0.0 };
        let wide: Vec<f64> = want.iter().map(|&want| f64::from(plain(want))).collect();
        let narrow: Vec<f32> = got.iter().map(|&got| plain(got)).collect();
        assert!(got.iter().zip(&want).all(|(got, want)| got.is_nan() == want.is_nan()));
        assert!(got.iter().zip(&want).all(|(got, want)| got.is_infinite() == want.is_infinite()));
        agree("ctc_loss", &narrow, &wide, Tolerance::F32);
    }
}

/// torch 2.11: `x = sin(0.7·i + 0.3)·2` in f32, [6, 6, 4], `F.ctc_loss(log_softmax(x), …, blank=0, reduction="none")`.
fn torch_case(zero_infinity: bool) -> (CtcLoss, Vec<f64>) {
    let targets: [&[u32]; 6] = [&[1, 2], &[2, 2, 1], &[], &[1, 1, 2, 2], &[3, 1], &[1, 0, 2]];
    let op = CtcLoss { zero_infinity, ..op(&targets, &[6, 5, 6, 5, 2, 6], 0) };
    let logits = (0..144).map(|i| f64::from(((f64::from(i) * 0.7 + 0.3).sin() * 2.0) as f32)).collect();
    (op, logits)
}

#[test]
#[rustfmt::skip]
fn gives_the_numbers_of_torch() {
    let (op, logits) = torch_case(true);
    let (losses, dlogits) = run(&op, &logits, 4, &[1.0, 0.5, 2.0, 1.0, -1.0, 0.25]);
    agree("losses", &losses, &[5.193107, 5.321685, 10.41358, 0.0, 1.243682, 6.09964], Tolerance::F32);
    let want = [
        [-0.2313098, -0.3762699, 0.3967703, 0.2108094, 0.0439512, -0.1975392, 0.0526824, 0.1009056, -0.1647828, -0.3401995, 0.0243629, 0.4806194, 0.0418442, 0.09093313, -0.1595901, 0.0268128, -0.1690589, 0.05526268, -0.5692425, 0.6830386, -0.2973828, 0.3018585, -0.02742233, 0.02294659],
        [0.007766202, 0.03143639, -0.3930976, 0.353895, -0.2580417, 0.2057673, 0.02402052, 0.02825386, -0.05432512, 0.06253299, -0.2424265, 0.2342187, 0.03705566, -0.08344968, -0.04827506, 0.09466909, 0.1215953, -0.2260517, 0.04498835, 0.05946808, 0.0, 0.0, 0.0, 0.0],
        [-0.5583267, 0.3900657, 0.109839, 0.05842206, -1.958071, 0.1250407, 0.4919883, 1.341042, -0.776198, 0.5770611, 0.1550745, 0.04406237, -1.913007, 0.1202867, 0.3636901, 1.42903, -1.292419, 0.8148492, 0.3769264, 0.1006434, -1.578059, 0.2338872, 0.3307071, 1.013465],
        [0.0; 24],
        [-0.03837462, -0.05798981, -0.1846883, 0.2810527, -0.3818016, 0.5989681, -0.1721884, -0.04497807, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.002342691, -0.02557424, 0.01425403, 0.00897752, -0.03357967, -0.1936819, 0.06718586, 0.1600757, -0.05780217, 0.03625527, 0.01629133, 0.005255575, -0.11116, 0.0006840661, -0.06983486, 0.1803108, -0.06444307, 0.09815629, -0.04380925, 0.01009603, -0.06568906, 0.02528928, -0.1032837, 0.1436835],
    ];
    agree("gradient", &dlogits, want.as_flattened(), Tolerance::F32);
}

#[test]
fn an_infeasible_target_is_infinite_where_it_is_not_zeroed() {
    let (op, logits) = torch_case(false);
    let (losses, dlogits) = run(&op, &logits, 4, &[1.0; 6]);
    assert_eq!(losses[3], f32::INFINITY);
    let of_infeasible = &dlogits[3 * 24..4 * 24];
    assert!(of_infeasible[..20].iter().all(|d| d.is_nan()), "as in torch, the valid frames have no gradient");
    assert_eq!(of_infeasible[20..], [0.0; 4]);
    assert!(dlogits[..3 * 24].iter().chain(&dlogits[4 * 24..]).all(|d| d.is_finite()));
}

#[test]
fn no_frames_spell_the_empty_target_alone() {
    let case = op(&[&[], &[1]], &[0, 0], 0);
    let never_zeroed = CtcLoss { zero_infinity: false, ..case.clone() };
    let (losses, dlogits) = run(&never_zeroed, &[0.5; 12], 3, &[1.0, 1.0]);
    assert_eq!((losses, dlogits), (vec![0.0, f32::INFINITY], vec![0.0; 12]));
    let (losses, dlogits) = run(&case, &[0.5; 12], 3, &[1.0, 1.0]);
    assert_eq!((losses, dlogits), (vec![0.0, 0.0], vec![0.0; 12]));
    let device = Cpu::default();
    let none = Array::zeros(&device, [2, 0, 3]).unwrap().tracked();
    let losses = ctc_loss(&mut Tape::recording(), &none, never_zeroed).unwrap();
    assert_eq!(losses.to_vec(), [0.0, f32::INFINITY]);
}

#[test]
fn a_class_that_cannot_be_spoken_makes_its_target_infeasible() {
    let mut logits = vec![0.0; 12];
    (0..4).for_each(|t| logits[t * 3 + 1] = f64::NEG_INFINITY);
    let (losses, dlogits) = run(&op(&[&[1], &[2]], &[2, 2], 0), &logits, 3, &[1.0, 1.0]);
    assert_eq!(losses[0], 0.0);
    assert!((losses[1] - (4.0f32 / 3.0).ln()).abs() < 1e-6, "{losses:?}");
    assert!(dlogits.iter().all(|d| d.is_finite()), "{dlogits:?}");
    let not_zeroed = CtcLoss { zero_infinity: false, ..op(&[&[1], &[2]], &[2, 2], 0) };
    assert_eq!(run(&not_zeroed, &logits, 3, &[1.0, 1.0]).0[0], f32::INFINITY);
}

#[test]
fn a_broken_frame_is_not_taken_for_an_infeasible_target() {
    let (losses, _) =
        run(&op(&[&[1], &[1]], &[2, 2], 0), &[0.0, f64::NAN, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 2, &[1.0, 1.0]);
    assert!(losses[0].is_nan() && losses[1].is_finite(), "{losses:?}");
}

/// 1,000 frames, 300 labels, blanks near certain: ln p spans thousands. Each frame's gradient sums to 0, and the loss keeps
/// the precision of f32.
#[test]
fn long_peaked_utterances_keep_their_precision() {
    let (time, classes) = (1_000, 32);
    let mut logits = Numbers::new(9).take(time * classes, 1.0, 0.0);
    logits.iter_mut().step_by(classes).for_each(|blank| *blank += 14.0);
    let target: Vec<u32> = (0..300).map(|i| 1 + (i * i + i / 3) % 31).collect();
    let case =
        CtcLoss { targets: vec![target.clone()], input_lens: vec![time], blank: 0, zero_infinity: true };
    let (losses, dlogits) = run(&case, &logits, classes, &[1.0]);
    // The plain specification underflows here: take it in log space.
    let want = log_space_loss(&logits, classes, &target);
    agree("loss", &losses, &[want], Tolerance { absolute: 0.0, relative: 2e-7 });
    for frame in dlogits.chunks(classes) {
        assert!(frame.iter().sum::<f32>().abs() < 2e-4, "{:e}", frame.iter().sum::<f32>());
    }
}

fn log_space_loss(logits: &[f64], classes: usize, target: &[u32]) -> f64 {
    let mut path = vec![0];
    target.iter().for_each(|&label| path.extend([label as usize, 0]));
    let add = |a: f64, b: f64| {
        if a.max(b) == f64::NEG_INFINITY { a } else { a.max(b) + (-(a - b).abs()).exp().ln_1p() }
    };
    let mut log_p = vec![f64::NEG_INFINITY; path.len()];
    for (t, frame) in logits.chunks(classes).enumerate() {
        let log_sum = frame.iter().map(|x| x.exp()).sum::<f64>().ln();
        let before = log_p.clone();
        for s in 0..path.len() {
            let mut from = if t == 0 && s < 2 { 0.0 } else { before[s] };
            if s >= 1 {
                from = add(from, before[s - 1]);
            }
            if s >= 2 && path[s] != path[s - 2] {
                from = add(from, before[s - 2]);
            }
            log_p[s] = from + frame[path[s]] - log_sum;
        }
    }
    -add(log_p[path.len() - 1], log_p[path.len() - 2])
}

#[test]
fn utterances_do_not_see_each_other() {
    let (time, classes) = (8, 5);
    let logits = Numbers::new(4).take(3 * time * classes, 2.0, 0.0);
    let targets: [&[u32]; 3] = [&[1, 2], &[3], &[4, 4]];
    let (losses, dlogits) = run(&op(&targets, &[8, 5, 7], 0), &logits, classes, &[1.0; 3]);
    let per = time * classes;
    for b in 0..3 {
        let alone = op(&targets[b..=b], &[[8, 5, 7][b]], 0);
        let (loss, dlogit) = run(&alone, &logits[b * per..][..per], classes, &[1.0]);
        assert_eq!((loss[0], &dlogit[..]), (losses[b], &dlogits[b * per..][..per]));
    }
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    let (batch, time, classes) = (5, 60, 11);
    let logits = Numbers::new(6).take(batch * time * classes, 3.0, 0.0);
    let targets = (0..batch).map(|b| (0..9 + b).map(|i| (1 + (i * 3 + b) % 10) as u32).collect()).collect();
    let case = CtcLoss { targets, input_lens: vec![60, 50, 41, 33, 20], blank: 0, zero_infinity: true };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&case, &logits, classes, &[0.7; 5]))
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn misfits_are_named() {
    let device = Cpu::default();
    let logits = Array::zeros(&device, [2, 5, 4]).unwrap();
    let refuse = |op| ctc_loss(&mut Tape::silent(), &logits, op).unwrap_err().to_string();
    let named = |want: &str| format!("ctc_loss: logits has shape [2, 5, 4], but {want}");
    assert_eq!(refuse(op(&[&[1]], &[5, 5], 0)), named("there are 1 targets"));
    assert_eq!(refuse(op(&[&[1], &[]], &[5], 0)), named("there are 1 lengths"));
    assert_eq!(refuse(op(&[&[1], &[]], &[5, 6], 0)), named("utterance 1 is 6 frames long"));
    assert_eq!(refuse(op(&[&[1], &[]], &[5, 5], 4)), named("the blank is class 4"));
    assert_eq!(refuse(op(&[&[1], &[2, 4]], &[5, 5], 0)), named("the target of utterance 1 holds class 4"));
}
