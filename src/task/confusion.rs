//! What was taken for what: the confusions of a classifier, head by head.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Prediction;

/// How often one class was taken for another, or for itself: a row of confusion.csv.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// The classifier head, counted from 0.
    pub head: usize,
    /// The right class.
    pub truth: String,
    pub prediction: String,
    pub count: u64,
}

/// All pairs that occur, by head, then right class, then prediction, each in the order of class numbers. Utterances without a label
/// (−100) are in none. Answers beyond the `heads` there are, those of later seconds, are of the same heads again. `name` gives a class its name; one without is called by its number.
pub fn confusions<'a>(
    predictions: &[Prediction],
    heads: usize,
    name: impl Fn(usize, usize) -> Option<&'a str>,
) -> Vec<Confusion> {
    let mut counts: BTreeMap<(usize, usize, usize), u64> = BTreeMap::new();
    for prediction in predictions {
        let pairs = prediction.clf_label.iter().zip(&prediction.clf_pred);
        for (head, (truth, &taken)) in (0..heads).cycle().zip(pairs) {
            let Ok(truth) = usize::try_from(*truth) else { continue };
            *counts.entry((head, truth, taken)).or_default() += 1;
        }
    }
    let called = |head, class: usize| name(head, class).map_or_else(|| class.to_string(), str::to_owned);
    counts
        .into_iter()
        .map(|((head, truth, taken), count)| Confusion {
            head,
            truth: called(head, truth),
            prediction: called(head, taken),
            count,
        })
        .collect()
}

/// The mistakes among them, most frequent first.
pub fn mistakes(confusions: &[Confusion]) -> Vec<&Confusion> {
    let mut wrong: Vec<&Confusion> = confusions.iter().filter(|pair| pair.truth != pair.prediction).collect();
    wrong.sort_by_key(|pair| std::cmp::Reverse(pair.count));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(truths: &[i64], taken: &[usize]) -> Prediction {
        let (clf_label, clf_pred) = (truths.to_vec(), taken.to_vec());
        Prediction { name: String::new(), pred: String::new(), label: String::new(), clf_pred, clf_label }
    }

    #[test]
    fn pairs_are_counted_by_head_and_unlabelled_ones_left_out() {
        let predictions = [
            prediction(&[0, 1], &[0, 0]),
            prediction(&[0, 1], &[1, 0]),
            prediction(&[1, -100], &[1, 1]),
            prediction(&[1, 0], &[0, 2]),
        ];
        let name = |head: usize, class: usize| ["on", "off"].get(class).copied().filter(|_| head == 0);
        let found = confusions(&predictions, 2, name);
        let rows: Vec<(usize, &str, &str, u64)> =
            found.iter().map(|c| (c.head, &*c.truth, &*c.prediction, c.count)).collect();
        assert_eq!(
            rows,
            [
                (0, "on", "on", 1),
                (0, "on", "off", 1),
                (0, "off", "on", 1),
                (0, "off", "off", 1),
                (1, "0", "2", 1),
                (1, "1", "0", 2),
            ]
        );
        let worst = mistakes(&found);
        assert_eq!((worst[0].head, worst[0].count, worst.len()), (1, 2, 4));
    }
}
