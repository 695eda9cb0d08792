//! `runner predict`: what a model makes of sound files.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kernels::{Array, Backend, OpError, Tape};
use serde_json::{Value as Json, json};

use super::Talk;
use super::arguments::PredictArguments;
use super::checkpoint::Named;
use super::failure::{self, Failure};
use super::run::on_signals;
use crate::audio;
use crate::corpora::Categories;
use crate::data::DataError;
use crate::model::{Activations, Input, Model};
use crate::nn::Pass;
use crate::plan::{Labelling, Plan};
use crate::record::{host, units};
use crate::task::{best, greedy};
use crate::text::CtcTokenizer;
use crate::train::on_device;

/// A model ready to be asked.
struct Predictor<'a, D: Backend> {
    plan: Plan,
    device: &'a D,
    model: Model<D>,
    tokenizer: Option<CtcTokenizer>,
    categories: Option<Categories>,
}

/// Prints a line per file: its transcript, its classes, or both.
pub fn predict(arguments: &PredictArguments, talk: Talk) -> Result<u8, Failure> {
    let named = Named::find(&arguments.model, talk)?;
    on_device!(arguments.device.wanted(), |device| answer(
        &Predictor::open(named, device)?,
        &arguments.files,
        talk
    ))
}

/// A line for each file that can be answered; the exit code.
fn answer<D: Backend>(predictor: &Predictor<'_, D>, files: &[PathBuf], talk: Talk) -> Result<u8, Failure> {
    let stop = on_signals()?;
    let (mut failed, mut sound_secs, began) = (0, 0.0, Instant::now());
    for (at, path) in files.iter().enumerate() {
        if stop.requested() {
            let message = format!("stopped on request behind {at} of {} files", files.len());
            return Err(Failure::new(failure::KILLED, message));
        }
        let asked = predictor.ask(path);
        sound_secs += asked.as_ref().ok().and_then(|prediction| prediction["secs"].as_f64()).unwrap_or(0.0);
        match asked {
            Ok(prediction) if talk.json => println!("{prediction}"),
            Ok(prediction) => println!("{}\t{}", path.display(), words(&prediction)),
            // One broken file of a thousand is said and counted, and the others are still answered.
            Err(failure) => {
                failed = failed.max(failure.code);
                _ = failure.report(false);
            }
        }
    }
    let secs = began.elapsed().as_secs_f64();
    let memory = host::peak_bytes().map_or_else(|| "unknown".into(), units::bytes);
    talk.say(format_args!("{sound_secs:.1} s of sound in {secs:.2} s, peak memory {memory}"));
    Ok(failed)
}

/// The transcript, then the classes.
fn words(prediction: &Json) -> String {
    let classes =
        prediction["labels"].as_array().into_iter().flatten().filter_map(|label| label["label"].as_str());
    prediction["text"].as_str().into_iter().chain(classes).collect::<Vec<_>>().join("\t")
}

impl<'a, D: Backend> Predictor<'a, D> {
    fn open(named: Named, device: &'a D) -> Result<Self, Failure> {
        kernels::threads::start(named.plan.run.threads);
        let (model, plan) = (named.model(device)?, named.plan);
        if model.network.recogniser().is_none() {
            let message = format!("a `{}` model neither transcribes nor classifies", plan.model.family());
            return Err(Failure::new(failure::REQUEST, message).help("`runner generate` makes sound with it"));
        }
        let corpus = Path::new(&plan.data.dir);
        let tokenizer = match plan.model.ctc() {
            Some(_) => {
                Some(CtcTokenizer::read(&corpus.join(&plan.data.vocab_path)).map_err(DataError::from)?)
            }
            None => None,
        };
        let categories = match plan.model.classes().is_empty() {
            true => None,
            false => Some(Categories::read(&corpus.join(&plan.data.categories_path))?),
        };
        Ok(Self { plan, device, model, tokenizer, categories })
    }

    fn ask(&self, path: &Path) -> Result<Json, Failure> {
        let waveform = audio::read(path, self.plan.data.sample_rate_hz).map_err(|error| {
            let code = if path.exists() { failure::FAILED } else { failure::MISSING };
            Failure::new(code, error.to_string())
        })?;
        let (samples, needed) = (waveform.len(), self.plan.model.min_samples());
        if samples < needed {
            let message = format!("`{}` has {samples} samples, but the model needs {needed}", path.display());
            return Err(Failure::new(failure::FAILED, message));
        }
        let made = heard(&self.plan, &self.model, waveform, self.device)?;
        let mut prediction = json!({
            "path": path,
            "secs": samples as f64 / f64::from(self.plan.data.sample_rate_hz),
        });
        if self.plan.train.objective.ctc_weight > 0.0 {
            self.transcribe(&made, &mut prediction)?;
        }
        self.classify(&made, &mut prediction)?;
        Ok(prediction)
    }

    /// Adds the transcript and the mean probability of the symbols that spell it.
    fn transcribe(&self, made: &Activations<D>, prediction: &mut Json) -> Result<(), OpError> {
        let (Some(logits), Some(tokenizer)) = (&made.logits, &self.tokenizer) else { return Ok(()) };
        let (logits, vocab_size) = (logits.download()?, logits.shape().last());
        let symbols = greedy(&logits, vocab_size, made.frames[0]);
        let certain: f64 = logits.chunks(vocab_size).take(symbols.len()).map(probability_of_best).sum();
        prediction["text"] = tokenizer.decode_frames(&symbols).into();
        prediction["score"] = (certain / symbols.len().max(1) as f64).into();
        Ok(())
    }

    /// Adds each head's class and its probability; all that are likely where any number may be there, and one for each second of a scene.
    fn classify(&self, made: &Activations<D>, prediction: &mut Json) -> Result<(), OpError> {
        let Some(categories) = &self.categories else { return Ok(()) };
        let scores = made.class_logits.iter().map(Array::download);
        let scores = scores.collect::<Result<Vec<_>, _>>()?.into_iter();
        let labels: Vec<Json> = match self.plan.data.labelling {
            Labelling::AnyNumber => scores.flat_map(|scores| likely(&scores, categories)).collect(),
            Labelling::OnePerHead => {
                scores.enumerate().map(|(head, scores)| label(&scores, head, categories)).collect()
            }
            Labelling::OnePerSecond(_) => scores.map(|scores| label(&scores, 0, categories)).collect(),
        };
        prediction["labels"] = labels.into();
        Ok(())
    }
}

/// What a recogniser makes of one sound [samples] at its rate, which is long enough for a frame.
pub(super) fn heard<D: Backend>(
    plan: &Plan,
    model: &Model<D>,
    mut waveform: Vec<f32>,
    device: &D,
) -> Result<Activations<D>, Failure> {
    if plan.data.normalise {
        audio::normalise(&mut waveform);
    }
    let samples = waveform.len();
    let waveforms = Array::from_vec(device, waveform, [1, samples, 1])?;
    let mut tape = Tape::silent();
    let mut pass = Pass::at_rest(&model.params, &mut tape);
    let network = model.network.recogniser();
    let network = network.ok_or_else(|| Failure::new(failure::INTERNAL, "the network has changed"))?;
    Ok(network.forward(&mut pass, &Input::of(waveforms, vec![samples]))?)
}

/// The best class of a head.
fn label(scores: &[f32], head: usize, categories: &Categories) -> Json {
    json!({"label": categories.name(head, best(scores)), "score": probability_of_best(scores)})
}

/// The classes that are more likely there than not, the likeliest first.
fn likely(scores: &[f32], categories: &Categories) -> Vec<Json> {
    let probability = |score: f32| 1.0 / (1.0 + (-f64::from(score)).exp());
    let mut there: Vec<usize> = (0..scores.len()).filter(|class| scores[*class] > 0.0).collect();
    there.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let label =
        |class: usize| json!({"label": categories.name(0, class), "score": probability(scores[class])});
    there.into_iter().map(label).collect()
}

/// The softmax of the largest score.
fn probability_of_best(scores: &[f32]) -> f64 {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    1.0 / scores.iter().map(|score| f64::from(score - largest).exp()).sum::<f64>()
}
