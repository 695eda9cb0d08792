//! One update of all parameters: the gradients' norm, then AdamW.

use kernels::Array;
use kernels::adamw::AdamW;
use kernels::on_files::{Named, Tensors, Work};

use crate::cases::{Case, noise};
use crate::models::timed;
use crate::ours::Subject;
use crate::place::{Place, values};

/// As many weights as a wav2vec2-base has in its feed-forward blocks.
const ARRAYS: usize = 24;
const LEN: usize = 768 * 3072;

pub fn case() -> Case {
    let params = (ARRAYS * LEN) as f64;
    Case {
        kind: "adamw",
        size: "24 × 768 × 3072, with the gradient's norm".to_owned(),
        settings: [].into(),
        tensors: |case| {
            let [(name, extents)] = &case.extents[..] else { unreachable!("one tensor") };
            vec![((*name).to_owned(), extents.clone(), noise(5, ARRAYS * LEN, 1.0))]
        },
        extents: vec![("grad", vec![ARRAYS, LEN])],
        // The gradient is read for its norm; then it, the parameter and both moments are read, and those three written.
        forward: Work { flops: 0.0, bytes: 32.0 * params },
        training: None,
        torch_trains: false,
    }
}

/// A parameter and its moments.
type Learnt<D> = [Array<D>; 3];
/// One step of all of them.
type Step<D> = dyn FnMut(&mut [Learnt<D>]);

pub struct Update<D: Place> {
    device: D,
    params: Vec<Learnt<D>>,
    /// Takes one step; it has the gradients.
    step: Box<Step<D>>,
}

impl<D: Place> Update<D> {
    pub fn new(device: &D, mut tensors: Tensors) -> Self {
        let (_, grads) = tensors.remove("grad").expect("gradients");
        let grads: Vec<_> =
            grads.chunks(LEN).map(|grad| device.buffer(grad.to_vec()).expect("room")).collect();
        let zeros = || Array::zeros(device, [LEN]).expect("room");
        let mut taken = 0;
        let step = move |params: &mut [Learnt<D>]| {
            taken += 1;
            let all: Vec<_> = grads.iter().collect();
            let squares = D::sum_squares(&all).expect("a sum");
            let constants = AdamW {
                lr: 1e-3,
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                weight_decay: 0.01,
                step: taken,
                grad_scale: (1e9 / squares.sqrt()).min(1.0),
            };
            for ([param, first, second], grad) in params.iter_mut().zip(&grads) {
                D::adamw_step(param, grad, first, second, constants).expect("a step");
            }
        };
        let params = (0..ARRAYS).map(|_| [zeros(), zeros(), zeros()]).collect();
        Update { device: device.clone(), params, step: Box::new(step) }
    }
}

impl<D: Place> Subject for Update<D> {
    fn forward(&mut self) -> f64 {
        timed(&self.device, || (self.step)(&mut self.params))
    }

    fn training(&mut self) -> f64 {
        unreachable!("an update has no backward")
    }

    fn results(&mut self, _gradients: bool) -> Vec<Named> {
        self.forward();
        let learnt = self.params.iter().flat_map(|[param, ..]| values(param)).collect();
        vec![("param".to_owned(), vec![ARRAYS, LEN], learnt)]
    }
}
