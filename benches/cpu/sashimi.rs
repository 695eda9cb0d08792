//! SaShiMi on a second of sound, convolution kernels made anew each time, as in training.

use std::collections::BTreeMap;

use kernels::on_files::{Named, Tensors, Work};
use kernels::{Array, Cpu, Grads, Tape};
use runner::model::sashimi::Sashimi;
use runner::nn::{Params, Pass, Scope};
use runner::plan::{SashimiPlan, TiersPlan};

use crate::cases::Case;
use crate::models::{named, timed};
use crate::ours::Subject;
use crate::place::{Place, values};

const SAMPLES: usize = 16_000;
pub fn case() -> Case {
    let work = |flops: f64| Work { flops, bytes: 0.0 };
    Case {
        kind: "sashimi",
        size: "4.8 M parameters, 1 s".to_owned(),
        settings: BTreeMap::new(),
        tensors,
        extents: vec![("codes", vec![1, SAMPLES])],
        forward: work(flops(&SashimiPlan::default().tiers, 1.0)),
        training: Some(work(flops(&SashimiPlan::default().tiers, 3.0))),
        // Its graph of a single pass would hold some 30 GB.
        torch_trains: false,
    }
}

/// Products and Fourier transforms, `times` over, and what S4's kernels take.
fn flops(tiers: &TiersPlan, times: f64) -> f64 {
    let pools: f64 = 2.0 * SAMPLES as f64 * (64.0 * 128.0 + 256.0 * 128.0 / 4.0) * 2.0;
    let mut total = times * (pools + 2.0 * (SAMPLES * 64 * 256) as f64);
    for tier in 0..=tiers.pool.len() {
        let (width, len) = (tiers.width_of(tier), SAMPLES / tiers.pool[..tier].iter().product::<usize>());
        let linear = 2.0 * (len * width * width * 6) as f64;
        let transforms = 3.0 * 5.0 * (len * width) as f64 * (2.0 * len as f64).log2();
        // As its own rows say it: 50 there, 170 both ways.
        let kernels = if times > 1.0 { 170.0 } else { 50.0 } * (width * tiers.s4.pairs * SAMPLES / 2) as f64;
        total += tiers.blocks as f64 * (times * (linear + transforms) + kernels);
    }
    total
}

fn declared<D: Place>(device: &D) -> (Sashimi, Params<D>) {
    let mut declarations = Vec::new();
    let network = Sashimi::declare(&mut Scope::root(&mut declarations), &SashimiPlan::default());
    (network, Params::draw(device, &declarations, 1).expect("a model"))
}

fn tensors(_: &Case) -> Vec<Named> {
    let mut tensors = named(&declared(&Cpu::default()).1);
    // A tone with a little of everything else.
    let code = |t: usize| (128.0 + 90.0 * (t as f32 * 0.05).sin() + (t * t % 37) as f32).floor();
    tensors.push(("codes".to_owned(), vec![1, SAMPLES], (0..SAMPLES).map(code).collect()));
    tensors
}

/// The network with the given weights and one sequence of codes.
pub struct OfSamples<D: Place> {
    device: D,
    network: Sashimi,
    params: Params<D>,
    codes: Vec<u32>,
    dy: Vec<f32>,
}

impl<D: Place> OfSamples<D> {
    pub fn new(device: &D, mut tensors: Tensors) -> Self {
        let (network, mut params) = declared(device);
        for param in params.iter_mut() {
            let values = tensors.remove(param.name()).expect("the parameter").1;
            param.array_mut().copy_from(&values).expect("its size");
        }
        let codes = tensors.remove("codes").expect("codes").1.into_iter().map(|code| code as u32).collect();
        let dy = crate::cases::noise(5, SAMPLES * 256, 1e-4);
        OfSamples { device: device.clone(), network, params, codes, dy }
    }

    fn scores(&self, tape: &mut Tape<D>) -> Array<D> {
        let mut pass = Pass::at_rest(&self.params, tape);
        self.network.forward(&mut pass, &self.codes, [1, SAMPLES]).expect("a forward pass")
    }

    fn gradients(&self) -> Grads<D> {
        let mut tape = Tape::recording();
        let scores = self.scores(&mut tape);
        tape.backward(&self.device, vec![(scores, self.dy.clone())]).expect("gradients")
    }
}

impl<D: Place> Subject for OfSamples<D> {
    fn forward(&mut self) -> f64 {
        timed(&self.device, || self.scores(&mut Tape::silent()))
    }

    fn training(&mut self) -> f64 {
        timed(&self.device, || self.gradients())
    }

    /// Scores alone: PyTorch's gradients are not to be had at this size.
    fn results(&mut self, _: bool) -> Vec<Named> {
        let scores = self.scores(&mut Tape::silent());
        vec![("logits".to_owned(), scores.shape().dims().to_vec(), values(&scores))]
    }
}
