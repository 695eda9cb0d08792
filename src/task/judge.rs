//! Predictions of a split, and the metrics they come to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::predict::{best, greedy};
use crate::data::Labels;
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
        self.loss += scores.loss.unwrap_or_else(|| cross_entropy(&scores.classes, &labels.classes));
        let clf_pred: Vec<usize> = scores.classes.iter().map(|scores| best(scores)).collect();
        let right =
            clf_pred.iter().zip(&labels.classes).filter(|(pred, class)| Some(**pred) == **class).count();
        self.right += right as u64;
        self.asked += clf_pred.len() as u64;
        self.right_together += u64::from(right == clf_pred.len());
        let clf_label = if clf_pred.is_empty() { &[][..] } else { &labels.classes[..] };
        let clf_label = clf_label.iter().map(|class| class.map_or(-100, |class| class as i64)).collect();
        self.predictions.push(Prediction { name: name.into(), pred, label, clf_pred, clf_label });
    }

    /// The metrics so far. `loss` per utterance: CTC where that head is trained, with `wer` and `cer`; else the classifiers' mean
    /// cross-entropy. With classifiers `clf_acc` (mean over heads, as the papers report) and, with several, `clf_joint` (all right).
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let utterances = self.predictions.len().max(1) as f64;
        let mut metrics = BTreeMap::from([("loss".to_owned(), self.loss / utterances)]);
        if self.by.transcribes {
            metrics.insert("wer".into(), self.words.rate());
            metrics.insert("cer".into(), self.chars.rate());
        }
        if self.asked > 0 {
            metrics.insert("clf_acc".into(), self.right as f64 / self.asked as f64);
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

/// −ln softmax(scores)[class], mean over heads; 0 for a head without a label.
fn cross_entropy(heads: &[&[f32]], classes: &[Option<usize>]) -> f64 {
    let of = |(scores, class): (&&[f32], &Option<usize>)| {
        let right = class.and_then(|class| scores.get(class))?;
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = scores.iter().map(|score| f64::from(score - largest).exp()).sum();
        Some(sum.ln() - f64::from(right - largest))
    };
    heads.iter().zip(classes).filter_map(of).sum::<f64>() / heads.len().max(1) as f64
}
