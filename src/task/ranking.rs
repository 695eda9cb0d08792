//! How well scores rank what is there above what is not: the measures of clips that may have several classes.
//!
//! One class at a time, over all clips; scores only have to be in order, so logits do as well as probabilities. Not for: classes of which one is right (the
//! judge's accuracy). Start at [`Ranking`].

/// The measures of one or more classes, as means over those that some clips have and some have not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// Mean average precision, mAP.
    pub average_precision: f64,
    /// Mean area under the receiver operating characteristic, mAUC.
    pub roc_auc: f64,
    /// √2 Φ⁻¹(mAUC): how far apart two normal distributions of scores would lie.
    pub d_prime: f64,
}

impl Ranking {
    /// Of `scores` and `truths`, each [clips, classes] row-major. `None` where no class can be judged.
    pub fn of(scores: &[f32], truths: &[bool], classes: usize) -> Option<Ranking> {
        let mut precisions = Vec::new();
        let mut areas = Vec::new();
        for class in 0..classes {
            let column = |index: usize| (scores[index], truths[index]);
            let ranked: Vec<(f32, bool)> = (class..scores.len()).step_by(classes).map(column).collect();
            let Some((precision, area)) = one_class(ranked) else { continue };
            precisions.push(precision);
            areas.push(area);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        (!areas.is_empty()).then(|| {
            let roc_auc = mean(&areas);
            let d_prime = std::f64::consts::SQRT_2 * normal_quantile(roc_auc);
            Ranking { average_precision: mean(&precisions), roc_auc, d_prime }
        })
    }
}

/// Average precision and area under the ROC curve of one class; `None` where all clips have it, or none.
///
/// Clips of equal score are one step, as in scikit-learn: they come in no order.
fn one_class(mut ranked: Vec<(f32, bool)>) -> Option<(f64, f64)> {
    let there = ranked.iter().filter(|(_, truth)| *truth).count() as f64;
    let absent = ranked.len() as f64 - there;
    if there == 0.0 || absent == 0.0 {
        return None;
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut misses, mut precision, mut area) = (0.0, 0.0, 0.0, 0.0);
    for step in ranked.chunk_by(|a, b| a.0 == b.0) {
        let right = step.iter().filter(|(_, truth)| *truth).count() as f64;
        let wrong = step.len() as f64 - right;
        area += wrong * (hits + right / 2.0);
        (hits, misses) = (hits + right, misses + wrong);
        precision += right / there * (hits / (hits + misses));
    }
    Some((precision, area / (there * absent)))
}

/// Φ⁻¹: the value that a standard normal stays below with this probability; infinite at 0 and 1.
///
/// Newton's steps on Φ, whose derivative is known, from a start that is right to some per cent.
fn normal_quantile(probability: f64) -> f64 {
    if probability <= 0.0 || probability >= 1.0 {
        return if probability <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // A logistic of this slope stays within 0.02 of Φ.
    let mut x = (probability / (1.0 - probability)).ln() / 1.702;
    for _ in 0..60 {
        let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let step = (normal_cdf(x) - probability) / density.max(1e-300);
        // Far out Φ is flat, and a whole step would leave for good.
        x -= step.clamp(-1.0, 1.0);
        if step.abs() < 1e-14 {
            break;
        }
    }
    x
}

/// Φ, by its series around 0: x φ(x) (1 + x²/3 + x⁴/(3·5) + …) + ½.
fn normal_cdf(x: f64) -> f64 {
    if x.abs() > 9.0 {
        return if x < 0.0 { 0.0 } else { 1.0 };
    }
    let (mut term, mut sum) = (x, x);
    for odd in (3..400).step_by(2) {
        term *= x * x / f64::from(odd);
        sum += term;
    }
    0.5 + sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn's numbers for y = 1 0 1 0 0 1.
    #[test]
    fn one_class_is_judged_as_by_scikit_learn() {
        let scores = [0.9, 0.8, 0.7, 0.4, 0.3, 0.2];
        let truths = [true, false, true, false, false, true];
        let ranking = Ranking::of(&scores, &truths, 1).expect("both kinds occur");
        assert!((ranking.average_precision - 0.722_222_222).abs() < 1e-9);
        assert!((ranking.roc_auc - 0.555_555_556).abs() < 1e-9);
        // Ties are one step: precision 2/4 for all, and half an area.
        let tied = Ranking::of(&[0.5; 4], &[true, false, true, false], 1).expect("both kinds occur");
        assert_eq!((tied.average_precision, tied.roc_auc, tied.d_prime), (0.5, 0.5, 0.0));
    }

    #[test]
    fn d_prime_is_that_of_the_tables() {
        for (area, want) in [(0.9, 1.812_388), (0.95, 2.326_174), (0.98, 2.904_440), (0.1, -1.812_388)] {
            let found = std::f64::consts::SQRT_2 * normal_quantile(area);
            assert!((found - want).abs() < 1e-6, "{found} for {area}");
        }
        assert!((normal_cdf(normal_quantile(1e-9)) / 1e-9 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn classes_that_all_or_none_have_count_nowhere() {
        let scores = [0.9, 0.1, 0.5, 0.2, 0.7, 0.6];
        let truths = [true, false, true, false, false, true];
        // Clips [0.9 0.1 0.5], [0.2 0.7 0.6]: the third is in both.
        let ranking = Ranking::of(&scores, &truths, 3).expect("the first can be judged");
        assert_eq!((ranking.average_precision, ranking.roc_auc), (1.0, 1.0));
        assert_eq!(ranking.d_prime, f64::INFINITY);
        assert_eq!(Ranking::of(&scores, &[true; 6], 3), None);
    }
}
