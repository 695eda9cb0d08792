//! Are two recordings of one voice? By the cosine between what a classifier of speakers stands on, whether or not it knows the voice.

/// Pairs of recordings with how alike they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trials {
    /// Of one voice.
    pub same: Vec<f64>,
    /// Of two.
    pub other: Vec<f64>,
}

impl Trials {
    /// All pairs of recordings, given by voice and vector, of which `counts` says yes of both voices.
    pub fn among<'a>(recordings: &[(&'a str, &[f32])], counts: impl Fn(&'a str, &'a str) -> bool) -> Self {
        let mut trials = Trials::default();
        for (at, (voice, vector)) in recordings.iter().enumerate() {
            for (other_voice, other) in &recordings[at + 1..] {
                if counts(voice, other_voice) {
                    let alike = cosine(vector, other);
                    if voice == other_voice { trials.same.push(alike) } else { trials.other.push(alike) }
                }
            }
        }
        trials
    }

    /// The share of pairs that are judged wrong where as many of one voice are refused as of two are accepted: the mean of both shares at the threshold
    /// where they are nearest. `None` without pairs of either kind, or where one has no number.
    pub fn equal_error_rate(&self) -> Option<f64> {
        let all = || self.same.iter().chain(&self.other);
        if self.same.is_empty() || self.other.is_empty() || all().any(|alike| !alike.is_finite()) {
            return None;
        }
        let [same, other] = [&self.same, &self.other].map(|alike| {
            let mut sorted = alike.clone();
            sorted.sort_by(f64::total_cmp);
            sorted
        });
        // Accepted are pairs at least as alike as the threshold; the last one accepts none.
        let thresholds = same.iter().chain(&other).copied().chain([f64::INFINITY]);
        let shares = thresholds.map(|threshold| {
            let below = |sorted: &[f64]| sorted.partition_point(|alike| *alike < threshold) as f64;
            let refused = below(&same) / same.len() as f64;
            let accepted = 1.0 - below(&other) / other.len() as f64;
            [refused, accepted]
        });
        let apart = |[refused, accepted]: &[f64; 2]| (refused - accepted).abs();
        let nearest = shares.min_by(|a, b| apart(a).total_cmp(&apart(b)));
        nearest.map(|[refused, accepted]| 0.5 * (refused + accepted))
    }
}

/// The cosine of the angle between two vectors; no number where one has no length.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voices_apart_make_no_error_and_mixed_ones_half() {
        let rate = |same: &[f64], other: &[f64]| {
            Trials { same: same.to_vec(), other: other.to_vec() }.equal_error_rate()
        };
        assert_eq!(rate(&[0.8, 0.9], &[0.1, 0.2, 0.3]), Some(0.0));
        assert_eq!(rate(&[0.1, 0.2], &[0.8, 0.9]), Some(1.0));
        // One of four of one voice is less alike than one of four of two voices.
        assert_eq!(rate(&[0.4, 0.7, 0.8, 0.9], &[0.1, 0.2, 0.3, 0.6]), Some(0.25));
        assert_eq!(rate(&[0.5], &[]), None);
        assert_eq!(rate(&[0.5], &[f64::NAN]), None);
    }

    #[test]
    fn pairs_are_compared_by_their_direction() {
        let recordings: [(&str, &[f32]); 3] = [("a", &[1.0, 0.0]), ("a", &[3.0, 0.0]), ("b", &[0.0, 2.0])];
        let trials = Trials::among(&recordings, |_, _| true);
        assert_eq!(trials, Trials { same: vec![1.0], other: vec![0.0, 0.0] });
        let with_b = Trials::among(&recordings, |one, other| one == "b" || other == "b");
        assert_eq!((with_b.same.len(), with_b.other.len()), (0, 2));
    }
}
