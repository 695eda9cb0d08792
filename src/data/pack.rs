//! Utterances into batches, by length.

/// What bounds a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Utterances.
    pub size: usize,
    /// Utterances × longest, in samples.
    pub frames: f64,
    /// Utterances × longest², in samples².
    pub quad_frames: f64,
}

impl Limits {
    /// The limits of an evaluation: half the samples, since the reference holds all batches at once.
    pub fn for_evaluation(self) -> Self {
        Limits { frames: self.frames / 2.0, quad_frames: self.quad_frames / 2.0, ..self }
    }

    fn admit(&self, count: usize, longest: usize) -> bool {
        let (count_after, longest) = ((count + 1) as f64, longest as f64);
        count < self.size
            && count_after * longest <= self.frames
            && count_after * longest * longest <= self.quad_frames
    }
}

/// Packs items sorted by ascending length into batches of indices.
///
/// A new batch is opened where the next item, the longest so far, would break a limit. An item that breaks one on its own
/// is a batch of its own.
pub fn pack(lengths: &[usize], limits: Limits) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for (index, &length) in lengths.iter().enumerate() {
        match batches.last_mut() {
            Some(batch) if limits.admit(batch.len(), length) => batch.push(index),
            _ => batches.push(vec![index]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_references_example() {
        let limits = Limits { size: 3, frames: 100.0, quad_frames: 4000.0 };
        let batches = pack(&[10, 20, 30, 40, 50], limits);
        assert_eq!(batches, [vec![0, 1, 2], vec![3], vec![4]]);
    }

    #[test]
    fn an_item_above_the_limits_stands_alone_and_no_batch_is_empty() {
        let limits = Limits { size: 3, frames: 5.0, quad_frames: 1e9 };
        assert_eq!(pack(&[10, 20], limits), [vec![0], vec![1]]);
        assert!(pack(&[], limits).is_empty());
    }

    #[test]
    fn every_batch_keeps_every_limit() {
        let lengths: Vec<usize> = (0..500).map(|i| 100 + i * 7).collect();
        let limits = Limits { size: 12, frames: 20_000.0, quad_frames: 3e7 };
        let batches = pack(&lengths, limits);
        let packed: Vec<usize> = batches.iter().flatten().copied().collect();
        assert_eq!(packed, (0..500).collect::<Vec<_>>());
        for batch in &batches {
            let (n, longest) = (batch.len() as f64, lengths[batch[batch.len() - 1]] as f64);
            assert!(batch.len() <= 12);
            assert!(batch.len() == 1 || (n * longest <= 20_000.0 && n * longest * longest <= 3e7));
        }
    }
}
