//! The order of utterances and batches: a function of seed and epoch, or what the published programs' generator makes of it.

use super::{Position, Shares};
use crate::plan::{Behaviour, DataPlan};
use crate::seed::{Purpose, RandomState, stream};

/// Where the next training utterance comes from, without end.
pub enum Draws {
    /// Every epoch and every group of batches is shuffled by a stream of its own, so that drawing can start anywhere.
    Sound { seed: u64, shuffle: bool, shares: Shares, order: Vec<usize>, epoch: u64, offset: usize },
    /// One generator shuffles everything, each epoch from the order that the one before left: drawing starts at the start.
    Reference { random: Box<RandomState>, shuffle: bool, order: Vec<usize>, epoch: u64, offset: usize },
}

impl Draws {
    /// Draws of `shares`, and the position they start at: `from`, or the very start where that cannot be jumped to.
    pub fn new(plan: &DataPlan, seed: u64, shares: &Shares, from: Position) -> (Self, Position) {
        let shuffle = plan.shuffle;
        match plan.order {
            Behaviour::Sound => {
                let (shares, Position { epoch, offset, .. }) = (shares.clone(), from);
                let order = epoch_order(seed, epoch, &shares, shuffle);
                (Draws::Sound { seed, shuffle, shares, order, epoch, offset }, from)
            }
            Behaviour::Reference => {
                let (mut random, mut order) =
                    (Box::new(RandomState::new(seed)), (0..shares.draws()).collect::<Vec<_>>());
                if shuffle {
                    random.shuffle(&mut order);
                }
                (Draws::Reference { random, shuffle, order, epoch: 0, offset: 0 }, Position::default())
            }
        }
    }

    /// The next utterance. There must be one.
    pub fn draw(&mut self) -> usize {
        match self {
            Draws::Sound { seed, shuffle, shares, order, epoch, offset } => {
                if *offset >= order.len() {
                    (*epoch, *offset) = (*epoch + 1, 0);
                    *order = epoch_order(*seed, *epoch, shares, *shuffle);
                }
                *offset += 1;
                order[*offset - 1]
            }
            Draws::Reference { random, shuffle, order, epoch, offset } => {
                let drawn = order[*offset];
                *offset += 1;
                // As soon as the last one is taken: what is drawn from the generator next depends on it.
                if *offset == order.len() {
                    (*epoch, *offset) = (*epoch + 1, 0);
                    if *shuffle {
                        random.shuffle(order);
                    }
                }
                drawn
            }
        }
    }

    /// Epoch and offset of the next draw.
    pub fn place(&self) -> (u64, usize) {
        match self {
            Draws::Sound { epoch, offset, .. } | Draws::Reference { epoch, offset, .. } => (*epoch, *offset),
        }
    }

    /// Shuffles the batches of a group; `group` counts groups since the start of training.
    pub fn shuffle_batches<T>(&mut self, group: u64, batches: &mut [T]) {
        match self {
            Draws::Sound { seed, .. } => shuffled(batches, *seed, Purpose::Batches, group),
            Draws::Reference { random, .. } => random.shuffle(batches),
        }
    }
}

/// The order in which an evaluation sees its utterances before they are sorted by length, and what shuffles its batches.
///
/// The published programs' evaluation draws as training does, from a generator of its own that starts at 0 whatever the run's seed.
pub fn evaluation(plan: &DataPlan, count: usize) -> (Vec<usize>, Draws) {
    let (mut draws, _) = Draws::new(plan, 0, &Shares::whole(count), Position::default());
    let order = match plan.order {
        Behaviour::Sound => (0..count).collect(),
        Behaviour::Reference => (0..count).map(|_| draws.draw()).collect(),
    };
    (order, draws)
}

/// What `epoch` draws of `shares`: as listed, or shuffled.
fn epoch_order(seed: u64, epoch: u64, shares: &Shares, shuffle: bool) -> Vec<usize> {
    let mut order = shares.epoch(seed, epoch);
    if shuffle {
        shuffled(&mut order, seed, Purpose::Order, epoch);
    }
    order
}

fn shuffled<T>(items: &mut [T], seed: u64, purpose: Purpose<'_>, major: u64) {
    rand::seq::SliceRandom::shuffle(items, &mut stream(seed, purpose, major, 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_permutation_of_its_own() {
        let whole = Shares::whole(100);
        let first = epoch_order(1, 0, &whole, true);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, epoch_order(1, 0, &whole, false));
        assert_eq!(first, epoch_order(1, 0, &whole, true));
        assert_ne!(first, epoch_order(1, 1, &whole, true));
        assert_ne!(first, epoch_order(2, 0, &whole, true));
    }
}
