//! How much there is, from the lengths in a meta file alone.

/// Totals of a list of utterances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CorpusFacts {
    /// Number of utterances.
    pub utterances: usize,
    /// Samples of all utterances together.
    pub total_samples: u64,
    /// Samples of the shortest utterance, 0 when there is none.
    pub shortest_samples: usize,
    /// Samples of the longest utterance, 0 when there is none.
    pub longest_samples: usize,
}

impl CorpusFacts {
    /// Sums up lengths in samples.
    pub fn of(lengths: impl IntoIterator<Item = usize>) -> Self {
        lengths.into_iter().fold(Self::default(), |mut facts, samples| {
            facts.shortest_samples =
                if facts.utterances == 0 { samples } else { facts.shortest_samples.min(samples) };
            facts.longest_samples = facts.longest_samples.max(samples);
            facts.utterances += 1;
            facts.total_samples += samples as u64;
            facts
        })
    }

    /// Seconds of all utterances together at `rate_hz`.
    pub fn total_secs(&self, rate_hz: u32) -> f64 {
        self.total_samples as f64 / f64::from(rate_hz)
    }
}
