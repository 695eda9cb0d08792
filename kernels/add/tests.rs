//! The kernel against its specification, and the residual use it is for.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;
use crate::dropout::dropout;

/// Nothing is dropped.
const ALL: Add = Add { factors: None };

fn inputs(len: usize) -> [Vec<f64>; 2] {
    let mut numbers = Numbers::new(6);
    [numbers.take(len, 2.0, 0.0), numbers.take(len, 1.0, 0.5)]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for len in [0, 1, 15, 133] {
        check(&ALL, &inputs(len), &[true; 2], reference::forward);
    }
    let many = inputs(100_003);
    let (got, ()) = run_forward(&ALL, &many, &[100_003]);
    agree("add", &got[0], &reference::forward(&many)[0], Tolerance::F32);
}

#[test]
fn device_kernels_agree_too() {
    for len in [0, 1, 15, 133] {
        let Some(device) = emulated(ALL) else { return };
        check(&device, &inputs(len), &[true; 2], reference::forward);
    }
    let op = Add { factors: Factors::of(0.4, 9).expect("a probability") };
    let Some(device) = emulated(op) else { return };
    let many = inputs(5_003);
    assert_eq!(run_forward(&device, &many, &[5_003]).0, run_forward(&op, &many, &[5_003]).0);
    assert_eq!(run_backward(&device, &many, &many[..1]), run_backward(&op, &many, &many[..1]));
}

fn array(values: Vec<f32>) -> Array<Cpu> {
    let len = values.len();
    Array::from_vec(&Cpu::default(), values, [len]).expect("fits")
}

#[test]
fn a_residual_adds_its_gradient_to_what_the_branch_left() {
    let device = Cpu::default();
    let (x, y) = (array(vec![1.0, 2.0]).tracked(), array(vec![0.5, 0.25]).tracked());
    let mut tape = Tape::recording();
    let once = add(&mut tape, &x, &y).expect("fits");
    let twice = add(&mut tape, &once, &x).expect("fits");
    assert_eq!(twice.to_vec(), [2.5, 4.25]);
    let mut grads = tape.backward(&device, vec![(twice, vec![1.0, -3.0])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), [2.0, -6.0]);
    assert_eq!(grads.to_vec(&y).expect("runs"), [1.0, -3.0]);
}

#[test]
fn refuses_other_shapes_and_the_same_array_twice() {
    let refused = |a: &Array<Cpu>, b: &Array<Cpu>| {
        add(&mut Tape::recording(), a, b).map(|out| out.shape()).map_err(|error| error.to_string())
    };
    let (x, y) = (array(vec![1.0, 2.0]).tracked(), array(vec![0.5]));
    assert_eq!(refused(&x, &y), Err("add: b has shape [1], but a has [2]".to_owned()));
    assert_eq!(refused(&x, &x), Err("add: operands 0 and 1 are the same tensor".to_owned()));
    let refusal = add_dropped(&mut Tape::recording(), &x, &x, (1.0, 0)).map_err(|error| error.to_string());
    let sentence =
        "add: b has shape [2], but its elements cannot be dropped with probability 1: it must be in [0, 1)";
    assert_eq!(refusal.err().as_deref(), Some(sentence));
}

#[test]
fn what_is_dropped_is_the_dropouts_own() {
    let op = Add { factors: Factors::of(0.3, 7).expect("a probability") };
    let kept = |inputs: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let stretch = Factors::of(0.3, 7).expect("a probability").expect("some drop").starting_at(0);
        let b = inputs[1].iter().enumerate().map(|(i, b)| b * f64::from(stretch.factor(i))).collect();
        reference::forward(&[inputs[0].clone(), b])
    };
    check(&op, &inputs(133), &[true; 2], kept);
    // Over many blocks, to the last bit.
    let device = Cpu::default();
    let many: Vec<Vec<f32>> =
        inputs(100_003).iter().map(|values| values.iter().map(|&x| x as f32).collect()).collect();
    let [a, b] = [0, 1].map(|i| array(many[i].clone()).tracked());
    let dout: Vec<f32> = (0..many[0].len()).map(|i| (i as f32 * 0.1).cos()).collect();
    let run = |together: bool| {
        let mut tape = Tape::recording();
        let out = match together {
            true => add_dropped(&mut tape, &a, &b, (0.3, 7)).expect("fits"),
            false => {
                let b = dropout(&mut tape, &b, 0.3, 7).expect("a probability");
                add(&mut tape, &a, &b).expect("fits")
            }
        };
        let values = out.to_vec();
        let mut grads = tape.backward(&device, vec![(out, dout.clone())]).expect("runs");
        [values, grads.to_vec(&a).expect("runs"), grads.to_vec(&b).expect("runs")]
    };
    assert!(run(true) == run(false));
    let added = run_backward(&op, &inputs(50), &[vec![1.0; 50]]);
    assert!(added[1].contains(&0.0) && added[0].iter().all(|&da| da == 1.0));
}
