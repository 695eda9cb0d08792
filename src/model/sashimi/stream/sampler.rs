//! From logits to the next code.

use rand::Rng;
use rand_pcg::Pcg64Mcg;

use crate::seed::{Purpose, stream};

/// How codes are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Names every draw, with a clip's number.
    pub seed: u64,
    /// Only the likeliest levels that together exceed this probability are drawn from; off at 1 and above.
    pub nucleus_p: f64,
    /// Logits are divided by it before the draw; 1: drawn as the model says.
    pub temperature: f64,
}

/// A code that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    pub code: u32,
    /// ln of its probability as the model says, before nucleus and temperature, in nats.
    pub log_likelihood: f64,
}

/// Draws the codes of some clips. Each has a stream of draws of its own, one for each code.
pub struct Sampler {
    sampling: Sampling,
    draws: Vec<Pcg64Mcg>,
    weights: Vec<f64>,
    order: Vec<u32>,
}

impl Sampler {
    /// For clips by these numbers: lane i draws for the i-th of them.
    pub fn new(sampling: Sampling, clips: impl IntoIterator<Item = u64>) -> Self {
        let draws =
            clips.into_iter().map(|clip| stream(sampling.seed, Purpose::Generation, clip, 0)).collect();
        Sampler { sampling, draws, weights: Vec::new(), order: Vec::new() }
    }

    /// The next code of lane `lane`, whose logits these are.
    pub fn choose(&mut self, lane: usize, logits: &[f32]) -> Chosen {
        let most = largest(logits);
        let total = exponentials(logits, most, 1.0, &mut self.weights);
        let log_total = total.ln();
        if self.sampling.nucleus_p < 1.0 {
            nucleus(&self.weights, self.sampling.nucleus_p * total, &mut self.order);
        } else {
            self.order.clear();
            self.order.extend(0..logits.len() as u32);
        }
        if self.sampling.temperature != 1.0 {
            exponentials(logits, most, self.sampling.temperature, &mut self.weights);
        }
        let code = draw(&self.weights, &self.order, uniform(&mut self.draws[lane]));
        Chosen { code, log_likelihood: f64::from(logits[code as usize]) - most - log_total }
    }
}

/// ln of the probability that softmax gives `code`, in nats.
pub fn log_likelihood(logits: &[f32], code: u32) -> f64 {
    let most = largest(logits);
    let total: f64 = logits.iter().map(|logit| (f64::from(*logit) - most).exp()).sum();
    f64::from(logits[code as usize]) - most - total.ln()
}

fn largest(logits: &[f32]) -> f64 {
    f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max))
}

/// e^((logit − most) / temperature) of each, and their sum.
fn exponentials(logits: &[f32], most: f64, temperature: f64, weights: &mut Vec<f64>) -> f64 {
    weights.clear();
    weights.extend(logits.iter().map(|logit| ((f64::from(*logit) - most) / temperature).exp()));
    weights.iter().sum()
}

/// The fewest of the heaviest whose weights together exceed `mass`, heaviest first and equals in their order.
fn nucleus(weights: &[f64], mass: f64, order: &mut Vec<u32>) {
    order.clear();
    order.extend(0..weights.len() as u32);
    order.sort_by(|a, b| weights[*b as usize].total_cmp(&weights[*a as usize]));
    let mut sum = 0.0;
    let crossing = order.iter().position(|index| {
        sum += weights[*index as usize];
        sum > mass
    });
    order.truncate(crossing.map_or(order.len(), |last| last + 1));
}

/// The one of `order` in whose share of the weights `point`, in [0, 1), falls.
fn draw(weights: &[f64], order: &[u32], point: f64) -> u32 {
    let total: f64 = order.iter().map(|index| weights[*index as usize]).sum();
    let mut left = point * total;
    for &index in order {
        left -= weights[index as usize];
        if left < 0.0 {
            return index;
        }
    }
    // Rounding left a little over: the last that has any weight.
    order.iter().rev().copied().find(|index| weights[*index as usize] > 0.0).unwrap_or(0)
}

/// In [0, 1), 53 bits.
fn uniform(draws: &mut Pcg64Mcg) -> f64 {
    (draws.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
