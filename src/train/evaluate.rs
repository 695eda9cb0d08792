//! How good is it now?

use std::collections::BTreeMap;

use kernels::attention::Queries;
use kernels::{Array, Backend, OpError, Tape};
use serde::Serialize;

use super::TrainError;
use super::job::Job;
use super::micro_batch::{input, questions};
use crate::data::Batch;
use crate::model::{CodecLm, Diffwave, Model, Network, PatchNet, Sashimi};
use crate::nn::Pass;
use crate::plan::{Behaviour, ClassifierLoss, DataPlan, Metric, Plan};
use crate::record::scenes::{self, Scene};
use crate::record::{Folder, RecordError, Values, preds};
use crate::seed::{Purpose, stream};
use crate::task::{
    Answered, CodeJudge, Coding, Confusion, Denoised, Denoising, Judge, Judging, Likelihood, MaskedPatches,
    NextSample, NoiseJudge, PatchJudge, Prediction, Scores, SoundJudge, Speaking, SpeechJudge, Told,
    Unmasked, Uttered, ctc_losses, mean_scores,
};

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
    /// The list of it.
    pub fn meta(self, data: &DataPlan) -> &str {
        match self {
            Split::Dev => &data.dev_meta,
            Split::Test => &data.test_meta,
        }
    }

    /// Metrics under their names in files: `dev/wer`.
    pub fn named(self, metrics: &Values) -> Values {
        metrics.iter().map(|(name, value)| (format!("{}/{name}", self.name()), *value)).collect()
    }
}

/// What a model is worth on some batches.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub metrics: BTreeMap<String, f64>,
    /// What the word error rate is made of, or further shares of right answers; for files, too much to say after every evaluation.
    pub details: BTreeMap<String, f64>,
    /// What the classifiers took for what; empty without classifiers.
    pub confusions: Vec<Confusion>,
    /// What there was and what was heard in each second of a clip, where seconds have classes of their own.
    pub scenes: Vec<Scene>,
    /// What was said of each utterance or clip.
    pub predictions: Vec<Judged>,
}

impl Evaluation {
    /// Writes predictions, `metrics`, and of classifiers what was taken for what, under the names that they have in a run's folder.
    ///
    /// # Errors
    /// The file system refused.
    pub fn write(&self, folder: &Folder, metrics: &Values) -> Result<(), RecordError> {
        preds::write(&folder.preds_jsonl(), &self.predictions)?;
        preds::write_confusions(&folder.confusion_csv(), &self.confusions)?;
        scenes::write(&folder.scenes_svg(), &self.scenes)?;
        preds::write_metrics(&folder.metrics_json(), metrics)
    }
}

/// What was said of one utterance or clip: a line of preds.jsonl.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Judged {
    Prediction(Prediction),
    Likelihood(Likelihood),
    Denoised(Denoised),
    Unmasked(Unmasked),
    Uttered(Uttered),
    Told(Told),
}

/// Whether somebody asks that judging ends.
pub type Asked<'a> = &'a dyn Fn() -> bool;

/// Judges `model` at rest, by the rules of the job's plan.
///
/// # Errors
/// The device failed, or shapes do not fit; [`TrainError::Asked`] where it was `asked` to end before the last batch.
pub fn evaluate<D: Backend>(
    device: &D,
    model: &Model<D>,
    job: &Job<'_>,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    match &model.network {
        Network::Recogniser(_) => recognised(device, &[model], job, batches, asked),
        Network::Sashimi(network) => next_samples_told(model, network, job.plan, batches, asked),
        Network::Diffwave(network) => noise_told(device, model, network, job.plan, batches, asked),
        Network::Patches(network) => unmasked(device, model, network, job.plan, batches, asked),
        Network::Tacomamba(_) | Network::Prefix(_) => uttered(device, model, job.plan, batches, asked),
        Network::CodecLm(network) => codes_told(model, network, job.plan, batches, asked),
    }
}

/// Judges several models at rest by the mean of the probabilities that they give each class.
///
/// # Errors
/// As [`evaluate`], or they do not classify alone.
pub fn evaluate_together<D: Backend>(
    device: &D,
    models: &[&Model<D>],
    job: &Job<'_>,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    let classifies = |model: &&Model<D>| !model.plan.classes().is_empty() && model.plan.ctc().is_none();
    match models.iter().all(classifies) {
        true => recognised(device, models, job, batches, asked),
        false => Err(TrainError::NoMean),
    }
}

fn heed(asked: Asked<'_>) -> Result<(), TrainError> {
    if asked() { Err(TrainError::Asked) } else { Ok(()) }
}

/// By the likelihood of every sample after those before it.
fn next_samples_told<D: Backend>(
    model: &Model<D>,
    network: &Sashimi,
    plan: &Plan,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    let task = NextSample::of(plan).ok_or(TrainError::Family)?;
    let mut judge = SoundJudge::default();
    for batch in batches {
        heed(asked)?;
        let examples = task.examples(batch);
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape);
        let logits = network.forward(&mut pass, &examples.inputs, [batch.len(), examples.len])?;
        let (levels, logits) = (logits.shape().last(), logits.download()?);
        for (row, name) in batch.names.iter().enumerate() {
            let span = row * examples.len..(row + 1) * examples.len;
            let scores = &logits[span.start * levels..span.end * levels];
            judge.add(name, &examples.targets[span], scores, levels);
        }
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: judge.ranks(),
        confusions: Vec::new(),
        scenes: Vec::new(),
        predictions: judge.into_clips().into_iter().map(Judged::Likelihood).collect(),
    })
}

/// By the noise that was found in every clip, at steps and with noise that are the same in every judgement.
fn noise_told<D: Backend>(
    device: &D,
    model: &Model<D>,
    network: &Diffwave,
    plan: &Plan,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    let task = Denoising::of(plan).ok_or(TrainError::Family)?;
    let mut judge = NoiseJudge::default();
    for (index, batch) in batches.iter().enumerate() {
        heed(asked)?;
        // No update has this number.
        let mut draws = stream(plan.run.seed, Purpose::Noise, u64::MAX, index as u64);
        let noised = task.examples(batch, &mut draws);
        let inputs = Array::from_vec(device, noised.inputs.clone(), [batch.len(), noised.len])?;
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape);
        let taken = network.forward(&mut pass, &inputs, &noised.steps)?;
        judge.add(batch, &noised, &taken.download()?);
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: Values::new(),
        confusions: Vec::new(),
        scenes: Vec::new(),
        predictions: judge.into_clips().into_iter().map(Judged::Denoised).collect(),
    })
}

/// By masked patches, with masks that are the same in every judgement.
fn unmasked<D: Backend>(
    device: &D,
    model: &Model<D>,
    network: &PatchNet,
    plan: &Plan,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    let task = MaskedPatches::of(plan).ok_or(TrainError::Family)?;
    let mut judge = PatchJudge::default();
    for (index, batch) in batches.iter().enumerate() {
        heed(asked)?;
        // No update has this number.
        let mut draws = stream(plan.run.seed, Purpose::Noise, u64::MAX, index as u64);
        let input = input(device, batch)?;
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape);
        let patches = network.patches(&mut pass, &input)?;
        let asked = questions(&task, &patches, batch.len(), &mut draws, |masked, question| {
            network.answers(&mut pass, &patches, masked, question)
        })?;
        let values = |(answers, targets): (Array<D>, Vec<f32>)| {
            Ok::<_, OpError>(Answered { answers: answers.download()?, targets })
        };
        let [which, what] = asked.map(|asked| asked.map(values).transpose());
        judge.add(&task, batch, [which?, what?]);
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: Values::new(),
        confusions: Vec::new(),
        scenes: Vec::new(),
        predictions: judge.into_clips().into_iter().map(Judged::Unmasked).collect(),
    })
}

/// By the mel frames of every utterance, the decoder hearing the true frame before.
fn uttered<D: Backend>(
    device: &D,
    model: &Model<D>,
    plan: &Plan,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    let task = Speaking::of(plan).ok_or(TrainError::Family)?;
    let mut judge = SpeechJudge::default();
    for batch in batches {
        heed(asked)?;
        let spoken = task.examples(batch);
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape);
        let (texts, frames) = (&spoken.texts, &spoken.frames);
        match &model.network {
            Network::Tacomamba(network) => {
                let taught = network.forward(&mut pass, texts, frames)?;
                judge.add(&task, batch, &spoken, &taught)?;
            }
            Network::Prefix(network) => {
                let made = network.forward(&mut pass, texts, frames, device)?;
                judge.add_continued(&task, batch, &spoken, &made)?;
            }
            _ => return Err(TrainError::Family),
        }
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: Values::new(),
        confusions: Vec::new(),
        scenes: Vec::new(),
        predictions: judge.into_utterances().into_iter().map(Judged::Uttered).collect(),
    })
}

/// By the likelihood of every code after the true ones before it.
fn codes_told<D: Backend>(
    model: &Model<D>,
    network: &CodecLm,
    plan: &Plan,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    let task = Coding::of(plan).ok_or(TrainError::Family)?;
    let mut judge = CodeJudge::default();
    for batch in batches {
        heed(asked)?;
        let sequences = task.examples(batch)?;
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape);
        let scores = network.forward(&mut pass, &sequences)?;
        judge.add(network.plan(), batch, &sequences, &scores.download()?);
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: judge.of_levels(),
        confusions: Vec::new(),
        scenes: Vec::new(),
        predictions: judge.into_utterances().into_iter().map(Judged::Told).collect(),
    })
}

/// By transcripts and classes.
fn recognised<D: Backend>(
    device: &D,
    models: &[&Model<D>],
    job: &Job<'_>,
    batches: &[Batch],
    asked: Asked<'_>,
) -> Result<Evaluation, TrainError> {
    let heads = job.plan.model.heads().ok_or(TrainError::Family)?;
    let decode_padding = job.plan.eval.decode_padding;
    let transcribes = job.plan.train.objective.ctc_weight > 0.0;
    let classifier_loss = job.plan.train.objective.classifier_loss;
    let tokenizer = job.tokenizer();
    let mut judge =
        Judge::new(Judging { tokenizer, vocab_size: heads.vocab_size, transcribes, classifier_loss });
    for batch in batches {
        heed(asked)?;
        let mut each = Vec::with_capacity(models.len());
        for model in models {
            each.push(Answers::of(device, model, job.plan, batch)?);
        }
        let Some(out) = Answers::together(each, classifier_loss) else { continue };
        for (row, labels) in batch.labels.iter().enumerate() {
            let start = row * out.padded_frames * out.vocab;
            let scores = Scores {
                logits: &out.logits[start..start + out.padded_frames * out.vocab],
                frames: match decode_padding {
                    Behaviour::Sound => out.frames[row],
                    Behaviour::Reference => out.padded_frames,
                },
                classes: out
                    .classes
                    .iter()
                    .map(|(count, scores)| &scores[row * count..(row + 1) * count])
                    .collect(),
                loss: out.losses.get(row).copied().map(f64::from),
            };
            judge.add(&batch.names[row], labels, &scores);
        }
    }
    Ok(Evaluation {
        metrics: judge.metrics(),
        details: judge.word_details(),
        confusions: match judge.has_confusions() {
            true => job.confusions(judge.predictions()),
            false => Vec::new(),
        },
        scenes: job.scenes(judge.predictions()),
        predictions: judge.into_predictions().into_iter().map(Judged::Prediction).collect(),
    })
}

/// What a model says of a batch.
struct Answers {
    padded_frames: usize,
    /// CTC scores [B, T, V], where there is such a head.
    vocab: usize,
    logits: Vec<f32>,
    /// Valid frames of each utterance.
    frames: Vec<usize>,
    /// Classes and scores [B, classes] of each head.
    classes: Vec<(usize, Vec<f32>)>,
    /// CTC losses, where that head is trained.
    losses: Vec<f32>,
}

impl Answers {
    fn of<D: Backend>(device: &D, model: &Model<D>, plan: &Plan, batch: &Batch) -> Result<Self, TrainError> {
        let network = model.network.recogniser().ok_or(TrainError::Family)?;
        let heads = model.plan.heads().ok_or(TrainError::Family)?;
        // infer.py, which decodes padding, runs without flash attention: what it decodes there was attended to.
        let queries = match plan.eval.decode_padding {
            Behaviour::Sound => Queries::Valid,
            Behaviour::Reference => Queries::All,
        };
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape).answering(queries);
        let out = network.forward(&mut pass, &input(device, batch)?)?;
        let losses = match plan.train.objective.ctc_weight > 0.0 {
            true => ctc_losses(&mut tape, &out, batch, heads.blank)?.download()?,
            false => Vec::new(),
        };
        let (vocab, logits) = match &out.logits {
            Some(logits) => (logits.shape().last(), logits.download()?),
            None => (0, Vec::new()),
        };
        let classes = out.class_logits.iter().map(|scores| Ok((scores.shape().last(), scores.download()?)));
        Ok(Answers {
            padded_frames: out.hidden_states[0].dims::<3>("evaluation", "the first state")?[1],
            vocab,
            logits,
            classes: classes.collect::<Result<_, OpError>>()?,
            frames: out.frames,
            losses,
        })
    }

    /// One model's as they are; of several, the first one's with the classes that all say together.
    fn together(mut each: Vec<Self>, loss: ClassifierLoss) -> Option<Self> {
        let mut all = each.pop()?;
        if !each.is_empty() {
            for (head, (classes, scores)) in all.classes.iter_mut().enumerate() {
                let others = each.iter().map(|answers| &answers.classes[head].1[..]);
                *scores = mean_scores(others.chain([&scores[..]]), *classes, loss);
            }
        }
        Some(all)
    }
}

impl Metric {
    /// Its name in files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Metric::Wer => "dev/wer",
            Metric::Cer => "dev/cer",
            Metric::Loss => "dev/loss",
            Metric::ClfAcc => "dev/clf_acc",
            Metric::MeanAveragePrecision => "dev/mAP",
        }
    }

    /// Whether `value` is better than `best`.
    pub(super) fn improves(self, value: f64, best: f64) -> bool {
        match self {
            Metric::ClfAcc | Metric::MeanAveragePrecision => value > best,
            Metric::Wer | Metric::Cer | Metric::Loss => value < best,
        }
    }
}
