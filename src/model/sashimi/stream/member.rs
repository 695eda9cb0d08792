//! One thread's part in stepping: its share of every layer, the states of that share, and the activations, which both threads have whole.

use std::sync::Arc;

use kernels::stream::{self, Lost, States, Sums, share};

use super::packed::{FeedForward, Pair, Pools, S4Block, Split, StepWeights, Tier};
use crate::plan::Skips;

/// Steps its share for some lanes. Activations are [lanes, channels].
pub(super) struct Member {
    weights: Arc<StepWeights>,
    tiers: Vec<TierState>,
    work: Work,
    /// [lanes, levels].
    logits: Vec<f32>,
}

/// What a tier remembers.
struct TierState {
    x: Vec<f32>,
    /// What the way up takes from the way down, last in first out, one after another.
    kept: Vec<f32>,
    down: Vec<PairState>,
    up: Vec<PairState>,
    /// [lanes, factor, channels]: samples for the tier below, until there are enough for one of its own.
    gathered: Vec<f32>,
    /// [lanes, factor, channels]: what came of the sample before that.
    queue: Vec<f32>,
    /// Sub-samples gathered.
    phase: usize,
}

/// The states of an S4 block's heads, by the halves that are this thread's.
struct PairState(Vec<States>);

/// Room for what comes and goes, and the way to the other thread.
struct Work {
    lanes: usize,
    sums: Sums,
    normed: Vec<f32>,
    inner: Vec<f32>,
}

impl Member {
    /// A thread's part of a stepper of `lanes` recordings, at rest.
    pub fn new(weights: Arc<StepWeights>, lanes: usize, sums: Sums) -> Self {
        let widest = weights.tiers.iter().map(|tier| tier.width).max().unwrap_or(0);
        let own = sums.own();
        let work = Work {
            lanes,
            sums,
            normed: vec![0.0; lanes * widest],
            inner: vec![0.0; lanes * inner(&weights)],
        };
        let tiers = weights.tiers.iter().map(|tier| TierState::new(tier, lanes, own.clone())).collect();
        let logits = vec![0.0; lanes * weights.levels];
        Member { weights, tiers, work, logits }
    }

    /// Splits off the second share, for a thread that sums by `other`, and keeps the first, summing by `own`; what summed before.
    pub fn divide(&mut self, own: Sums, other: Sums) -> (Self, Sums) {
        let lanes = self.work.lanes;
        let [normed, inner] = [&self.work.normed, &self.work.inner].map(|room| vec![0.0; room.len()]);
        let share = Member {
            weights: Arc::clone(&self.weights),
            tiers: self.tiers.iter_mut().map(TierState::divide).collect(),
            work: Work { lanes, sums: other, normed, inner },
            logits: vec![0.0; self.logits.len()],
        };
        (share, std::mem::replace(&mut self.work.sums, own))
    }

    /// Takes a share back, which has stepped as often, to sum by `alone`; the ways by which both summed, the own one first.
    pub fn join(&mut self, share: Self, alone: Sums) -> [Sums; 2] {
        for (tier, share) in self.tiers.iter_mut().zip(share.tiers) {
            tier.join(share);
        }
        [std::mem::replace(&mut self.work.sums, alone), share.work.sums]
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.tiers.iter_mut().for_each(TierState::reset);
    }

    /// Scores of the next sample [lanes, levels] after the last step.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Takes one code per lane, each below the number of levels.
    pub fn step(&mut self, codes: impl IntoIterator<Item = u32>) -> Result<(), Lost> {
        let Member { weights, tiers, work, logits } = self;
        let width = weights.tiers[0].width;
        for (x, code) in tiers[0].x.chunks_exact_mut(width).zip(codes) {
            x.copy_from_slice(&weights.embedding[code as usize * width..][..width]);
        }
        tiers[0].step(&weights.tiers[0], work)?;
        weights.norm.apply(width, &tiers[0].x, &mut work.normed);
        let normed = std::mem::take(&mut work.normed);
        let total = work.linear(&weights.head, &normed);
        let levels = logits.chunks_exact_mut(weights.levels).zip(total?.chunks(weights.head.stride()));
        levels.for_each(|(to, from)| to.copy_from_slice(&from[..to.len()]));
        work.normed = normed;
        lower_tiers(&weights.tiers, tiers, work)
    }
}

/// Runs each tier whose pool has filled; what comes of it is heard one of its samples later.
fn lower_tiers(weights: &[Tier], tiers: &mut [TierState], work: &mut Work) -> Result<(), Lost> {
    for (index, pair) in weights.windows(2).enumerate() {
        let ([upper, lower], Some(pools)) = (&mut tiers[index..index + 2], &pair[0].below) else { break };
        if upper.phase != 0 {
            break;
        }
        let total = work.linear(&pools.fall, &upper.gathered)?;
        unpad(total, pools.fall.stride(), &mut lower.x, pair[1].width);
        lower.step(&pair[1], work)?;
        let total = work.linear(&pools.rise, &lower.x)?;
        unpad(total, pools.rise.stride(), &mut upper.queue, pair[0].width * pools.factor);
    }
    Ok(())
}

/// Copies the lanes of `from`, `stride` apart, to `to` [lanes, channels].
fn unpad(from: &[f32], stride: usize, to: &mut [f32], channels: usize) {
    to.chunks_exact_mut(channels)
        .zip(from.chunks(stride))
        .for_each(|(to, from)| to.copy_from_slice(&from[..channels]));
}

/// The most values of a lane between two layers of a block.
fn inner(weights: &StepWeights) -> usize {
    let of_pair = |pair: &Pair| {
        let heads = pair.s4.heads.each_ref().map(stream::Heads::stride);
        let rows =
            pair.feed_forward.as_ref().map_or([0; 2], |ff| ff.inner.each_ref().map(stream::Matrix::stride));
        heads.into_iter().chain(rows).max().unwrap_or(0)
    };
    let pairs = weights.tiers.iter().flat_map(|tier| tier.down.iter().chain(&tier.up));
    pairs.map(of_pair).max().unwrap_or(0)
}

impl TierState {
    fn new(tier: &Tier, lanes: usize, own: std::ops::Range<usize>) -> Self {
        let states = |pairs: &[Pair]| -> Vec<PairState> {
            let of_pair = |pair: &Pair| {
                PairState(pair.s4.heads[own.clone()].iter().map(|heads| States::new(heads, lanes)).collect())
            };
            pairs.iter().map(of_pair).collect()
        };
        let room = lanes * tier.width;
        let pooled = room * tier.below.as_ref().map_or(0, |pools| pools.factor);
        TierState {
            x: vec![0.0; room],
            kept: Vec::with_capacity(room * tier.kept()),
            down: states(&tier.down),
            up: states(&tier.up),
            gathered: vec![0.0; pooled],
            queue: vec![0.0; pooled],
            phase: 0,
        }
    }

    /// The states of the second share, and everything that both threads have.
    fn divide(&mut self) -> Self {
        let split = |pairs: &mut Vec<PairState>| {
            pairs.iter_mut().map(|pair| PairState(pair.0.split_off(1))).collect()
        };
        TierState {
            x: self.x.clone(),
            kept: Vec::with_capacity(self.kept.capacity()),
            down: split(&mut self.down),
            up: split(&mut self.up),
            gathered: self.gathered.clone(),
            queue: self.queue.clone(),
            phase: self.phase,
        }
    }

    fn join(&mut self, share: Self) {
        let own = self.down.iter_mut().chain(&mut self.up);
        for (own, share) in own.zip(share.down.into_iter().chain(share.up)) {
            own.0.extend(share.0);
        }
    }

    fn reset(&mut self) {
        self.queue.fill(0.0);
        self.phase = 0;
        let pairs = self.down.iter_mut().chain(&mut self.up);
        pairs.flat_map(|pair| &mut pair.0).for_each(States::reset);
    }

    /// From a sample of the tier's input in `x` to its output there.
    fn step(&mut self, tier: &Tier, work: &mut Work) -> Result<(), Lost> {
        self.kept.clear();
        self.keep();
        for index in 0..tier.down.len() {
            self.pair(tier, Side::Down, index, work)?;
        }
        if let Some(pools) = &tier.below {
            self.pass_below(tier.width, pools);
            self.add_kept();
        }
        if tier.skips.is_none() {
            // The way up has a residual of its own around all of its blocks; in the centre it starts at the input, which is still kept.
            if tier.below.is_some() {
                self.keep();
            }
        }
        for index in 0..tier.up.len() {
            self.pair(tier, Side::Up, index, work)?;
        }
        if tier.skips.is_none() {
            self.add_kept();
        }
        Ok(())
    }

    /// Gathers `x` for the tier below, and puts in its place what came from there.
    fn pass_below(&mut self, width: usize, pools: &Pools) {
        let lanes = self.x.chunks_exact_mut(width);
        let stride = width * pools.factor;
        let below = self.gathered.chunks_exact_mut(stride).zip(self.queue.chunks_exact(stride));
        for (x, (gathered, queue)) in lanes.zip(below) {
            gathered[self.phase * width..][..width].copy_from_slice(x);
            x.copy_from_slice(&queue[self.phase * width..][..width]);
        }
        self.phase = (self.phase + 1) % pools.factor;
    }

    /// Both blocks of pair `index`, and what a UNet keeps or takes behind them.
    fn pair(&mut self, tier: &Tier, side: Side, index: usize, work: &mut Work) -> Result<(), Lost> {
        let (pair, states) = match side {
            Side::Down => (&tier.down[index], &mut self.down[index]),
            Side::Up => (&tier.up[index], &mut self.up[index]),
        };
        work.s4(&pair.s4, &mut states.0, tier.width, &mut self.x)?;
        if let Some(feed_forward) = &pair.feed_forward {
            if tier.skips == Some(Skips::Layer) {
                self.skip(side);
            }
            work.feed_forward(feed_forward, tier.width, &mut self.x)?;
        }
        if tier.skips.is_some() {
            self.skip(side);
        }
        Ok(())
    }

    fn skip(&mut self, side: Side) {
        match side {
            Side::Down => self.keep(),
            Side::Up => self.add_kept(),
        }
    }

    fn keep(&mut self) {
        self.kept.extend_from_slice(&self.x);
    }

    /// Adds what was kept last.
    fn add_kept(&mut self) {
        let rest = self.kept.len() - self.x.len();
        self.x.iter_mut().zip(&self.kept[rest..]).for_each(|(x, kept)| *x += kept);
        self.kept.truncate(rest);
    }
}

#[derive(Clone, Copy)]
enum Side {
    Down,
    Up,
}

impl Tier {
    /// How many vectors are kept at a time.
    fn kept(&self) -> usize {
        let of_pair = |pair: &Pair| match self.skips {
            Some(Skips::Layer) if pair.feed_forward.is_some() => 2,
            _ => 1,
        };
        1 + self.down.iter().map(of_pair).sum::<usize>()
    }
}

impl Work {
    /// x += linear(gelu(s4(norm(x)))), or what of that the gate lets through.
    fn s4(
        &mut self,
        block: &S4Block,
        states: &mut [States],
        width: usize,
        x: &mut [f32],
    ) -> Result<(), Lost> {
        let Work { lanes, sums, normed, inner } = self;
        block.norm.apply(width, x, normed);
        for (shard, states) in sums.own().zip(&mut *states) {
            let heads = &block.heads[shard];
            let inner = &mut inner[..*lanes * heads.stride()];
            states.respond(heads, normed, share(width, shard).start, width, inner);
            stream::gelu(inner);
            block.out.parts[shard].times(*lanes, inner, 0, heads.stride(), sums.part(shard));
        }
        let len = *lanes * block.out.stride();
        sums.show(len);
        // The output is on its way: the states follow while the other thread's part comes.
        for (shard, states) in sums.own().zip(states) {
            states.advance(&block.heads[shard]);
        }
        let total = sums.total(len)?;
        match block.gated {
            true => stream::add_gated(width, total, block.out.stride(), x),
            false => stream::add(width, total, block.out.stride(), x),
        }
        Ok(())
    }

    /// x += outer(gelu(inner(norm(x)))).
    fn feed_forward(&mut self, block: &FeedForward, width: usize, x: &mut [f32]) -> Result<(), Lost> {
        let Work { lanes, sums, normed, inner } = self;
        block.norm.apply(width, x, normed);
        for shard in sums.own() {
            let rows = &block.inner[shard];
            let inner = &mut inner[..*lanes * rows.stride()];
            rows.times(*lanes, normed, 0, width, inner);
            stream::gelu(inner);
            block.outer.parts[shard].times(*lanes, inner, 0, rows.stride(), sums.part(shard));
        }
        let len = *lanes * block.outer.stride();
        sums.show(len);
        stream::add(width, sums.total(len)?, block.outer.stride(), x);
        Ok(())
    }

    /// A linear layer of `x` [lanes, columns]; lanes of the result are its stride apart.
    fn linear(&mut self, layer: &Split, x: &[f32]) -> Result<&[f32], Lost> {
        let Work { lanes, sums, .. } = self;
        for shard in sums.own() {
            let first = share(layer.columns, shard).start;
            layer.parts[shard].times(*lanes, x, first, layer.columns, sums.part(shard));
        }
        let len = *lanes * layer.stride();
        sums.show(len);
        sums.total(len)
    }
}
