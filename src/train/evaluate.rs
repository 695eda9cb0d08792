//! How good is it now?

use std::collections::BTreeMap;

use kernels::attention::Queries;
use kernels::{Backend, Tape};

use super::TrainError;
use super::job::Job;
use super::micro_batch::input;
use crate::data::Batch;
use crate::model::Model;
use crate::nn::Pass;
use crate::plan::{Behaviour, Metric};
use crate::record::Values;
use crate::task::{Confusion, Judge, Judging, Prediction, Scores, ctc_losses};

/// A part of the corpus to be judged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    Dev,
    Test,
}

impl Split {
    /// Its name in metrics and file names.
    pub fn name(self) -> &'static str {
        match self {
            Split::Dev => "dev",
            Split::Test => "test",
        }
    }
}

impl Split {
    /// Metrics under their names in files: `dev/wer`.
    pub fn named(self, metrics: &Values) -> Values {
        metrics.iter().map(|(name, value)| (format!("{}/{name}", self.name()), *value)).collect()
    }
}

/// What a model is worth on some batches.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub metrics: BTreeMap<String, f64>,
    /// What the word error rate is made of; for files, too much to say after every evaluation.
    pub details: BTreeMap<String, f64>,
    /// What the classifiers took for what; empty without classifiers.
    pub confusions: Vec<Confusion>,
    pub predictions: Vec<Prediction>,
}

/// Judges `model` at rest, by the rules of the job's plan.
///
/// # Errors
/// The device failed, or shapes do not fit.
pub fn evaluate<D: Backend>(
    device: &D,
    model: &Model<D>,
    job: &Job<'_>,
    batches: &[Batch],
) -> Result<Evaluation, TrainError> {
    let heads = &model.network.plan().heads;
    let decode_padding = job.plan.eval.decode_padding;
    let transcribes = job.plan.train.objective.ctc_weight > 0.0;
    let mut judge =
        Judge::new(Judging { tokenizer: job.tokenizer(), vocab_size: heads.vocab_size, transcribes });
    // infer.py, which decodes padding, runs without flash attention: what it decodes there was attended to.
    let queries = match decode_padding {
        Behaviour::Sound => Queries::Valid,
        Behaviour::Reference => Queries::All,
    };
    for batch in batches {
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape).answering(queries);
        let out = model.network.forward(&mut pass, &input(device, batch)?)?;
        let losses = match transcribes {
            true => ctc_losses(&mut tape, &out, batch, heads.blank)?.to_vec(),
            false => Vec::new(),
        };
        let [_, padded_frames, vocab] = out.logits.dims("evaluation", "the logits")?;
        let logits = out.logits.to_vec();
        let classes: Vec<(usize, Vec<f32>)> =
            out.class_logits.iter().map(|scores| (scores.shape().last(), scores.to_vec())).collect();
        for (row, labels) in batch.labels.iter().enumerate() {
            let start = row * padded_frames * vocab;
            let scores = Scores {
                logits: &logits[start..start + padded_frames * vocab],
                frames: match decode_padding {
                    Behaviour::Sound => out.frames[row],
                    Behaviour::Reference => padded_frames,
                },
                classes: classes
                    .iter()
                    .map(|(count, scores)| &scores[row * count..(row + 1) * count])
                    .collect(),
                loss: losses.get(row).copied().map(f64::from),
            };
            judge.add(&batch.names[row], labels, &scores);
        }
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: judge.word_details(),
        confusions: job.confusions(judge.predictions()),
        predictions: judge.into_predictions(),
    })
}

impl Metric {
    /// Its name in files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Metric::Wer => "dev/wer",
            Metric::Cer => "dev/cer",
            Metric::Loss => "dev/loss",
            Metric::ClfAcc => "dev/clf_acc",
        }
    }

    /// Whether `value` is better than `best`.
    pub(super) fn improves(self, value: f64, best: f64) -> bool {
        match self {
            Metric::ClfAcc => value > best,
            Metric::Wer | Metric::Cer | Metric::Loss => value < best,
        }
    }
}
