//! How numbers are spread: a histogram of a tensor's values, as it is kept in histograms.jsonl and shown in TensorBoard.

use serde::{Deserialize, Serialize};

/// Buckets of equal width between the smallest and the largest value. TensorBoard redraws with thirty anyway.
const BUCKETS: usize = 30;

/// Values that are not finite are counted apart and are in no bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    pub sum_squares: f64,
    /// Values in each bucket, from `min` up.
    pub counts: Vec<u64>,
    /// How many were infinite or not a number.
    pub not_finite: u64,
}

impl Histogram {
    /// The spread of `values`. Of none, or of none that is finite, no buckets.
    pub fn of(values: &[f32]) -> Self {
        let finite = || values.iter().filter(|value| value.is_finite()).map(|&value| f64::from(value));
        let count = finite().count();
        let not_finite = (values.len() - count) as u64;
        if count == 0 {
            return Histogram { not_finite, ..Histogram::default() };
        }
        let (min, max) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        let width = (max - min) / BUCKETS as f64;
        let mut counts = vec![0; if width > 0.0 { BUCKETS } else { 1 }];
        let last = counts.len() - 1;
        for value in finite() {
            // The largest value belongs to the last bucket; where there is one, 0 / 0 is not a number, which makes place 0.
            let place = ((value - min) / width) as usize;
            counts[place.min(last)] += 1;
        }
        let sum_squares = finite().map(|value| value * value).sum();
        Histogram { min, max, sum: finite().sum(), sum_squares, counts, not_finite }
    }

    /// The upper end of each bucket.
    pub fn ends(&self) -> Vec<f64> {
        let width = (self.max - self.min) / self.counts.len() as f64;
        let last = self.counts.len();
        (1..=last).map(|end| if end == last { self.max } else { self.min + width * end as f64 }).collect()
    }

    /// Finite values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_in_a_bucket() {
        let values: Vec<f32> =
            (0..=60).map(|value| value as f32 / 2.0).chain([f32::NAN, f32::INFINITY]).collect();
        let histogram = Histogram::of(&values);
        assert_eq!((histogram.min, histogram.max, histogram.sum), (0.0, 30.0, 915.0));
        assert_eq!((histogram.count(), histogram.not_finite), (61, 2));
        let mut want = vec![2; 29];
        want.push(3);
        assert_eq!(histogram.counts, want);
        assert_eq!((histogram.ends()[0], histogram.ends()[29]), (1.0, 30.0));
    }

    #[test]
    fn values_that_are_all_the_same_have_one_bucket() {
        let histogram = Histogram::of(&[0.5; 4]);
        assert_eq!(
            (histogram.counts.as_slice(), histogram.ends().as_slice()),
            ([4].as_slice(), [0.5].as_slice())
        );
        assert_eq!(Histogram::of(&[f32::NAN]).count(), 0);
        assert!(Histogram::of(&[]).ends().is_empty());
    }
}
