//! SaShiMi one sample at a time, its S4 layers by convolution with kernels from [`Kernels`], all else as in the program.

use kernels::stream::{self, Matrix, Norm};
use runner::plan::{BlockNorm, SashimiPlan};

use super::ControlError;
use super::convolve::{Filters, Past};
use super::kernel::Kernels;
use super::parameters::Parameters;

/// The weights, and kernels that are or are not what the weights mean.
pub struct Network {
    pub levels: usize,
    embedding: Vec<f32>,
    tiers: Vec<Tier>,
    norm: Norm,
    head: Matrix,
    /// How far each S4 layer's kernels are from the right ones: the length of the difference over theirs.
    pub kernel_errors: Vec<f64>,
}

struct Tier {
    width: usize,
    blocks: Vec<Block>,
    below: Option<Pools>,
}

struct Pools {
    factor: usize,
    fall: Matrix,
    rise: Matrix,
}

struct Block {
    norm: Norm,
    filters: Filters,
    direct: Vec<f32>,
    out: Matrix,
    feed_forward: Option<(Norm, Matrix, Matrix)>,
}

/// One recording on its way.
pub struct Player<'a> {
    network: &'a Network,
    tiers: Vec<State>,
    logits: Vec<f32>,
}

struct State {
    x: Vec<f32>,
    pasts: Vec<Past>,
    /// [factor, width]: samples for the tier below, and what came of those before them.
    gathered: Vec<f32>,
    queue: Vec<f32>,
    phase: usize,
}

impl Network {
    /// The network of a plan for clips of at most `samples`, its kernels with or without conjugates.
    pub fn new(
        parameters: &Parameters<'_>,
        plan: &SashimiPlan,
        samples: usize,
        conjugates: bool,
    ) -> Result<Self, ControlError> {
        let tiers = &plan.tiers;
        if tiers.unet || tiers.bidirectional {
            return Err(ControlError::Kind);
        }
        if samples > tiers.period_of(0) {
            return Err(ControlError::TooLong { samples, most: tiers.period_of(0) });
        }
        let (width, last) = (tiers.width, tiers.pool.len());
        let mut reading = Reading { parameters, plan, conjugates, kernel_errors: Vec::new() };
        let mut samples = samples;
        let mut all = Vec::with_capacity(last + 1);
        for tier in 0..last {
            let list = format!("sashimi.u_layers.{}", last - 1 - tier);
            let below = Some(reading.pools(tier, &list)?);
            all.push(Tier {
                width: tiers.width_of(tier),
                blocks: reading.blocks(tier, &list, 1, samples)?,
                below,
            });
            samples = samples.div_ceil(tiers.pool[tier]);
        }
        let blocks = reading.blocks(last, "sashimi.c_layers", 0, samples)?;
        all.push(Tier { width: tiers.width_of(last), blocks, below: None });
        Ok(Network {
            levels: plan.levels,
            embedding: parameters.get("mu_embedder.weight", plan.levels * width)?,
            tiers: all,
            norm: parameters.norm("sashimi.norm", width, BlockNorm::Layer)?,
            head: parameters.linear("head", [plan.levels, width])?,
            kernel_errors: reading.kernel_errors,
        })
    }
}

struct Reading<'a> {
    parameters: &'a Parameters<'a>,
    plan: &'a SashimiPlan,
    conjugates: bool,
    kernel_errors: Vec<f64>,
}

impl Reading<'_> {
    /// In the file a pool's channels stand outside, its sub-samples inside; here it is the other way round.
    fn pools(&self, tier: usize, rising: &str) -> Result<Pools, ControlError> {
        let tiers = &self.plan.tiers;
        let (upper, lower, factor) = (tiers.width_of(tier), tiers.width_of(tier + 1), tiers.pool[tier]);
        let placed = move |index: usize| index % upper * factor + index / upper;
        let falling = format!("sashimi.d_layers.{tier}.linear");
        let fall = self
            .parameters
            .normed_linear(&falling, [lower, upper * factor], |row, column| (row, placed(column)))?;
        let rising = format!("{rising}.0.linear");
        let rise = self
            .parameters
            .normed_linear(&rising, [upper * factor, lower], |row, column| (placed(row), column))?;
        Ok(Pools { factor, fall, rise })
    }

    fn blocks(
        &mut self,
        tier: usize,
        list: &str,
        first: usize,
        samples: usize,
    ) -> Result<Vec<Block>, ControlError> {
        let tiers = &self.plan.tiers;
        let (width, inner) = (tiers.width_of(tier), tiers.width_of(tier) * tiers.feed_forward);
        let modules = if inner > 0 { 2 } else { 1 };
        let mut blocks = Vec::with_capacity(tiers.blocks);
        for index in 0..tiers.blocks {
            let name = format!("{list}.{}", first + modules * index);
            let filters = self.filters(&name, tier, samples)?;
            let rows = if tiers.glu { 2 * width } else { width };
            let feed_forward = match inner {
                0 => None,
                inner => {
                    let name = format!("{list}.{}", first + modules * index + 1);
                    Some((
                        self.parameters.norm(&format!("{name}.norm"), width, tiers.norm)?,
                        self.parameters.linear(&format!("{name}.layer.ff.0.0"), [inner, width])?,
                        self.parameters.linear(&format!("{name}.layer.ff.2"), [width, inner])?,
                    ))
                }
            };
            blocks.push(Block {
                norm: self.parameters.norm(&format!("{name}.norm"), width, tiers.norm)?,
                filters,
                direct: self.parameters.get(&format!("{name}.layer.D"), width)?,
                out: self.parameters.linear(&format!("{name}.layer.output_linear.0"), [rows, width])?,
                feed_forward,
            });
        }
        Ok(blocks)
    }

    fn filters(&mut self, block: &str, tier: usize, samples: usize) -> Result<Filters, ControlError> {
        let (tiers, width) = (&self.plan.tiers, self.plan.tiers.width_of(tier));
        let layer = format!("{block}.layer");
        let spaces = self.parameters.spaces(&layer, width, tiers.s4.pairs, tiers.s4.tied)?;
        let mut kernels = Kernels::new(tiers.period_of(tier));
        let used: Vec<Vec<f64>> = spaces.iter().map(|space| kernels.of(space, self.conjugates)).collect();
        if !self.conjugates {
            let (mut off, mut all) = (0.0, 0.0);
            for (space, used) in spaces.iter().zip(&used) {
                let right = kernels.of(space, true);
                let pairs = used.iter().zip(&right).take(samples);
                off += pairs.map(|(used, right)| (used - right).powi(2)).sum::<f64>();
                all += right.iter().take(samples).map(|right| right * right).sum::<f64>();
            }
            self.kernel_errors.push((off / all).sqrt());
        }
        Ok(Filters::new(&used, samples))
    }
}

impl<'a> Player<'a> {
    /// At rest.
    pub fn new(network: &'a Network) -> Self {
        let state = |tier: &Tier| {
            let pooled = tier.below.as_ref().map_or(0, |pools| pools.factor * tier.width);
            State {
                x: vec![0.0; tier.width],
                pasts: tier.blocks.iter().map(|block| Past::new(&block.filters)).collect(),
                gathered: vec![0.0; pooled],
                queue: vec![0.0; pooled],
                phase: 0,
            }
        };
        let tiers = network.tiers.iter().map(state).collect();
        Player { network, tiers, logits: vec![0.0; network.head.stride()] }
    }

    /// Takes a code; the logits of the next.
    pub fn step(&mut self, code: u32) -> &[f32] {
        let Player { network, tiers, logits } = self;
        let width = network.tiers[0].width;
        tiers[0].x.copy_from_slice(&network.embedding[code as usize * width..][..width]);
        tiers[0].step(&network.tiers[0]);
        let mut normed = vec![0.0; width];
        network.norm.apply(width, &tiers[0].x, &mut normed);
        network.head.times(1, &normed, 0, width, logits);
        for (index, pair) in network.tiers.windows(2).enumerate() {
            let ([upper, lower], Some(pools)) = (&mut tiers[index..index + 2], &pair[0].below) else { break };
            if upper.phase != 0 {
                break;
            }
            lower.x = times(&pools.fall, &upper.gathered);
            lower.step(&pair[1]);
            upper.queue = times(&pools.rise, &lower.x);
        }
        &logits[..network.levels]
    }
}

/// bias + matrix · x.
fn times(matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; matrix.stride()];
    matrix.times(1, x, 0, x.len(), &mut out);
    out.truncate(matrix.rows());
    out
}

impl State {
    /// From a sample of the tier's input in `x` to its output there.
    fn step(&mut self, tier: &Tier) {
        let width = tier.width;
        if let Some(pools) = &tier.below {
            let own = self.phase * width..(self.phase + 1) * width;
            self.gathered[own.clone()].copy_from_slice(&self.x);
            self.x.iter_mut().zip(&self.queue[own]).for_each(|(x, below)| *x += below);
            self.phase = (self.phase + 1) % pools.factor;
        }
        let residual = self.x.clone();
        for (block, past) in tier.blocks.iter().zip(&mut self.pasts) {
            block.step(past, &mut self.x);
        }
        self.x.iter_mut().zip(residual).for_each(|(x, before)| *x += before);
    }
}

impl Block {
    fn step(&self, past: &mut Past, x: &mut [f32]) {
        let width = x.len();
        let mut normed = vec![0.0; width];
        self.norm.apply(width, x, &mut normed);
        let mut y = vec![0.0; width];
        past.step(&self.filters, &normed, &mut y);
        y.iter_mut().zip(&self.direct).zip(&normed).for_each(|((y, d), u)| *y += d * u);
        stream::gelu(&mut y);
        let out = times(&self.out, &y);
        match out.len() > width {
            true => stream::add_gated(width, &out, out.len(), x),
            false => stream::add(width, &out, width, x),
        }
        if let Some((norm, inner, outer)) = &self.feed_forward {
            norm.apply(width, x, &mut normed);
            let mut between = times(inner, &normed);
            stream::gelu(&mut between);
            stream::add(width, &times(outer, &between), width, x);
        }
    }
}
