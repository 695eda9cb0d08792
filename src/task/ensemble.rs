//! What several models say together: the mean of the probabilities that they give each class.

use crate::plan::ClassifierLoss;

/// Scores [B, classes] whose softmax, or sigmoid where each class is a question of its own, is the mean of those of all `models`, each [B, classes].
pub fn mean_scores<'a>(
    models: impl Iterator<Item = &'a [f32]>,
    classes: usize,
    loss: ClassifierLoss,
) -> Vec<f32> {
    let (mut sums, mut count): (Vec<f64>, f64) = (Vec::new(), 0.0);
    for scores in models {
        sums.resize(scores.len(), 0.0);
        for (sums, row) in sums.chunks_mut(classes.max(1)).zip(scores.chunks(classes.max(1))) {
            add_probabilities(sums, row, loss);
        }
        count += 1.0;
    }
    let score = |sum: &f64| {
        let share = (sum / count).clamp(f64::MIN_POSITIVE, 1.0);
        match loss {
            ClassifierLoss::CrossEntropy => share.ln() as f32,
            // From 1 itself no logit leads back.
            ClassifierLoss::Binary => (share.ln() - (1.0 - share).max(f64::MIN_POSITIVE).ln()) as f32,
        }
    };
    sums.iter().map(score).collect()
}

fn add_probabilities(sums: &mut [f64], scores: &[f32], loss: ClassifierLoss) {
    let exp = |score: &f32, shift: f32| f64::from(score - shift).exp();
    match loss {
        ClassifierLoss::CrossEntropy => {
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let all: f64 = scores.iter().map(|score| exp(score, largest)).sum();
            sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += exp(score, largest) / all);
        }
        ClassifierLoss::Binary => {
            sums.iter_mut()
                .zip(scores)
                .for_each(|(sum, score)| *sum += 1.0 / (1.0 + (-f64::from(*score)).exp()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_averaged_and_not_scores() {
        let ln = |shares: [f64; 2]| shares.map(|share| share.ln() as f32 + 3.0);
        let (a, b) = (ln([0.9, 0.1]), ln([0.2, 0.8]));
        let both = mean_scores([&a[..], &b[..]].into_iter(), 2, ClassifierLoss::CrossEntropy);
        assert!(
            (f64::from(both[0]).exp() - 0.55).abs() < 1e-6 && (f64::from(both[1]).exp() - 0.45).abs() < 1e-6
        );
        let sigmoid = |score: f32| 1.0 / (1.0 + (-f64::from(score)).exp());
        let both = mean_scores([&[2.0f32, -40.0][..], &[0.0, 40.0]].into_iter(), 2, ClassifierLoss::Binary);
        assert!((sigmoid(both[0]) - (sigmoid(2.0) + 0.5) / 2.0).abs() < 1e-6);
        assert!((sigmoid(both[1]) - 0.5).abs() < 1e-6);
    }
}
