//! Random parameters under the names and shapes of the published checkpoints.

use std::collections::BTreeMap;

use rand::RngExt;

use crate::model::sashimi::stream::Found;
use crate::plan::{BlockNorm, SashimiPlan, TiersPlan};
use crate::seed::{Purpose, stream};

pub struct Drawn(pub BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Drawn {
    pub fn new(plan: &SashimiPlan) -> Self {
        let mut drawn = Drawn(BTreeMap::new());
        let (width, levels) = (plan.tiers.width, plan.levels);
        drawn.put("mu_embedder.weight", &[levels, width], 1.0);
        drawn.put("head.weight", &[levels, width], 0.4);
        drawn.put("head.bias", &[levels], 0.4);
        drawn.layer_norm("sashimi.norm", width);
        drawn.tiers(&plan.tiers);
        drawn
    }

    pub fn found(&self, name: &str) -> Found {
        self.0.get(name).cloned()
    }

    /// Uniform in ±`scale`.
    fn put(&mut self, name: &str, shape: &[usize], scale: f32) {
        let mut draws = stream(3, Purpose::Weight(name), 0, 0);
        let len = shape.iter().product();
        let values = (0..len).map(|_| (2.0 * draws.random::<f32>() - 1.0) * scale).collect();
        self.0.insert(name.to_owned(), (shape.to_vec(), values));
    }

    fn shift(&mut self, name: &str, by: f32) {
        self.0.get_mut(name).unwrap().1.iter_mut().for_each(|value| *value += by);
    }

    fn tiers(&mut self, plan: &TiersPlan) {
        let (mut falling, last) = (0, plan.pool.len());
        for (tier, factor) in plan.pool.iter().enumerate() {
            let (upper, lower) = (plan.width_of(tier), plan.width_of(tier + 1));
            if plan.unet {
                falling += self.blocks(plan, "sashimi.d_layers", falling, upper);
            }
            self.pool(&format!("sashimi.d_layers.{falling}.linear"), lower, upper * factor);
            falling += 1;
            let rising = format!("sashimi.u_layers.{}", last - 1 - tier);
            self.pool(&format!("{rising}.0.linear"), upper * factor, lower);
            self.blocks(plan, &rising, 1, upper);
        }
        self.blocks(plan, "sashimi.c_layers", 0, plan.width_of(last));
    }

    /// The blocks of one side of a tier, from index `first` of a list on; how many.
    fn blocks(&mut self, plan: &TiersPlan, list: &str, first: usize, width: usize) -> usize {
        let mut index = first;
        for _ in 0..plan.blocks {
            self.s4(plan, &format!("{list}.{index}"), width);
            index += 1;
            let inner = width * plan.feed_forward;
            if inner > 0 {
                let block = format!("{list}.{index}");
                self.norm(plan, &block, width);
                self.put(&format!("{block}.layer.ff.0.0.weight"), &[inner, width], 0.5);
                self.put(&format!("{block}.layer.ff.0.0.bias"), &[inner, 1], 0.5);
                self.put(&format!("{block}.layer.ff.2.weight"), &[width, inner], 0.5);
                self.put(&format!("{block}.layer.ff.2.bias"), &[width, 1], 0.5);
                index += 1;
            }
        }
        index - first
    }

    fn s4(&mut self, plan: &TiersPlan, block: &str, width: usize) {
        let pairs = plan.s4.pairs;
        let groups = if plan.s4.tied { 1 } else { width };
        self.norm(plan, block, width);
        self.put(&format!("{block}.layer.D"), &[1, width], 1.0);
        let kernel = format!("{block}.layer.kernel.kernel");
        self.put(&format!("{kernel}.C"), &[1, width, pairs, 2], 1.0);
        self.put(&format!("{kernel}.log_dt"), &[width], 1.0);
        self.shift(&format!("{kernel}.log_dt"), -2.5);
        self.put(&format!("{kernel}.B"), &[1, groups, pairs, 2], 1.0);
        self.put(&format!("{kernel}.P"), &[1, groups, pairs, 2], 1.0);
        self.put(&format!("{kernel}.log_w_real"), &[groups, pairs], 0.3);
        self.put(&format!("{kernel}.w_imag"), &[groups, pairs], 8.0);
        let (rows, linear) = if plan.glu { (2 * width, "0.") } else { (width, "") };
        self.put(&format!("{block}.layer.output_linear.{linear}weight"), &[rows, width], 0.5);
        self.put(&format!("{block}.layer.output_linear.{linear}bias"), &[rows, 1], 0.5);
    }

    fn pool(&mut self, linear: &str, rows: usize, columns: usize) {
        self.put(&format!("{linear}.weight_v"), &[rows, columns], 1.0);
        self.put(&format!("{linear}.weight_g"), &[rows, 1], 1.0);
        self.put(&format!("{linear}.bias"), &[rows], 0.5);
    }

    fn norm(&mut self, plan: &TiersPlan, block: &str, width: usize) {
        if plan.norm == BlockNorm::Layer {
            return self.layer_norm(&format!("{block}.norm"), width);
        }
        self.put(&format!("{block}.norm.m"), &[1], 0.5);
        self.put(&format!("{block}.norm.s"), &[1], 0.2);
        self.shift(&format!("{block}.norm.s"), 1.0);
    }

    fn layer_norm(&mut self, norm: &str, width: usize) {
        self.put(&format!("{norm}.weight"), &[width], 0.2);
        self.shift(&format!("{norm}.weight"), 1.0);
        self.put(&format!("{norm}.bias"), &[width], 0.5);
    }
}
