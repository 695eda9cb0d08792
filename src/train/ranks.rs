//! Who shares a run's updates, and how what each has computed becomes one sum.
//!
//! Every process draws the same batches in the same order, computes gradients of its own share of an update's micro-batches, and, with the sum of
//! all of them, takes the same optimiser step; so each has all weights and moments. What is between them is a [`Transport`]: an update hands it
//! its parts, in the order of the micro-batches, and finds the sum. The terms are added in the order of the micro-batches, whoever has computed
//! them, so a run has the same bytes however many processes share it. Not for: sockets and processes (`launch::ranks`), what a part is
//! (`micro_batch.rs`). Start at [`Transport`]; [`Alone`] is the process that shares with nobody.

use kernels::{Backend, trace};

use super::micro_batch::Part;
use super::{State, TrainError};
use crate::nn::Params;

/// The part of an update that a profile tells apart, besides those of a micro-batch and the optimiser.
pub(super) const SUM: &str = "sum of gradients";

/// A process's place among those that share a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// From 0; rank 0 alone has the run's record.
    pub rank: usize,
    pub ranks: usize,
}

impl Rank {
    /// The only one.
    pub const ALONE: Rank = Rank { rank: 0, ranks: 1 };

    /// Whether micro-batch `index` of an update is this process's to compute.
    pub fn takes(self, index: usize) -> bool {
        self.owner(index) == self.rank
    }

    /// The rank that computes micro-batch `index`.
    pub fn owner(self, index: usize) -> usize {
        index % self.ranks
    }

    /// How many of an update's `batches` are this process's.
    pub fn share(self, batches: usize) -> usize {
        (batches + self.ranks - 1 - self.rank) / self.ranks
    }

    /// How many of all `threads` are this process's, at least one: equal shares, and rank 0 has what is left over.
    pub fn threads(self, threads: usize) -> usize {
        let share = (threads / self.ranks).max(1);
        match self.rank {
            0 => threads.saturating_sub(share * (self.ranks - 1)).max(1),
            _ => share,
        }
    }
}

/// The sum of an update's micro-batches, under way.
pub struct Sum<'a, D: Backend> {
    pub device: &'a D,
    /// Whose gradients they are.
    pub params: &'a Params<D>,
    /// Micro-batches of the update, in all processes together.
    pub batches: usize,
    /// Updates taken before this one.
    pub step: u64,
    /// Falls of the rate on a plateau, which rank 0 alone sees: what it says holds for all.
    pub falls: u32,
    /// What has been added.
    pub whole: Option<Part<D>>,
}

impl<D: Backend> Sum<'_, D> {
    /// Adds what comes next.
    ///
    /// # Errors
    /// The device failed.
    pub fn push(&mut self, part: Part<D>) -> Result<(), TrainError> {
        match &mut self.whole {
            None => self.whole = Some(part),
            Some(whole) => trace::phase(SUM, || whole.add(self.device, part))?,
        }
        Ok(())
    }
}

/// What is between the processes that share a run's updates. Each calls the same methods in the same order.
pub trait Transport<D: Backend> {
    /// This process's place.
    fn rank(&self) -> Rank;

    /// Brings every process to the state of rank 0, before the first update.
    ///
    /// # Errors
    /// A process is lost.
    fn begin(&mut self, device: &D, state: &mut State<D>) -> Result<(), TrainError>;

    /// Takes what this process has made of micro-batch `index`, the next that is its own; or why it could make nothing.
    ///
    /// # Errors
    /// A process is lost, or a part could not be made: of several, the first.
    fn add(
        &mut self,
        sum: &mut Sum<'_, D>,
        index: usize,
        part: Result<Part<D>, TrainError>,
    ) -> Result<(), TrainError>;

    /// Behind the last part of each process: leaves the sum of all of them in `sum`, and the falls of rank 0.
    ///
    /// # Errors
    /// As [`Transport::add`].
    fn all_reduce(&mut self, sum: &mut Sum<'_, D>) -> Result<(), TrainError>;
}

/// A process that shares with nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl<D: Backend> Transport<D> for Alone {
    fn rank(&self) -> Rank {
        Rank::ALONE
    }

    fn begin(&mut self, _: &D, _: &mut State<D>) -> Result<(), TrainError> {
        Ok(())
    }

    fn add(
        &mut self,
        sum: &mut Sum<'_, D>,
        _: usize,
        part: Result<Part<D>, TrainError>,
    ) -> Result<(), TrainError> {
        sum.push(part?)
    }

    fn all_reduce(&mut self, _: &mut Sum<'_, D>) -> Result<(), TrainError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ranks: usize) -> impl Iterator<Item = Rank> {
        (0..ranks).map(move |rank| Rank { rank, ranks })
    }

    #[test]
    fn every_micro_batch_has_one_owner_and_shares_add_up() {
        for (ranks, batches) in [(1, 1), (1, 5), (2, 2), (2, 3), (3, 3), (3, 8), (4, 5)] {
            for index in 0..batches {
                assert_eq!(all(ranks).filter(|rank| rank.takes(index)).count(), 1);
            }
            for rank in all(ranks) {
                let taken = (0..batches).filter(|&index| rank.takes(index)).count();
                assert_eq!((rank.share(batches), taken > 0), (taken, true), "{rank:?} of {batches}");
            }
        }
    }

    #[test]
    fn threads_are_shared_out_and_rank_0_has_the_rest() {
        let shares = |ranks, threads| all(ranks).map(|rank| rank.threads(threads)).collect::<Vec<_>>();
        assert_eq!(shares(1, 8), [8]);
        assert_eq!(shares(2, 5), [3, 2]);
        assert_eq!(shares(3, 8), [4, 2, 2]);
        assert_eq!(shares(3, 3), [1, 1, 1]);
        assert_eq!(shares(3, 2), [1, 1, 1]);
    }
}
