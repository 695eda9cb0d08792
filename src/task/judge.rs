//! Predictions of a split, and the metrics they come to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Ranking;
use super::predict::{best, greedy};
use crate::data::{Labels, Target};
use crate::plan::ClassifierLoss;
use crate::text::{CtcTokenizer, EditCounts, char_errors, word_errors};

/// What was predicted for one utterance, beside what was right: a line of preds.jsonl.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    pub name: String,
    pub pred: String,
    pub label: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clf_pred: Vec<usize>,
    /// −100: not labelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clf_label: Vec<i64>,
}

/// Scores of one utterance.
pub struct Scores<'a> {
    /// CTC scores [T, V].
    pub logits: &'a [f32],
    /// How many of the T frames are decoded.
    pub frames: usize,
    /// Scores [classes] per classifier head.
    pub classes: Vec<&'a [f32]>,
    /// CTC loss, where the head is trained.
    pub loss: Option<f64>,
}

/// What a model is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Judging<'a> {
    /// Spells transcripts, where there is a CTC head.
    pub tokenizer: Option<&'a CtcTokenizer>,
    /// Columns of the CTC scores.
    pub vocab_size: usize,
    /// Whether the CTC head is trained: error rates of an untrained one say nothing, and are left out.
    pub transcribes: bool,
    /// What classifiers learn by, and so are judged by.
    pub classifier_loss: ClassifierLoss,
}

/// Collects utterances and says how good the model is on them.
pub struct Judge<'a> {
    by: Judging<'a>,
    words: EditCounts,
    chars: EditCounts,
    loss: f64,
    right: u64,
    asked: u64,
    right_together: u64,
    /// Scores and what is there, [utterances, classes], where any number of classes may be.
    ranked: (Vec<f32>, Vec<bool>),
    /// Some utterance has several classes, or none: accuracy means nothing.
    several: bool,
    predictions: Vec<Prediction>,
}

impl<'a> Judge<'a> {
    /// A judge that has seen nothing.
    pub fn new(by: Judging<'a>) -> Self {
        Judge {
            by,
            words: EditCounts::default(),
            chars: EditCounts::default(),
            loss: 0.0,
            right: 0,
            asked: 0,
            right_together: 0,
            ranked: Default::default(),
            several: false,
            predictions: Vec::new(),
        }
    }

    /// Judges one utterance.
    pub fn add(&mut self, name: &str, labels: &Labels, scores: &Scores<'_>) {
        let (pred, label) = match self.by.tokenizer {
            Some(tokenizer) => (
                tokenizer.decode_frames(&greedy(scores.logits, self.by.vocab_size, scores.frames)),
                tokenizer.decode_labels(&labels.symbols),
            ),
            None => Default::default(),
        };
        self.words += word_errors(&label, &pred);
        self.chars += char_errors(&label, &pred);
        self.loss += scores.loss.unwrap_or_else(|| self.by.class_loss(&scores.classes, &labels.classes));
        let (clf_pred, clf_label) = match self.by.classifier_loss {
            ClassifierLoss::CrossEntropy => self.pick(&scores.classes, &labels.classes),
            ClassifierLoss::Binary => self.rank(&scores.classes, &labels.classes),
        };
        self.predictions.push(Prediction { name: name.into(), pred, label, clf_pred, clf_label });
    }

    /// The best class of each head beside the right one, −100 where that is not known.
    fn pick(&mut self, scores: &[&[f32]], targets: &[Target]) -> (Vec<usize>, Vec<i64>) {
        let picked: Vec<usize> = scores.iter().map(|scores| best(scores)).collect();
        let classes = || targets.iter().map(Target::class);
        let right = picked.iter().zip(classes()).filter(|(picked, class)| Some(**picked) == *class).count();
        self.right += right as u64;
        self.asked += picked.len() as u64;
        self.right_together += u64::from(right == picked.len());
        let truths = if picked.is_empty() { 0 } else { targets.len() };
        let truths = classes().take(truths).map(|class| class.map_or(-100, |class| class as i64));
        let truths = truths.collect();
        (picked, truths)
    }

    /// The classes that are more likely there than not beside those that are; where that is one, the best beside it.
    fn rank(&mut self, scores: &[&[f32]], targets: &[Target]) -> (Vec<usize>, Vec<i64>) {
        let ([scores], [target]) = (scores, targets) else { return Default::default() };
        if target.class().is_some() {
            self.keep_ranked(scores, target);
            return self.pick(&[scores], std::slice::from_ref(target));
        }
        self.several = true;
        self.keep_ranked(scores, target);
        let likely = (0..scores.len()).filter(|class| scores[*class] > 0.0).collect();
        (likely, target.shares().iter().map(|(class, _)| *class as i64).collect())
    }

    fn keep_ranked(&mut self, scores: &[f32], target: &Target) {
        let (kept, truths) = &mut self.ranked;
        kept.extend(scores);
        let first = truths.len();
        truths.resize(kept.len(), false);
        target.shares().iter().for_each(|(class, _)| truths[first + class] = true);
    }

    /// Whether each utterance has one class for each head, so that it can be said which was taken for which.
    pub fn has_confusions(&self) -> bool {
        !self.several
    }

    /// The metrics so far. `loss` per utterance: CTC where that head is trained, with `wer` and `cer`; else the classifiers' mean
    /// own. With classifiers `clf_acc` (mean over heads, as the papers report) and, with several, `clf_joint` (all right); where an utterance may have
    /// any number of classes, `mAP`, `mAUC` and `d_prime` instead, or beside it where each has one.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let utterances = self.predictions.len().max(1) as f64;
        let mut metrics = BTreeMap::from([("loss".to_owned(), self.loss / utterances)]);
        if self.by.transcribes {
            metrics.insert("wer".into(), self.words.rate());
            metrics.insert("cer".into(), self.chars.rate());
        }
        if self.asked > 0 && !self.several {
            metrics.insert("clf_acc".into(), self.right as f64 / self.asked as f64);
        }
        let classes = self.ranked.0.len().checked_div(self.predictions.len()).unwrap_or(0);
        if let Some(ranking) = Ranking::of(&self.ranked.0, &self.ranked.1, classes) {
            metrics.insert("mAP".into(), ranking.average_precision);
            metrics.insert("mAUC".into(), ranking.roc_auc);
            metrics.insert("d_prime".into(), ranking.d_prime);
        }
        if self.asked > self.predictions.len() as u64 {
            metrics.insert("clf_joint".into(), self.right_together as f64 / utterances);
        }
        metrics
    }

    /// What the word error rate is made of, as jiwer names it: the counts, the match error rate and the word information lost. Empty
    /// where there is no word error rate.
    pub fn word_details(&self) -> BTreeMap<String, f64> {
        let words = &self.words;
        if !self.by.transcribes {
            return BTreeMap::new();
        }
        BTreeMap::from([
            ("mer".to_owned(), words.match_error_rate()),
            ("wil".to_owned(), words.information_lost()),
            ("words_hit".to_owned(), words.hits as f64),
            ("words_substituted".to_owned(), words.substitutions as f64),
            ("words_deleted".to_owned(), words.deletions as f64),
            ("words_inserted".to_owned(), words.insertions as f64),
        ])
    }

    /// What was predicted so far, in the order judged.
    pub fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }

    /// What was predicted, in the order judged.
    pub fn into_predictions(self) -> Vec<Prediction> {
        self.predictions
    }
}

impl Judging<'_> {
    /// The classifiers' loss of one utterance.
    fn class_loss(&self, heads: &[&[f32]], targets: &[Target]) -> f64 {
        match self.classifier_loss {
            ClassifierLoss::CrossEntropy => cross_entropy(heads, targets),
            ClassifierLoss::Binary => {
                heads.iter().zip(targets).map(|(head, target)| binary(head, target)).sum()
            }
        }
    }
}

/// The mean over classes of ln(1 + e^x) − y x.
fn binary(scores: &[f32], target: &Target) -> f64 {
    let there = |class: usize| target.shares().iter().any(|(known, _)| *known == class);
    let term = |(class, score): (usize, &f32)| {
        let x = f64::from(*score);
        x.max(0.0) + (-x.abs()).exp().ln_1p() - if there(class) { x } else { 0.0 }
    };
    scores.iter().enumerate().map(term).sum::<f64>() / scores.len().max(1) as f64
}

/// −ln softmax(scores)[class], mean over heads; 0 for a head without a label.
fn cross_entropy(heads: &[&[f32]], targets: &[Target]) -> f64 {
    let of = |(scores, target): (&&[f32], &Target)| {
        let right = target.class().and_then(|class| scores.get(class))?;
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = scores.iter().map(|score| f64::from(score - largest).exp()).sum();
        Some(sum.ln() - f64::from(right - largest))
    };
    heads.iter().zip(targets).filter_map(of).sum::<f64>() / heads.len().max(1) as f64
}
