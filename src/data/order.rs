//! The order of utterances and batches, as a function of seed and epoch.

use rand::seq::SliceRandom;

use crate::seed::{Purpose, stream};

/// The order of `count` utterances in `epoch`: as listed, or shuffled.
pub fn epoch_order(seed: u64, epoch: u64, count: usize, shuffle: bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    if shuffle {
        order.shuffle(&mut stream(seed, Purpose::Order, epoch, 0));
    }
    order
}

/// Shuffles the batches of a group; `group` counts groups since the start of training.
pub fn shuffle_batches<T>(seed: u64, group: u64, batches: &mut [T]) {
    batches.shuffle(&mut stream(seed, Purpose::Batches, group, 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_permutation_of_its_own() {
        let first = epoch_order(1, 0, 100, true);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, epoch_order(1, 0, 100, false));
        assert_eq!(first, epoch_order(1, 0, 100, true));
        assert_ne!(first, epoch_order(1, 1, 100, true));
        assert_ne!(first, epoch_order(2, 0, 100, true));
    }
}
