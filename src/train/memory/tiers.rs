//! What tiers of S4 and feed-forward blocks keep until backward.

use super::{Stage, again};
use crate::plan::{DiffwavePlan, Plan, Recompute, SashimiPlan, TiersPlan};

/// The stages of a model that tells the next sample: embedding, tiers, scores.
pub(super) fn sashimi(
    plan: &Plan,
    model: &SashimiPlan,
    samples: f64,
    learning: impl Fn(&str) -> f64,
) -> Vec<Stage> {
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
    surrounded(first, tiers(plan, &model.tiers, samples, learning), last)
}

/// The stages of a model that tells noise: first convolution, tiers, last convolutions.
pub(super) fn diffwave(
    plan: &Plan,
    model: &DiffwavePlan,
    samples: f64,
    learning: impl Fn(&str) -> f64,
) -> Vec<Stage> {
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
    surrounded(first, tiers(plan, &model.tiers, samples, learning), last)
}

fn surrounded(first: Stage, tiers: Vec<Stage>, last: Stage) -> Vec<Stage> {
    std::iter::once(first).chain(tiers).chain([last]).collect()
}

fn tiers(plan: &Plan, tiers: &TiersPlan, samples: f64, learning: impl Fn(&str) -> f64) -> Vec<Stage> {
    let (depth, blocks) = (tiers.pool.len(), tiers.blocks);
    let mut stages = Vec::new();
    let mut rate = 1.0;
    let pairs = |stages: &mut Vec<Stage>, tier: usize, rate: f64, prefix: &str| {
        let params = learning(prefix) / blocks.max(1) as f64;
        (0..blocks).for_each(|_| stages.extend(block(plan, tiers, tier, samples / rate, params)));
    };
    for (tier, pool) in tiers.pool.iter().enumerate() {
        if tiers.unet {
            pairs(&mut stages, tier, rate, "sashimi.d_layers");
        }
        rate *= *pool as f64;
        stages.push(pooling(tiers.width_of(tier + 1) as f64 * samples / rate));
    }
    pairs(&mut stages, depth, rate, "sashimi.c_layers");
    for (index, pool) in tiers.pool.iter().rev().enumerate() {
        let tier = depth - 1 - index;
        rate /= *pool as f64;
        stages.push(pooling(tiers.width_of(tier) as f64 * samples / rate));
        pairs(&mut stages, tier, rate, &format!("sashimi.u_layers.{index}"));
    }
    stages
}

/// A change of rate: its output, and the sum with what came down.
fn pooling(output: f64) -> Stage {
    Stage { params: 0.0, kept: 2.0 * output, made: 2.0 * output, under_way: 3.0 * output, owed: 0.0 }
}

/// An S4 block with the feed-forward block behind it, in a tier with sequences of `len` in all.
fn block(plan: &Plan, tiers: &TiersPlan, tier: usize, len: f64, params: f64) -> Vec<Stage> {
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
    match plan.train.recompute {
        Recompute::None => vec![mixed, fed],
        Recompute::Block => vec![again(mixed, fed, width)],
    }
}
