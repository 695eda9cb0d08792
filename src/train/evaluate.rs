//! How good is it now?

use std::collections::BTreeMap;

use kernels::attention::Queries;
use kernels::ctc_loss::{CtcLoss, ctc_loss};
use kernels::{Backend, Tape};

use super::TrainError;
use super::update::input;
use crate::data::Batch;
use crate::model::Model;
use crate::nn::Pass;
use crate::plan::Behaviour;
use crate::task::{Judge, Prediction, Scores};
use crate::text::CtcTokenizer;

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

/// What a model is worth on some batches.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub metrics: BTreeMap<String, f64>,
    /// What the word error rate is made of; for files, too much to say after every evaluation.
    pub details: BTreeMap<String, f64>,
    pub predictions: Vec<Prediction>,
}

/// Judges `model` at rest.
///
/// # Errors
/// The device failed, or shapes do not fit.
pub fn evaluate<D: Backend>(
    device: &D,
    model: &Model<D>,
    tokenizer: &CtcTokenizer,
    batches: &[Batch],
    decode_padding: Behaviour,
) -> Result<Evaluation, TrainError> {
    let heads = &model.network.plan().heads;
    let mut judge = Judge::new(tokenizer, heads.vocab_size);
    // infer.py, which decodes padding, runs without flash attention: what it decodes there was attended to.
    let queries = match decode_padding {
        Behaviour::Sound => Queries::Valid,
        Behaviour::Reference => Queries::All,
    };
    for batch in batches {
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape).answering(queries);
        let out = model.network.forward(&mut pass, &input(device, batch)?)?;
        let settings = CtcLoss {
            targets: batch.labels.iter().map(|labels| labels.symbols.clone()).collect(),
            input_lens: out.frames.clone(),
            blank: heads.blank as u32,
            zero_infinity: true,
        };
        let losses = ctc_loss(&mut tape, &out.logits, settings)?.to_vec();
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
                loss: Some(f64::from(losses[row])),
            };
            judge.add(&batch.names[row], labels, &scores);
        }
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: judge.word_details(),
        predictions: judge.into_predictions(),
    })
}
