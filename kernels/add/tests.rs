//! The kernel against its specification, and the residual use it is for.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, Tolerance, agree, check, run_forward};

fn inputs(len: usize) -> [Vec<f64>; 2] {
    let mut numbers = Numbers::new(6);
    [numbers.take(len, 2.0, 0.0), numbers.take(len, 1.0, 0.5)]
}

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for len in [0, 1, 15, 133] {
        check(&Add, &inputs(len), &[true; 2], reference::forward);
    }
    let many = inputs(100_003);
    let (got, ()) = run_forward(&Add, &many, &[100_003]);
    agree("add", &got[0], &reference::forward(&many)[0], Tolerance::F32);
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
}
