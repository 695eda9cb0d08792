//! The parts of networks with tiers of S4 and feed-forward blocks.

use super::{Part, Parts, Stage, Step, again};
use crate::model::{Diffwave, Sashimi};
use crate::plan::TiersPlan;

impl Parts for Sashimi {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let levels = self.plan().levels;
        let embedding = format!("embedding of {levels} levels");
        let mut rows = around(["mu_embedder", &embedding], &self.plan().tiers, samples);
        rows.push(Part::new("head", "linear", [samples, levels]));
        rows
    }

    /// Embedding, tiers, scores.
    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (model, samples, learning) = (self.plan(), step.samples, step.learning);
        let width = model.tiers.width as f64 * samples;
        let scores = model.levels as f64 * samples;
        let first = Stage { params: learning("mu_embedder"), kept: width, made: width, ..Stage::default() };
        let last = Stage {
            params: learning("head") + learning("sashimi.norm"),
            // The norm's output, the scores, and what the loss has of each row.
            kept: width + scores,
            made: 2.0 * width + scores,
            under_way: scores + 2.0 * width,
            owed: 0.0,
        };
        surrounded(first, tiers(&model.tiers, step), last)
    }
}

impl Parts for Diffwave {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let (width, step) = (self.plan().tiers.width, [1, self.plan().step_width]);
        let mut rows =
            ["sashimi.fc_t2", "sashimi.fc_t1"].map(|layer| Part::new(layer, "step embedding", step)).to_vec();
        rows.extend(around(["sashimi.init_conv", "conv × 1, ReLU"], &self.plan().tiers, samples));
        rows.push(Part::new("sashimi.final_conv.0", "conv × 1, ReLU", [samples, width]));
        rows.push(Part::new("sashimi.final_conv.2", "conv × 1", [samples, 1]));
        rows
    }

    /// First convolution, tiers, last convolutions.
    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (model, samples, learning) = (self.plan(), step.samples, step.learning);
        let width = model.tiers.width as f64 * samples;
        let first = Stage {
            params: learning("sashimi.init_conv") + learning("sashimi.fc_t"),
            kept: 2.0 * width,
            made: 2.0 * width,
            under_way: 2.0 * width,
            owed: 0.0,
        };
        let last = Stage {
            params: learning("sashimi.final_conv") + learning("sashimi.norm"),
            kept: 3.0 * width,
            made: 4.0 * width,
            under_way: 3.0 * width,
            owed: samples,
        };
        surrounded(first, tiers(&model.tiers, step), last)
    }
}

/// What stands in front of the tiers, the tiers, and their norm.
fn around(first: [&str; 2], tiers: &TiersPlan, samples: usize) -> Vec<Part> {
    let s4 = format!(
        "{}S4, {} states{}",
        if tiers.bidirectional { "bidirectional " } else { "" },
        2 * tiers.s4.pairs,
        if tiers.glu { ", gated" } else { "" }
    );
    let fed = format!("feed-forward × {}", tiers.feed_forward);
    let per_pair = if tiers.feed_forward > 0 { 2 } else { 1 };
    let mut rows = vec![Part::new(first[0], first[1], [samples, tiers.width])];
    let blocks = |rows: &mut Vec<Part>, prefix: &str, from: usize, output: [usize; 2]| {
        for index in 0..tiers.blocks * per_pair {
            let kind = if index % per_pair == 0 { s4.as_str() } else { &fed };
            rows.push(Part::new(format!("{prefix}.{}", from + index), kind, output));
        }
    };
    let (mut len, mut index) = (samples, 0);
    for (tier, pool) in tiers.pool.iter().enumerate() {
        if tiers.unet {
            blocks(&mut rows, "sashimi.d_layers", index, [len, tiers.width_of(tier)]);
            index += tiers.blocks * per_pair;
        }
        len /= pool;
        let kind = format!("{pool} samples into one");
        rows.push(Part::new(format!("sashimi.d_layers.{index}"), kind, [len, tiers.width_of(tier + 1)]));
        index += 1;
    }
    blocks(&mut rows, "sashimi.c_layers", 0, [len, tiers.width_of(tiers.pool.len())]);
    for (up, pool) in tiers.pool.iter().rev().enumerate() {
        len *= pool;
        let output = [len, tiers.width_of(tiers.pool.len() - 1 - up)];
        let prefix = format!("sashimi.u_layers.{up}");
        rows.push(Part::new(format!("{prefix}.0"), format!("one sample into {pool}"), output));
        blocks(&mut rows, &prefix, 1, output);
    }
    rows.push(Part::new("sashimi.norm", "norm", [samples, tiers.width]));
    rows
}

fn surrounded(first: Stage, tiers: Vec<Stage>, last: Stage) -> Vec<Stage> {
    std::iter::once(first).chain(tiers).chain([last]).collect()
}

fn tiers(tiers: &TiersPlan, step: &Step<'_>) -> Vec<Stage> {
    let (depth, blocks) = (tiers.pool.len(), tiers.blocks);
    let mut stages = Vec::new();
    let mut rate = 1.0;
    let pairs = |stages: &mut Vec<Stage>, tier: usize, rate: f64, prefix: &str| {
        let params = (step.learning)(prefix) / blocks.max(1) as f64;
        (0..blocks).for_each(|_| stages.extend(block(tiers, tier, step, step.samples / rate, params)));
    };
    for (tier, pool) in tiers.pool.iter().enumerate() {
        if tiers.unet {
            pairs(&mut stages, tier, rate, "sashimi.d_layers");
        }
        rate *= *pool as f64;
        stages.push(pooling(tiers.width_of(tier + 1) as f64 * step.samples / rate));
    }
    pairs(&mut stages, depth, rate, "sashimi.c_layers");
    for (index, pool) in tiers.pool.iter().rev().enumerate() {
        let tier = depth - 1 - index;
        rate /= *pool as f64;
        stages.push(pooling(tiers.width_of(tier) as f64 * step.samples / rate));
        pairs(&mut stages, tier, rate, &format!("sashimi.u_layers.{index}"));
    }
    stages
}

/// A change of rate: its output, and the sum with what came down.
fn pooling(output: f64) -> Stage {
    Stage { params: 0.0, kept: 2.0 * output, made: 2.0 * output, under_way: 3.0 * output, owed: 0.0 }
}

/// An S4 block with the feed-forward block behind it, in a tier with sequences of `len` in all.
fn block(tiers: &TiersPlan, tier: usize, step: &Step<'_>, len: f64, params: f64) -> Vec<Stage> {
    let width = tiers.width_of(tier) as f64 * len;
    let gate = if tiers.glu { 2.0 } else { 0.0 };
    // The norm's output, the convolution's, GELU's, the gate's two halves, the sum.
    let kept = (4.0 + gate) * width;
    let mixed = Stage { params, kept, made: kept + 2.0 * width, under_way: (4.0 + gate) * width, owed: 0.0 };
    let inner = tiers.feed_forward as f64 * width;
    let fed = match tiers.feed_forward {
        0 => Stage::default(),
        // The norm's output, what the first product makes, the sum.
        _ => Stage {
            kept: 2.0 * width + inner,
            made: 3.0 * width + 2.0 * inner,
            under_way: 2.0 * width + inner,
            ..Stage::default()
        },
    };
    match step.recomputes {
        false => vec![mixed, fed],
        true => vec![again(mixed, fed, width)],
    }
}
