//! The endless stream of training batches, and the one pass of an evaluation.

use serde::{Deserialize, Serialize};

use super::loader::lengths;
use super::mixup::maybe_mixed;
use super::order::{Draws, evaluation};
use super::{Batch, DataError, Limits, Loader, open_train, pack};
use crate::corpora::CorpusError;
use crate::plan::{Behaviour, DataPlan, LengthBounds};
use crate::seed::{Purpose, stream};

/// Where in the stream the next batch lies: enough to start there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Epoch and utterance at which the current group starts.
    pub epoch: u64,
    pub offset: usize,
    /// Groups and batches handed out before the current group.
    pub group: u64,
    pub batches_before_group: u64,
    /// Batches of the current group already handed out.
    pub batch_in_group: usize,
}

/// The samples of each batch of the first epoch, padding included, once the data warm-up is over. Only lists are read.
///
/// # Errors
/// A list is missing or broken.
pub fn first_epoch(plan: &DataPlan, seed: u64) -> Result<Vec<usize>, CorpusError> {
    let (lengths, shares) = lengths(&open_train(plan)?, plan);
    let (mut draws, _) = Draws::new(plan, seed, &shares, Position::default());
    let admitted: Vec<usize> = (0..shares.draws())
        .map(|_| lengths[draws.draw()])
        .filter(|&samples| samples <= plan.max_input_samples)
        .collect();
    let batches = |group: &[usize]| -> Vec<usize> {
        let mut group = group.to_vec();
        group.sort_unstable();
        let padded = |batch: &Vec<usize>| batch.len() * batch.last().map_or(0, |&longest| group[longest]);
        pack(&group, limits(plan)).iter().map(padded).collect()
    };
    Ok(admitted.chunks(plan.bucket_size).flat_map(batches).collect())
}

/// Training batches without end.
///
/// A group of `bucket_size` utterances is drawn in epoch order, sorted by length, packed, and its batches shuffled. All of it is a function of
/// the seed and the [`Position`]; which utterances the data warm-up leaves out depends on the update that a group starts at. In the
/// published programs' order every group depends on those before it, so a stream that starts late first forms them all again (their
/// sound is not read).
pub struct Stream {
    loader: Loader,
    limits: Limits,
    bucket_size: usize,
    warmup: LengthBounds,
    max_input_samples: usize,
    batches_per_step: u64,
    /// Chance that a clip is mixed with another, and what the draws come from.
    mixup: f64,
    seed: u64,
    /// Draws on from where the group ends.
    draws: Draws,
    position: Position,
    /// Where the first batch is to lie; reached when it is asked for.
    start: Position,
    group: Vec<Vec<usize>>,
}

impl Stream {
    /// A stream over `loader` that starts at `position`.
    pub fn new(
        loader: Loader,
        plan: &DataPlan,
        seed: u64,
        batches_per_step: usize,
        position: Position,
    ) -> Self {
        let (draws, from) = Draws::new(plan, seed, loader.shares(), position);
        Stream {
            loader,
            limits: limits(plan),
            bucket_size: plan.bucket_size,
            warmup: plan.warmup,
            max_input_samples: plan.max_input_samples,
            batches_per_step: batches_per_step as u64,
            mixup: plan.mixup,
            seed,
            draws,
            position: from,
            start: position,
            group: Vec::new(),
        }
    }

    /// The next batch, and the position after it.
    ///
    /// # Errors
    /// No utterance passes the filters, or one cannot be read.
    pub fn next_batch(&mut self) -> Result<(Batch, Position), DataError> {
        if self.group.is_empty() {
            self.reach_start()?;
        }
        // At the end of a group, also of one that was formed again only to find its end.
        if self.position.batch_in_group >= self.group.len() {
            self.pass_group();
            self.form_group()?;
        }
        let members = self.group[self.position.batch_in_group].clone();
        let Position { group, batch_in_group, .. } = self.position;
        let mut draws = stream(self.seed, Purpose::Mixup, group, batch_in_group as u64);
        let mut utterances = Vec::with_capacity(members.len());
        for index in members {
            utterances.push(maybe_mixed(&mut self.loader, index, self.mixup, &mut draws)?);
        }
        self.position.batch_in_group += 1;
        Ok((Batch::of(utterances), self.position))
    }

    /// Forms the group in which the first batch lies, after those before it where the order needs them.
    fn reach_start(&mut self) -> Result<(), DataError> {
        self.form_group()?;
        while self.position.group < self.start.group {
            self.pass_group();
            self.form_group()?;
        }
        self.position.batch_in_group = self.start.batch_in_group;
        Ok(())
    }

    /// Moves to the start of the next group.
    fn pass_group(&mut self) {
        let (epoch, offset) = self.draws.place();
        self.position = Position {
            epoch,
            offset,
            group: self.position.group + 1,
            batches_before_group: self.position.batches_before_group + self.group.len() as u64,
            batch_in_group: 0,
        };
    }

    /// Draws, sorts, packs and shuffles the group that starts at the current position.
    fn form_group(&mut self) -> Result<(), DataError> {
        let step = self.position.batches_before_group / self.batches_per_step;
        let mut drawn = Vec::with_capacity(self.bucket_size);
        if !(0..self.loader.len()).any(|index| self.admits(index, step)) {
            return Err(self.nothing_left(step));
        }
        while drawn.len() < self.bucket_size {
            let index = self.draws.draw();
            if self.admits(index, step) {
                drawn.push(index);
            }
        }
        drawn.sort_by_key(|&index| self.loader.samples(index));
        let lengths: Vec<usize> = drawn.iter().map(|&index| self.loader.samples(index)).collect();
        self.group = packed(&lengths, self.limits, &drawn);
        self.draws.shuffle_batches(self.position.group, &mut self.group);
        Ok(())
    }

    fn admits(&self, index: usize, step: u64) -> bool {
        let samples = self.loader.samples(index);
        if samples > self.max_input_samples {
            return false;
        }
        let warming = step < self.warmup.steps;
        let within = self.warmup.samples.is_none_or(|(low, high)| (low..=high).contains(&samples));
        let chars_above = self.warmup.chars_above;
        let long_enough = chars_above == 0 || self.loader.raw_chars(index) > chars_above;
        !warming || (within && long_enough)
    }

    fn nothing_left(&self, step: u64) -> DataError {
        let filter = if step < self.warmup.steps {
            "see `input_length_lower_bound`, `input_length_upper_bound`, `target_length_lower_bound` and \
             `max_input_length` in `[data]`"
        } else {
            "see `max_input_length` in `[data]`"
        };
        DataError::NothingLeft { meta: self.loader.meta(), count: self.loader.len(), filter: filter.into() }
    }
}

/// The batches of an evaluation: every utterance once, sorted by length, at most `max_batches` batches; only those before somebody `asked` to
/// end.
///
/// # Errors
/// An utterance cannot be read.
pub fn eval_batches(
    loader: &mut Loader,
    plan: &DataPlan,
    max_batches: usize,
    asked: &dyn Fn() -> bool,
) -> Result<Vec<Batch>, DataError> {
    let (mut order, mut draws) = evaluation(plan, loader.len());
    order.sort_by_key(|&index| loader.samples(index));
    let lengths: Vec<usize> = order.iter().map(|&index| loader.samples(index)).collect();
    let mut members = packed(&lengths, limits(plan).for_evaluation(), &order);
    if plan.order == Behaviour::Reference {
        draws.shuffle_batches(0, &mut members);
    }
    members.truncate(max_batches);
    let mut load = |members: Vec<usize>| -> Result<Batch, DataError> {
        let utterances =
            members.into_iter().map(|index| loader.hear(index)).collect::<Result<Vec<_>, _>>()?;
        Ok(Batch::of(utterances))
    };
    members.into_iter().take_while(|_| !asked()).map(&mut load).collect()
}

/// Utterances, given by ascending length, into batches.
fn packed(lengths: &[usize], limits: Limits, utterances: &[usize]) -> Vec<Vec<usize>> {
    let batches = pack(lengths, limits).into_iter();
    batches.map(|batch| batch.into_iter().map(|index| utterances[index]).collect()).collect()
}

fn limits(plan: &DataPlan) -> Limits {
    Limits { size: plan.batch_size, frames: plan.batch_frame_limit, quad_frames: plan.batch_quad_frame_limit }
}
