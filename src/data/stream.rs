//! The endless stream of training batches, and the one pass of an evaluation.

use serde::{Deserialize, Serialize};

use super::order::{epoch_order, shuffle_batches};
use super::{Batch, DataError, Limits, Loader, pack};
use crate::plan::{DataPlan, LengthBounds};

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

/// Batches of the first epoch over utterances of these lengths in samples, once the data warm-up is over.
pub fn batches_per_epoch(lengths: &[usize], plan: &DataPlan, seed: u64) -> usize {
    let order = epoch_order(seed, 0, lengths.len(), plan.shuffle);
    let admitted: Vec<usize> = order
        .into_iter()
        .map(|index| lengths[index])
        .filter(|&samples| samples <= plan.max_input_samples)
        .collect();
    let batches = |group: &[usize]| {
        let mut group = group.to_vec();
        group.sort_unstable();
        pack(&group, limits(plan)).len()
    };
    admitted.chunks(plan.bucket_size).map(batches).sum()
}

/// Training batches without end.
///
/// A group of `bucket_size` utterances is drawn in epoch order, sorted by length, packed, and its batches shuffled. All of it is a function of
/// the seed and the [`Position`]; which utterances the data warm-up leaves out depends on the update that a group starts at.
pub struct Stream {
    loader: Loader,
    limits: Limits,
    bucket_size: usize,
    shuffle: bool,
    warmup: LengthBounds,
    max_input_samples: usize,
    batches_per_step: u64,
    seed: u64,
    position: Position,
    group: Vec<Vec<usize>>,
    after_group: (u64, usize),
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
        Stream {
            loader,
            limits: limits(plan),
            bucket_size: plan.bucket_size,
            shuffle: plan.shuffle,
            warmup: plan.warmup,
            max_input_samples: plan.max_input_samples,
            batches_per_step: batches_per_step as u64,
            seed,
            position,
            group: Vec::new(),
            after_group: (position.epoch, position.offset),
        }
    }

    /// The next batch, and the position after it.
    ///
    /// # Errors
    /// No utterance passes the filters, or one cannot be read.
    pub fn next_batch(&mut self) -> Result<(Batch, Position), DataError> {
        if self.group.is_empty() {
            self.form_group()?;
        }
        // At the end of a group, also of one that was formed again only to find its end.
        if self.position.batch_in_group >= self.group.len() {
            self.position = Position {
                epoch: self.after_group.0,
                offset: self.after_group.1,
                group: self.position.group + 1,
                batches_before_group: self.position.batches_before_group + self.group.len() as u64,
                batch_in_group: 0,
            };
            self.form_group()?;
        }
        let members = self.group[self.position.batch_in_group].clone();
        let utterances =
            members.into_iter().map(|index| self.loader.load(index)).collect::<Result<Vec<_>, _>>()?;
        self.position.batch_in_group += 1;
        Ok((Batch::collate(utterances), self.position))
    }

    /// Draws, sorts, packs and shuffles the group that starts at the current position.
    fn form_group(&mut self) -> Result<(), DataError> {
        let step = self.position.batches_before_group / self.batches_per_step;
        let (mut epoch, mut offset) = (self.position.epoch, self.position.offset);
        let mut order = self.order(epoch);
        let mut drawn = Vec::with_capacity(self.bucket_size);
        let mut refused_in_a_row = 0;
        while drawn.len() < self.bucket_size {
            if offset >= order.len() {
                (epoch, offset) = (epoch + 1, 0);
                order = self.order(epoch);
            }
            if refused_in_a_row == self.loader.len() {
                return Err(self.nothing_left(step));
            }
            let index = order[offset];
            offset += 1;
            if self.admits(index, step) {
                drawn.push(index);
                refused_in_a_row = 0;
            } else {
                refused_in_a_row += 1;
            }
        }
        drawn.sort_by_key(|&index| self.loader.samples(index));
        let lengths: Vec<usize> = drawn.iter().map(|&index| self.loader.samples(index)).collect();
        self.group = pack(&lengths, self.limits)
            .into_iter()
            .map(|batch| batch.into_iter().map(|i| drawn[i]).collect())
            .collect();
        shuffle_batches(self.seed, self.position.group, &mut self.group);
        self.after_group = (epoch, offset);
        Ok(())
    }

    fn order(&self, epoch: u64) -> Vec<usize> {
        epoch_order(self.seed, epoch, self.loader.len(), self.shuffle)
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
             `max_input_length` in [data]"
        } else {
            "see `max_input_length` in [data]"
        };
        DataError::NothingLeft { meta: self.loader.meta(), count: self.loader.len(), filter: filter.into() }
    }
}

/// The batches of an evaluation: every utterance once, sorted by length, at most `max_batches` batches.
///
/// # Errors
/// An utterance cannot be read.
pub fn eval_batches(
    loader: &mut Loader,
    plan: &DataPlan,
    max_batches: usize,
) -> Result<Vec<Batch>, DataError> {
    let mut order: Vec<usize> = (0..loader.len()).collect();
    order.sort_by_key(|&index| loader.samples(index));
    let lengths: Vec<usize> = order.iter().map(|&index| loader.samples(index)).collect();
    let packed = pack(&lengths, limits(plan).for_evaluation());
    let mut batches = Vec::with_capacity(packed.len().min(max_batches));
    for members in packed.into_iter().take(max_batches) {
        let utterances = members.into_iter().map(|i| loader.load(order[i])).collect::<Result<Vec<_>, _>>()?;
        batches.push(Batch::collate(utterances));
    }
    Ok(batches)
}

fn limits(plan: &DataPlan) -> Limits {
    Limits { size: plan.batch_size, frames: plan.batch_frame_limit, quad_frames: plan.batch_quad_frame_limit }
}
