//! What may be said next: text between times, which come in pairs and never go back.

use super::sizes::{Manners, Sizes};
use super::words::Words;

/// Where nothing else is said of it, the first words begin within the first second.
const FIRST_STEPS: usize = 50;

/// What of the vocabulary may be said when.
#[derive(Debug, Clone)]
pub struct Rules {
    end: usize,
    no_timestamps: usize,
    first_timestamp: usize,
    last_first_timestamp: usize,
    never: Vec<u32>,
    never_first: Vec<u32>,
}

impl Rules {
    pub fn new(words: &Words, sizes: &Sizes, manners: &Manners) -> Self {
        let within = |tokens: &Option<Vec<u32>>| {
            let mut tokens = tokens.clone().unwrap_or_default();
            tokens.retain(|token| (*token as usize) < sizes.vocab_size);
            tokens
        };
        let first_timestamp = words.first_timestamp as usize;
        Rules {
            end: words.end as usize,
            no_timestamps: words.no_timestamps as usize,
            first_timestamp,
            last_first_timestamp: first_timestamp
                + manners.max_initial_timestamp_index.unwrap_or(FIRST_STEPS).min(sizes.max_source_positions),
            never: within(&manners.suppress_tokens),
            never_first: within(&manners.begin_suppress_tokens),
        }
    }

    /// Takes the scores of what may not follow `said` away.
    pub fn apply(&self, said: &[u32], scores: &mut [f32]) {
        for &token in &self.never {
            scores[token as usize] = f32::NEG_INFINITY;
        }
        scores[self.no_timestamps] = f32::NEG_INFINITY;
        match said {
            [] => self.begin(scores),
            said => self.go_on(said, scores),
        }
        self.prefer_time(scores);
    }

    /// A transcript begins with a time.
    fn begin(&self, scores: &mut [f32]) {
        for &token in &self.never_first {
            scores[token as usize] = f32::NEG_INFINITY;
        }
        scores[..self.first_timestamp].fill(f32::NEG_INFINITY);
        scores[self.last_first_timestamp + 1..].fill(f32::NEG_INFINITY);
    }

    /// Behind the time at which a piece of text ends comes that at which the next one begins, or nothing; behind that comes text. Times grow: a
    /// piece may begin when the one before it ends, but not end when it begins.
    fn go_on(&self, said: &[u32], scores: &mut [f32]) {
        let is_time = |token: u32| token as usize >= self.first_timestamp;
        let times_last = said.iter().rev().take_while(|token| is_time(**token)).count();
        let ended = times_last == 1 && said.len() > 1;
        if ended {
            scores[..self.end].fill(f32::NEG_INFINITY);
        } else if times_last > 0 {
            scores[self.first_timestamp..].fill(f32::NEG_INFINITY);
        }
        if let Some(&last) = said.iter().rev().find(|token| is_time(**token)) {
            let least = (last as usize + usize::from(!ended)).min(scores.len());
            scores[self.first_timestamp..least].fill(f32::NEG_INFINITY);
        }
    }

    /// Where all times together are likelier than the likeliest other token, it is time for one.
    fn prefer_time(&self, scores: &mut [f32]) {
        let (others, times) = scores.split_at_mut(self.first_timestamp);
        let best = others.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let loudest = times.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if loudest == f32::NEG_INFINITY {
            return;
        }
        let sum: f32 = times.iter().map(|time| (time - loudest).exp()).sum();
        if loudest + sum.ln() > best {
            others.fill(f32::NEG_INFINITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten words, an end, `no_timestamps`, and times from 12 on.
    fn rules() -> Rules {
        Rules {
            end: 10,
            no_timestamps: 11,
            first_timestamp: 12,
            last_first_timestamp: 14,
            never: vec![3],
            never_first: vec![10],
        }
    }

    /// The tokens that may follow, where all score the same but a word and the end, which are louder than all times together.
    fn may_follow(said: &[u32]) -> Vec<usize> {
        let mut scores = vec![0.0; 20];
        scores[5] = 9.0;
        scores[10] = 9.0;
        rules().apply(said, &mut scores);
        (0..20).filter(|token| scores[*token].is_finite()).collect()
    }

    #[test]
    fn times_come_in_pairs_and_do_not_go_back() {
        let words = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10];
        let and = |times: std::ops::Range<usize>| words.iter().copied().chain(times).collect::<Vec<_>>();
        assert_eq!(may_follow(&[]), [12, 13, 14], "an early time first");
        assert_eq!(may_follow(&[13]), words, "behind it text");
        assert_eq!(may_follow(&[13, 1]), and(14..20), "then text or a later time");
        assert_eq!(may_follow(&[13, 1, 15]), [10, 15, 16, 17, 18, 19], "behind it the end or the next time");
        assert_eq!(may_follow(&[13, 1, 15, 15]), words);
        assert_eq!(may_follow(&[13, 1, 15, 15, 2]), and(16..20));
        assert_eq!(may_follow(&[13, 1, 19, 19, 2]), words, "no time is left");
    }

    #[test]
    fn times_that_are_likelier_together_than_any_word_come_first() {
        let mut scores = vec![0.0; 20];
        rules().apply(&[13, 1], &mut scores);
        let left: Vec<usize> = (0..20).filter(|token| scores[*token].is_finite()).collect();
        assert_eq!(left, [14, 15, 16, 17, 18, 19]);
    }
}
