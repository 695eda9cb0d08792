//! Scores of class probabilities, as `sashimi/metrics.py` of the published SaShiMi code defines them, down to its draws.

use super::{FEWEST, Heard, QualityError, fid};
use crate::seed::RandomState;

/// Of shuffles and pairs.
const SEED: u64 = 0;
/// Pairs of the modified inception score.
const PAIRS: usize = 10_000;

/// What clips are worth to a classifier, beside the clips that it was trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    pub clips: usize,
    /// Inception score: from 1 (all alike, or no class told) to about the number of classes.
    pub inception: f64,
    /// Modified inception score: larger where clips of one class differ too.
    pub modified_inception: f64,
    /// AM score, smaller is better: classes missing, and clips that are no class.
    pub am: f64,
    /// Fréchet distance of the features to those of the training clips, 0 for the same ones.
    pub fid: f64,
    /// Mean probability of the likeliest class.
    pub confidence: f64,
    /// Standard error of [`Scores::confidence`].
    pub confidence_error: f64,
    /// Clips by their likeliest class.
    pub histogram: Vec<usize>,
}

/// The scores of `heard` beside the training clips.
///
/// # Errors
/// Either are fewer than [`FEWEST`].
pub fn score(train: &Heard, heard: &Heard) -> Result<Scores, QualityError> {
    for clips in [train.len(), heard.len()] {
        if clips < FEWEST {
            return Err(QualityError::Few { clips, needed: FEWEST });
        }
    }
    let count = heard.len() as f64;
    let confidence = heard.told().map(|(_, share)| share).sum::<f64>() / count;
    let squares: f64 = heard.told().map(|(_, share)| (share - confidence).powi(2)).sum();
    Ok(Scores {
        clips: heard.len(),
        inception: inception(heard),
        modified_inception: modified_inception(heard),
        am: am(train, heard),
        fid: fid(train, heard),
        confidence,
        confidence_error: (squares / (count - 1.0) / count).sqrt(),
        histogram: heard.histogram(),
    })
}

/// exp of the mean divergence of each clip's classes, over a half of the shuffled clips, from the mean of the other half (Salimans et al. 2016).
pub fn inception(heard: &Heard) -> f64 {
    let mut rows: Vec<&[f64]> = heard.probabilities().collect();
    RandomState::new(SEED).shuffle(&mut rows);
    let (first, second) = rows.split_at(rows.len() / 2);
    let of_second = super::heard::mean(second.iter().copied(), rows.first().map_or(0, |row| row.len()));
    mean(first.iter().map(|row| divergence(row, &of_second))).exp()
}

/// exp of the mean divergence between the classes of two clips, over 10,000 pairs drawn with replacement (Gurumurthy et al. 2017).
pub fn modified_inception(heard: &Heard) -> f64 {
    let rows: Vec<&[f64]> = heard.probabilities().collect();
    let mut random = RandomState::new(SEED);
    let pairs = (0..PAIRS).map(|_| {
        let (one, other) = (random.below(rows.len()), random.below(rows.len()));
        divergence(rows[one], rows[other])
    });
    mean(pairs).exp()
}

/// Divergence of the training clips' mean classes from the clips', and the mean entropy of a clip's classes (Zhou et al. 2018).
pub fn am(train: &Heard, heard: &Heard) -> f64 {
    divergence(&train.mean(), &heard.mean()) + mean(heard.probabilities().map(entropy))
}

/// Kullback–Leibler divergence of `q` from `p`, in nats; infinite where `q` rules out what `p` does not.
fn divergence(p: &[f64], q: &[f64]) -> f64 {
    let (of_p, of_q) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
    let terms = p.iter().zip(q).filter(|(p, _)| **p > 0.0);
    terms.map(|(p, q)| p / of_p * ((p / of_p) / (q / of_q)).ln()).sum()
}

/// In nats.
fn entropy(p: &[f64]) -> f64 {
    let of_p: f64 = p.iter().sum();
    -p.iter().filter(|p| **p > 0.0).map(|p| p / of_p * (p / of_p).ln()).sum::<f64>()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` clips, clip i certain of class i mod `classes`, feature by feature on a line.
    fn certain(count: usize, classes: usize) -> Heard {
        let mut heard = Heard::new(classes, 2);
        for clip in 0..count {
            let sure = |class| if class == clip % classes { 1.0 } else { 0.0 };
            heard.push((0..classes).map(sure), [clip as f64, -(clip as f64)]);
        }
        heard
    }

    #[test]
    fn certain_and_varied_clips_have_the_best_scores() {
        let clips = certain(400, 4);
        let scores = score(&clips, &clips).unwrap();
        // The halves hold every class about as often, not just as often.
        assert!((scores.inception - 4.0).abs() < 0.2, "{}", scores.inception);
        assert!(scores.am.abs() < 1e-12 && scores.fid.abs() < 1e-6);
        assert_eq!((scores.confidence, scores.confidence_error), (1.0, 0.0));
        assert_eq!(scores.histogram, [100; 4]);
        assert_eq!(scores.modified_inception, f64::INFINITY);
    }

    #[test]
    fn clips_of_no_class_have_the_worst() {
        let mut vague = Heard::new(4, 2);
        (0..10).for_each(|clip| vague.push([0.25; 4], [f64::from(clip), 1.0]));
        let scores = score(&certain(8, 4), &vague).unwrap();
        assert_eq!((scores.inception, scores.modified_inception, scores.confidence), (1.0, 1.0, 0.25));
        assert!((scores.am - 4f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_single_clip_is_refused() {
        let error = score(&certain(8, 4), &certain(1, 4)).unwrap_err();
        assert_eq!(error.to_string(), "1 clips are too few: 2 are the least");
    }
}
