//! How many clips of each corpus an epoch draws, and which.

use std::ops::Range;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use crate::seed::{Purpose, stream};

/// The corpora that are drawn from, one behind the other, with what an epoch draws of each.
#[derive(Debug, Clone)]
pub struct Shares(Vec<Share>);

#[derive(Debug, Clone)]
struct Share {
    clips: Range<usize>,
    draws: usize,
}

impl Shares {
    /// Corpora of so many clips each, and the draws for each of them: 1 draws every clip once, 0.5 half of them, 2 each twice.
    pub fn new(corpora: impl IntoIterator<Item = (usize, f64)>) -> Self {
        let mut start = 0;
        let share = |(clips, weight): (usize, f64)| {
            let share =
                Share { clips: start..start + clips, draws: (clips as f64 * weight).round() as usize };
            start = share.clips.end;
            share
        };
        Shares(corpora.into_iter().map(share).collect())
    }

    /// One corpus, every clip of it once.
    pub fn whole(clips: usize) -> Self {
        Shares::new([(clips, 1.0)])
    }

    /// The first corpus of which an epoch draws nothing.
    pub fn undrawn(&self) -> Option<usize> {
        self.0.iter().position(|share| share.draws == 0)
    }

    /// Clips that an epoch draws.
    pub fn draws(&self) -> usize {
        self.0.iter().map(|share| share.draws).sum()
    }

    /// The clips of `epoch`, corpus by corpus, as listed: where a corpus is drawn in part, which of it is a function of seed and epoch.
    pub fn epoch(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let drawn = self.0.iter().zip(0..).flat_map(|(share, corpus)| share.epoch(seed, epoch, corpus));
        drawn.collect()
    }

    /// Any clip; a corpus is met as often as an epoch draws of it.
    pub fn any(&self, random: &mut Pcg64Mcg) -> usize {
        let mut at = random.random_range(0..self.draws());
        for share in &self.0 {
            if at < share.draws {
                return match share.draws == share.clips.len() {
                    true => share.clips.start + at,
                    false => random.random_range(share.clips.clone()),
                };
            }
            at -= share.draws;
        }
        unreachable!("one draw of all")
    }
}

impl Share {
    fn epoch(&self, seed: u64, epoch: u64, corpus: u64) -> Vec<usize> {
        let clips = self.clips.len();
        let (all, some) = (self.draws / clips.max(1), self.draws % clips.max(1));
        let mut times = vec![all; clips];
        if some > 0 {
            let mut order: Vec<usize> = (0..clips).collect();
            order.shuffle(&mut stream(seed, Purpose::Share, epoch, corpus));
            order[..some].iter().for_each(|&clip| times[clip] += 1);
        }
        let repeated = self.clips.clone().zip(times);
        repeated.flat_map(|(clip, times)| std::iter::repeat_n(clip, times)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Shares;

    /// How often each of ten clips is drawn.
    fn counts(drawn: &[usize]) -> [usize; 10] {
        let mut counts = [0; 10];
        drawn.iter().for_each(|&clip| counts[clip] += 1);
        counts
    }

    #[test]
    fn a_weight_is_the_share_of_draws_in_every_epoch() {
        let shares = Shares::new([(4, 1.0), (4, 0.5), (2, 2.5)]);
        assert_eq!(shares.draws(), 4 + 2 + 5);
        let epochs: Vec<Vec<usize>> = (0..20).map(|epoch| shares.epoch(7, epoch)).collect();
        for drawn in &epochs {
            let counts = counts(drawn);
            assert_eq!(counts[..4], [1; 4]);
            assert_eq!(counts[4..8].iter().sum::<usize>(), 2);
            assert!(counts[4..8].iter().all(|&count| count <= 1), "half of them, none twice");
            assert!(counts[8..] == [2, 3] || counts[8..] == [3, 2]);
        }
        let all = counts(&epochs.concat());
        assert!(all[4..8].iter().all(|&count| count > 0), "other ones in other epochs: {all:?}");
        assert_eq!(epochs[3], shares.epoch(7, 3));
        assert_ne!(epochs, (0..20).map(|epoch| shares.epoch(8, epoch)).collect::<Vec<_>>());
        assert_eq!(Shares::whole(3).epoch(7, 5), [0, 1, 2]);
        assert_eq!(Shares::new([(9, 1.0), (2, 0.1)]).undrawn(), Some(1));
    }

    #[test]
    fn any_clip_is_met_as_often_as_epochs_draw_it() {
        let shares = Shares::new([(4, 1.0), (4, 0.5), (2, 2.0)]);
        let mut random = rand_pcg::Pcg64Mcg::new(3);
        let met = counts(&(0..20_000).map(|_| shares.any(&mut random)).collect::<Vec<_>>());
        for (clip, &count) in met.iter().enumerate() {
            let expected = [2_000.0, 1_000.0, 4_000.0][if clip < 4 { 0 } else { 1 + usize::from(clip > 7) }];
            assert!((count as f64 / expected - 1.0).abs() < 0.1, "{met:?}");
        }
    }
}
