//! The update against its specification, a hundred updates of PyTorch, and the promises around it.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree};
use reference::Element;

const CONSTANTS: AdamW =
    AdamW { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 5e-3, step: 1, grad_scale: 1.0 };

fn array(values: &[f32]) -> Array<Cpu> {
    Array::from_vec(&Cpu::default(), values.to_vec(), [values.len()]).expect("fits")
}

/// Hands `work` a gradient buffer holding `values`, as a backward pass leaves it.
fn with_grad<R>(values: &[f32], work: impl FnOnce(&<Cpu as dfdx::prelude::Storage<f32>>::Vec) -> R) -> R {
    let x = array(values).tracked();
    let mut tape = crate::Tape::recording();
    let out = crate::silu::silu(&mut tape, &x).expect("runs");
    let mut grads = tape.backward(&Cpu::default(), vec![(out, vec![0.0; values.len()])]).expect("runs");
    let buffer = grads.buffer(&x).expect("room");
    buffer.copy_from_slice(values);
    work(buffer)
}

/// Parameter and both moments after `steps` updates.
fn train(
    start: &[f32],
    steps: u64,
    constants: impl Fn(u64) -> AdamW,
    grad: impl Fn(u64) -> Vec<f32>,
) -> [Vec<f32>; 3] {
    let mut state = [array(start), array(&vec![0.0; start.len()]), array(&vec![0.0; start.len()])];
    for step in 1..=steps {
        let [param, moment1, moment2] = &mut state;
        with_grad(&grad(step), |grad| Cpu::adamw_step(param, grad, moment1, moment2, constants(step)))
            .expect("fits");
    }
    state.map(|array| array.to_vec())
}

/// torch 2.11:
/// ```text
/// a = torch.tensor([1., -.5, .25, 2., 1e-3], requires_grad=True); b = a.detach().clone().requires_grad_()
/// opt = torch.optim.AdamW([{"params": [a], "weight_decay": 5e-3}, {"params": [b], "weight_decay": 0.}], lr=1e-3)
/// for n in range(1, 101):
///     for g in opt.param_groups: g["lr"] = 1e-3 * (n - 1) / 10
///     a.grad = torch.tensor([((n * (i + 3)) % 7 - 3) / 4 for i in range(5)]); b.grad = a.grad.clone(); opt.step()
/// for t in (a, b, opt.state[a]["exp_avg"], opt.state[a]["exp_avg_sq"]): print(["%.9g" % v for v in t.tolist()])
/// ```
#[test]
fn a_hundred_updates_are_those_of_pytorch() {
    let start = [1.0, -0.5, 0.25, 2.0, 1e-3];
    let grad = |n: u64| (0..5).map(|i| ((n * (i + 3)) % 7) as f32 / 4.0 - 0.75).collect();
    let constants = |weight_decay| {
        move |step: u64| AdamW { lr: 1e-4 * (step - 1) as f64, weight_decay, step, ..CONSTANTS }
    };
    let exact = Tolerance { absolute: 0.0, relative: 1e-6 };
    let [decayed, moment1, moment2] = train(&start, 100, constants(5e-3), grad);
    agree("decayed", &decayed, &[0.996640623, -0.498890519, 0.248095602, 1.99351454, 0.495393395], exact);
    // The third one is what cancellation leaves of gradients near 1: its own size is no measure of its rounding.
    let rounded = Tolerance { absolute: 1e-8, relative: 1e-6 };
    let want = [0.0304948073, -0.0521988049, 0.00027403867, 0.0329401419, -0.749980092];
    agree("moment1", &moment1, &want, rounded);
    let want = [0.0238763895, 0.0236321483, 0.0235636383, 0.0241142008, 0.0535544679];
    agree("moment2", &moment2, &want, exact);
    let [plain, ..] = train(&start, 100, constants(0.0), grad);
    agree("not decayed", &plain, &[0.999109566, -0.500129044, 0.248710424, 1.99845314, 0.495999843], exact);
}

#[test]
fn agrees_with_the_specification() {
    for len in [0usize, 1, 17, 40_003] {
        let mut numbers = Numbers::new(4);
        let start = numbers.take(len, 1.0, 0.0);
        let grads: Vec<Vec<f64>> = (0..3).map(|_| numbers.take(len, 5.0, 1.0)).collect();
        let narrow = |x: &[f64]| -> Vec<f32> { x.iter().map(|&x| x as f32).collect() };
        let constants = |step| AdamW { step, grad_scale: 0.25, ..CONSTANTS };
        let got = train(&narrow(&start), 3, constants, |n| narrow(&grads[n as usize - 1]));
        let mut want = [start.clone(), vec![0.0; len], vec![0.0; len]];
        for i in 0..len {
            let mut element = Element { param: start[i], moment1: 0.0, moment2: 0.0 };
            for (grad, step) in grads.iter().zip(1..) {
                reference::step(&mut element, grad[i], &constants(step));
            }
            (want[0][i], want[1][i], want[2][i]) = (element.param, element.moment1, element.moment2);
        }
        for (got, want) in got.iter().zip(&want) {
            agree("adamw", got, want, Tolerance { absolute: 1e-6, relative: 1e-6 });
        }
    }
}

/// The emulator's order of threads changes nothing, and lengths that leave a rest are worked on to their end.
#[test]
fn device_kernels_agree_too() {
    use crate::cuda::Part;
    use crate::cuda::emulator::Emulator;
    for len in [0usize, 1, 5, 8, 1_030, 9_001] {
        let mut numbers = Numbers::new(4);
        let mut take = |scale, shift| -> Vec<f32> {
            numbers.take(len, scale, shift).iter().map(|&value| value as f32).collect()
        };
        let state = [take(1.0, 0.0), take(5.0, 1.0), take(0.1, 0.0), take(0.01, 0.02)];
        let constants = AdamW { step: 3, grad_scale: 0.25, ..CONSTANTS };
        let [mut param, mut moment1, mut moment2] = [0, 2, 3].map(|index| array(&state[index]));
        with_grad(&state[1], |grad| Cpu::adamw_step(&mut param, grad, &mut moment1, &mut moment2, constants))
            .expect("fits");
        let squares = with_grad(&state[1], |grad| Cpu::sum_squares(&[grad])).expect("runs");
        for descending in [false, true] {
            let Some(gpu) = Emulator::new(descending) else { return };
            let lent = state.each_ref().map(|values| gpu.holding(values));
            let parts: [Part; 4] = lent.each_ref().map(|buffer| buffer.part());
            cuda::update(&gpu, parts, &constants).expect("runs");
            for (part, want) in [(parts[0], &param), (parts[2], &moment1), (parts[3], &moment2)] {
                let want: Vec<f64> = want.to_vec().into_iter().map(f64::from).collect();
                agree("adamw", &gpu.values(part), &want, Tolerance { absolute: 1e-7, relative: 1e-6 });
            }
            assert_eq!(gpu.values(parts[1]), state[1]);
            let got = cuda::sum_squares(&gpu, &parts[1..2]).expect("runs");
            assert!((got - squares).abs() <= 1e-13 * squares, "{got} and {squares}");
        }
    }
}

/// Empty ones, one of less than a block and one of several between them.
#[test]
fn the_device_sums_the_squares_of_many_gradients_at_once() {
    use crate::cuda::Part;
    use crate::cuda::emulator::Emulator;
    let values = |len: usize| -> Vec<f32> {
        Numbers::new(len as u64).take(len, 2.0, 0.0).iter().map(|&value| value as f32).collect()
    };
    let grads = [0, 3, 9_001, 0, 4_096].map(values);
    let squares: f64 = grads.iter().flatten().map(|&value| f64::from(value).powi(2)).sum();
    for descending in [false, true] {
        let Some(gpu) = Emulator::new(descending) else { return };
        let lent = grads.each_ref().map(|values| gpu.holding(values));
        let parts: [Part; 5] = lent.each_ref().map(|buffer| buffer.part());
        let got = cuda::sum_squares(&gpu, &parts).expect("runs");
        assert!((got - squares).abs() <= 1e-13 * squares, "{got} and {squares}");
        assert_eq!(cuda::sum_squares(&gpu, &[]), Ok(0.0));
    }
}

#[test]
fn a_rate_of_zero_moves_the_moments_alone() {
    let [param, moment1, moment2] =
        train(&[1.0, -2.0], 1, |_| AdamW { lr: 0.0, ..CONSTANTS }, |_| vec![1.0, 2.0]);
    assert_eq!(param, [1.0, -2.0]);
    agree(
        "moments",
        &[moment1, moment2].concat(),
        &[0.1, 0.2, 0.001, 0.004],
        Tolerance { absolute: 0.0, relative: 1e-6 },
    );
}

#[test]
fn scaling_in_the_update_is_scaling_before_it() {
    let scaled = train(
        &[1.0, 3.0],
        5,
        |step| AdamW { step, grad_scale: 0.125, ..CONSTANTS },
        |n| vec![n as f32, -8.0],
    );
    let before = train(&[1.0, 3.0], 5, |step| AdamW { step, ..CONSTANTS }, |n| vec![n as f32 / 8.0, -1.0]);
    assert_eq!(scaled, before);
}

#[test]
fn the_sum_of_squares_neither_overflows_nor_vanishes() {
    let sum = |values: &[f32]| with_grad(values, |grad| Cpu::sum_squares(&[grad])).expect("runs");
    assert_eq!(sum(&[]), 0.0);
    assert_eq!(sum(&[3.0, -4.0]), 25.0);
    assert_eq!(sum(&[1e30; 4]), 4.0 * f64::from(1e30f32).powi(2));
    assert_eq!(sum(&[1e-30; 50_000]) / (50_000.0 * f64::from(1e-30f32).powi(2)), 1.0);
    let finite = |values: &[f32]| with_grad(values, Cpu::is_finite).expect("runs");
    assert!(finite(&[f32::MAX; 100]));
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = vec![1.0; 40_000];
        values[31_234] = broken;
        assert!(!finite(&values));
    }
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let grad: Vec<f32> = Numbers::new(7).take(100_003, 1.0, 0.0).iter().map(|&x| x as f32).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let sum = with_grad(&grad, |grad| Cpu::sum_squares(&[grad])).expect("runs");
            (sum.to_bits(), train(&grad, 2, |step| AdamW { step, ..CONSTANTS }, |_| grad.clone()))
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn a_clone_keeps_its_values() {
    let mut param = array(&[1.0]);
    let before = param.clone();
    let (mut moment1, mut moment2) = (array(&[0.0]), array(&[0.0]));
    with_grad(&[1.0], |grad| Cpu::adamw_step(&mut param, grad, &mut moment1, &mut moment2, CONSTANTS))
        .expect("fits");
    assert_eq!(before.to_vec(), [1.0]);
    assert_ne!(param.to_vec(), [1.0]);
}

#[test]
fn refuses_what_is_not_the_parameters() {
    let refusal = |grad: &[f32], m: usize, v: usize| {
        let (mut param, mut m, mut v) = (array(&[1.0; 3]), array(&vec![0.0; m]), array(&vec![0.0; v]));
        let done = with_grad(grad, |grad| Cpu::adamw_step(&mut param, grad, &mut m, &mut v, CONSTANTS));
        done.expect_err("refused").to_string()
    };
    assert_eq!(refusal(&[1.0; 2], 3, 3), "adamw: the parameter has shape [3], but its gradient has 2 values");
    assert_eq!(refusal(&[1.0; 3], 2, 3), "adamw: moment1 has shape [2], but the parameter has [3]");
    assert_eq!(refusal(&[1.0; 3], 3, 4), "adamw: moment2 has shape [4], but the parameter has [3]");
}
