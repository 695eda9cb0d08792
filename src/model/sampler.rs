//! From logits to the next code: temperature, the likeliest few, the nucleus.

use rand::Rng;
use rand_pcg::Pcg64Mcg;

use kernels::simd;

use crate::seed::{Purpose, stream};

/// Levels whose exponentials are summed in f32.
const BLOCK: usize = 64;
/// Levels that a draw passes over at a time.
const DRAWN: usize = 16;

/// How codes are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Names every draw, with a clip's number.
    pub seed: u64,
    /// Only the likeliest levels that together exceed this probability are drawn from; off at 1 and above.
    pub nucleus_p: f64,
    /// Only so many of the likeliest levels are drawn from, before the nucleus is looked for among them; 0: all.
    pub top_k: usize,
    /// Logits are divided by it before the draw; 1: drawn as the model says.
    pub temperature: f64,
}

impl Sampling {
    /// As the model says: from all levels, by its own probabilities.
    pub fn plain(seed: u64) -> Self {
        Sampling { seed, nucleus_p: 1.0, top_k: 0, temperature: 1.0 }
    }
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
    weights: Vec<f32>,
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
        let Sampling { nucleus_p, top_k, temperature, .. } = self.sampling;
        let most = largest(logits);
        self.weights.resize(logits.len(), 0.0);
        let total = exponentials(logits, most, 1.0, &mut self.weights);
        let narrows = (1..logits.len()).contains(&top_k);
        if narrows || nucleus_p < 1.0 {
            if narrows {
                let left = likeliest(&self.weights, top_k, &mut self.order);
                cross(&self.weights, nucleus_p, left, &mut self.order);
            } else {
                nucleus(&self.weights, nucleus_p, total, &mut self.order);
            }
            if temperature != 1.0 {
                exponentials(logits, most, 1.0 / temperature as f32, &mut self.weights);
            }
            keep(&mut self.weights, &self.order);
        } else if temperature != 1.0 {
            exponentials(logits, most, 1.0 / temperature as f32, &mut self.weights);
        }
        let code = draw(&self.weights, uniform(&mut self.draws[lane]));
        let log_likelihood = f64::from(logits[code as usize] - most) - total.ln();
        Chosen { code, log_likelihood }
    }
}

/// ln of the probability that softmax gives `code`, in nats.
pub fn log_likelihood(logits: &[f32], code: u32) -> f64 {
    let most = largest(logits);
    let mut room = [0.0; BLOCK];
    let total: f64 = logits.chunks(BLOCK).map(|logits| exponentials(logits, most, 1.0, &mut room)).sum();
    f64::from(logits[code as usize] - most) - total.ln()
}

fn largest(logits: &[f32]) -> f32 {
    simd::dispatch(
        #[inline(always)]
        || {
            let mut lanes = [f32::NEG_INFINITY; DRAWN];
            let (blocks, rest) = logits.as_chunks::<DRAWN>();
            for block in blocks {
                for (lane, logit) in lanes.iter_mut().zip(block) {
                    *lane = if logit > lane { *logit } else { *lane };
                }
            }
            lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |most, logit| most.max(*logit))
        },
    )
}

/// e^((logit − most) · rate) of each, and their sum: in f32 within a block, in f64 over blocks.
fn exponentials(logits: &[f32], most: f32, rate: f32, weights: &mut [f32]) -> f64 {
    simd::dispatch(
        #[inline(always)]
        || {
            let mut total = 0.0;
            for (logits, weights) in logits.chunks(BLOCK).zip(weights.chunks_mut(BLOCK)) {
                let weights = &mut weights[..logits.len()];
                for (weight, logit) in weights.iter_mut().zip(logits) {
                    *weight = simd::exp_below_zero((logit - most) * rate);
                }
                total += f64::from(simd::sum(weights));
            }
            total
        },
    )
}

/// The fewest of the heaviest whose weights together exceed the share `p` of `total`, heaviest first and equals in their order.
fn nucleus(weights: &[f32], p: f64, total: f64, order: &mut Vec<u32>) {
    // Together, those below this weight have too little to be missed: half the mean of what may be left out.
    let least = ((1.0 - p) * total / (2 * weights.len()) as f64) as f32;
    order.clear();
    order.extend((0..weights.len() as u32).filter(|index| weights[*index as usize] >= least));
    order.sort_by(|a, b| weights[*b as usize].total_cmp(&weights[*a as usize]));
    cross(weights, p, total, order);
}

/// The `k` heaviest, heaviest first and equals in their order; what they weigh together.
fn likeliest(weights: &[f32], k: usize, order: &mut Vec<u32>) -> f64 {
    order.clear();
    order.extend(0..weights.len() as u32);
    order.sort_by(|a, b| weights[*b as usize].total_cmp(&weights[*a as usize]));
    order.truncate(k);
    order.iter().map(|index| f64::from(weights[*index as usize])).sum()
}

/// Ends the order, heaviest first, where weights exceed the share `p` of `total`.
fn cross(weights: &[f32], p: f64, total: f64, order: &mut Vec<u32>) {
    let mut sum = 0.0;
    let crossing = order.iter().position(|index| {
        sum += f64::from(weights[*index as usize]);
        sum > p * total
    });
    order.truncate(crossing.map_or(order.len(), |last| last + 1));
}

/// Zero for all but those in `order`.
fn keep(weights: &mut [f32], order: &[u32]) {
    let mut kept = order.to_vec();
    kept.sort_unstable();
    let mut next = 0;
    for index in kept {
        weights[next..index as usize].fill(0.0);
        next = index as usize + 1;
    }
    weights[next..].fill(0.0);
}

/// The one in whose share of the weights `point`, in [0, 1), falls.
fn draw(weights: &[f32], point: f64) -> u32 {
    let mut total = 0.0;
    for block in weights.chunks(DRAWN) {
        total += block_sum(block);
    }
    let mut left = point * total;
    for (block, weights) in weights.chunks(DRAWN).enumerate() {
        let sum = block_sum(weights);
        if left >= sum {
            left -= sum;
            continue;
        }
        for (index, weight) in weights.iter().enumerate() {
            left -= f64::from(*weight);
            if left < 0.0 {
                return (block * DRAWN + index) as u32;
            }
        }
    }
    // Rounding left a little over: the last that has any weight.
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0) as u32
}

/// As a tree of halves, which does not wait for each addition to end.
fn block_sum(block: &[f32]) -> f64 {
    let mut room = [0.0f64; DRAWN];
    room.iter_mut().zip(block).for_each(|(to, weight)| *to = f64::from(*weight));
    let mut width = DRAWN / 2;
    while width > 0 {
        for index in 0..width {
            room[index] += room[index + width];
        }
        width /= 2;
    }
    room[0]
}

/// In [0, 1), 53 bits.
fn uniform(draws: &mut Pcg64Mcg) -> f64 {
    (draws.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
