//! `[eval]`: when the model is judged, and by what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Behaviour;

/// How and when it is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Eval {
    /// Updates between evaluations on the dev set.
    #[schemars(range(min = 1))]
    pub eval_interval: u64,

    /// Updates between checkpoints; each is evaluated too.
    #[schemars(range(min = 1))]
    pub checkpoint_interval: u64,

    /// Evaluate at exactly these updates instead of every `eval_interval`; empty = by the interval.
    #[schemars(inner(range(min = 1)))]
    pub eval_steps: Vec<u64>,

    /// Batches of an evaluation at most.
    #[schemars(range(min = 1))]
    pub max_eval_batches: usize,

    /// Frames decoded: `sound` the utterance's own, `reference` the batch's padding as well.
    pub decode_padding: Behaviour,

    /// Metric by which the best checkpoint is chosen.
    pub select: Metric,

    /// Judge the best checkpoint on the test set when training ends.
    pub test_at_end: bool,

    /// Clips that a model of sound makes at each evaluation, to be heard in TensorBoard and in the run's `sounds/`; it changes no result. A model of
    /// speech says the first sentences of the dev set.
    pub sounds: usize,

    /// Length of each clip of `sounds`; a sentence is as long as it is.
    #[schemars(range(max = 3600.0), extend("exclusiveMinimum" = 0))]
    pub sound_secs: f64,
}

impl Default for Eval {
    fn default() -> Self {
        Self {
            eval_interval: 2000,
            checkpoint_interval: 5000,
            eval_steps: Vec::new(),
            max_eval_batches: 10_000,
            decode_padding: Behaviour::Sound,
            select: Metric::Wer,
            test_at_end: true,
            sounds: 0,
            sound_secs: 1.0,
        }
    }
}

/// A number that ranks checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Metric {
    /// Word error rate on the dev set; smaller is better.
    #[serde(rename = "dev/wer")]
    Wer,
    /// Character error rate on the dev set; smaller is better.
    #[serde(rename = "dev/cer")]
    Cer,
    /// Loss on the dev set; smaller is better.
    #[serde(rename = "dev/loss")]
    Loss,
    /// Mean accuracy of the classifier heads on the dev set; larger is better.
    #[serde(rename = "dev/clf_acc")]
    ClfAcc,
    /// Mean over classes of the average precision on the dev set, where a clip may have several (`classifier_loss = "binary"`); larger is better.
    #[serde(rename = "dev/mAP")]
    MeanAveragePrecision,
}
