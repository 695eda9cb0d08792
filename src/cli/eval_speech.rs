//! `runner eval SPEECH --recogniser MODEL`: what a model says, judged by what a recogniser understands of it.

use std::path::Path;

use kernels::Backend;
use serde_json::{Value as Json, json};

use super::Talk;
use super::arguments::EvalArguments;
use super::checkpoint::Named;
use super::failure::{self, Failure, make_folder};
use super::predict::heard;
use super::run::on_signals;
use super::voice::Voice;
use crate::audio;
use crate::audio::synthesis::{MelForm, SpeechMel, to_loudness};
use crate::corpora::Categories;
use crate::data::{DataError, open_corpus, text_rules};
use crate::generate::RMS_DBFS;
use crate::model::Model;
use crate::plan::Plan;
use crate::quality::speech::{Errors, cepstra, distortion, interval, rate};
use crate::record::folder::{write_json, write_whole};
use crate::record::{Values, preds, units};
use crate::task::greedy;
use crate::text::{CtcTokenizer, TextRules, word_errors};
use crate::train::{Split, Stop, on_device};

/// A sentence of the split.
struct Sentence {
    name: String,
    text: String,
    speaker: u32,
    recording: Vec<f32>,
}

/// One way to have the sentences said, and what was understood.
struct Condition {
    /// Its name in files.
    key: &'static str,
    /// Its name in the table.
    title: &'static str,
    understood: Vec<String>,
    errors: Vec<Errors>,
    /// Mel-cepstral distortion from the recordings, in decibels; none for these themselves.
    distortion: Option<f64>,
}

/// Who understands.
struct Ear<'a, D: Backend> {
    plan: Plan,
    device: &'a D,
    model: Model<D>,
    tokenizer: CtcTokenizer,
    rules: TextRules,
}

/// Judges the model and leaves speech.md, preds.jsonl, metrics.json, and in `said` the sentences as wav, in the output folder.
pub(super) fn eval_speech(arguments: &EvalArguments, recogniser: &str, talk: Talk) -> Result<u8, Failure> {
    let stop = on_signals()?;
    let named = Named::find(&arguments.model, talk)?;
    let listener = Named::called(recogniser, talk)?;
    kernels::threads::start(named.plan.run.threads);
    let plan = &named.plan;
    let voice = Voice::of(plan, arguments)?;
    let split = Split::from(arguments.split);
    let (sentences, (conditions, said)) = on_device!(arguments.device.wanted(), |device| {
        let ear = Ear::open(&listener, device)?;
        let sentences = sentences(plan, split)?;
        let judged = conditions(&named, &voice, &ear, &sentences, &stop, talk)?;
        Ok::<_, Failure>((sentences, judged))
    })?;
    let metrics = metrics(&conditions);
    let output = arguments
        .output
        .clone()
        .unwrap_or_else(|| named.dir.join(format!("speech_{}_{}", split.name(), named.which)));
    let table = table(&conditions, &sentences);
    write(&output, &conditions, &sentences, &metrics, &table)?;
    write_said(&output.join("said"), &sentences, &said, plan.data.sample_rate_hz)?;
    match talk.json {
        true => talk.data(&json!({
            "id": named.id, "name": named.name, "dir": output, "state": "finished", "step": named.step,
            "recogniser": listener.id, "metrics": metrics,
        })),
        false => print!("{table}"),
    }
    talk.say(format_args!(
        "understood by {}@{}; all of it is in {}",
        listener.name,
        listener.step,
        output.display()
    ));
    Ok(0)
}

impl<'a, D: Backend> Ear<'a, D> {
    fn open(named: &Named, device: &'a D) -> Result<Self, Failure> {
        let plan = named.plan.clone();
        let model = named.model(device)?;
        if model.network.recogniser().is_none() || plan.train.objective.ctc_weight == 0.0 {
            let message = format!("`{}` does not transcribe", named.name);
            return Err(Failure::new(failure::REQUEST, message)
                .help("name a run of a recogniser, such as `tedlium_direct`"));
        }
        let path = Path::new(&plan.data.dir).join(&plan.data.vocab_path);
        let tokenizer = CtcTokenizer::read(&path).map_err(DataError::from)?;
        let rules = text_rules(&plan.data);
        Ok(Ear { device, model, tokenizer, rules, plan })
    }

    /// What is understood of a sound.
    fn hears(&self, waveform: &[f32], rate_hz: u32) -> Result<String, Failure> {
        let failed = |error: String| Failure::new(failure::FAILED, error);
        let waveform = audio::resample(waveform.to_vec(), rate_hz, self.plan.data.sample_rate_hz)
            .map_err(|reason| failed(reason.to_string()))?;
        // What is too short for a frame is not understood.
        if waveform.len() < self.plan.model.min_samples() {
            return Ok(String::new());
        }
        let made = heard(&self.plan, &self.model, waveform, self.device)?;
        let logits = made.ctc().map_err(|error| failed(error.to_string()))?;
        let symbols = greedy(&logits.download()?, logits.shape().last(), made.frames[0]);
        Ok(self.tokenizer.decode_frames(&symbols))
    }
}

/// The sentences of a split with their recordings; those of voices that the model does not know are left out.
fn sentences(plan: &Plan, split: Split) -> Result<Vec<Sentence>, Failure> {
    let data = &plan.data;
    let corpus = open_corpus(data, split.meta(data)).map_err(DataError::from)?;
    let categories = match plan.model.labelled().is_empty() {
        true => None,
        false => {
            let path = Path::new(&data.dir).join(&data.categories_path);
            Some(Categories::read(&path).map_err(DataError::from)?)
        }
    };
    let mut sentences = Vec::new();
    for utterance in corpus.utterances() {
        let class = categories.as_ref().map(|categories| categories.classes(&utterance.labels));
        let Some(speaker) = class.map_or(Some(0), |class| class?.first().copied().flatten()) else {
            continue;
        };
        let recording = corpus.load(utterance, data.sample_rate_hz).map_err(DataError::from)?;
        let (name, text) = (utterance.name.clone(), utterance.text.clone());
        sentences.push(Sentence { name, text, speaker: speaker as u32, recording });
    }
    match sentences.len() {
        0 | 1 => {
            let message = format!(
                "`{}` has {} sentences, and 2 are the least",
                corpus.meta_path().display(),
                sentences.len()
            );
            Err(Failure::new(failure::REQUEST, message).help("one is judged by another's text"))
        }
        _ => Ok(sentences),
    }
}

/// All ways to have the sentences said, and what the model says.
fn conditions<D: Backend>(
    named: &Named,
    voice: &Voice,
    ear: &Ear<'_, D>,
    sentences: &[Sentence],
    stop: &Stop,
    talk: Talk,
) -> Result<(Vec<Condition>, Vec<Vec<f32>>), Failure> {
    let rate_hz = named.plan.data.sample_rate_hz;
    let lines: Vec<(&str, u32)> = sentences.iter().map(|one| (one.text.as_str(), one.speaker)).collect();
    let said = voice.says(ear.device, &named.plan, &named.model(ear.device)?, &lines, stop, talk)?;
    let copies: Vec<Vec<f32>> =
        sentences.iter().map(|one| voice.copy(&one.recording)).collect::<Result<_, _>>()?;
    let mel = SpeechMel::new(MelForm::Log, &voice.windows(rate_hz))
        .map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?;
    let of = |waveform: &[f32]| {
        let mut waveform = waveform.to_vec();
        to_loudness(&mut waveform, RMS_DBFS);
        cepstra(&mel.run(&waveform), mel.bands())
    };
    let real: Vec<Vec<f32>> = sentences.iter().map(|one| of(&one.recording)).collect();
    let apart = |made: &[Vec<f32>]| {
        let each = made.iter().zip(&real).map(|(made, real)| distortion(&of(made), real));
        Some(each.sum::<f64>() / made.len() as f64)
    };
    let judged = |key, title, made: &[Vec<f32>], distortion| -> Result<Condition, Failure> {
        let hears = |made: &Vec<f32>| match stop.requested() {
            true => Err(Failure::stopped()),
            false => ear.hears(made, rate_hz),
        };
        let understood = made.iter().map(hears).collect::<Result<Vec<_>, _>>()?;
        Ok(Condition { key, title, errors: errors(ear, sentences, &understood), understood, distortion })
    };
    let recordings: Vec<Vec<f32>> = sentences.iter().map(|one| one.recording.clone()).collect();
    // Every sentence said with the text of another: as many after it as half of all are.
    let mut shuffled = said.clone();
    shuffled.rotate_left(sentences.len() / 2);
    let all = vec![
        judged("recordings", "recordings", &recordings, None)?,
        judged("copies", voice.copies_are(), &copies, apart(&copies))?,
        judged("said", "model", &said, apart(&said))?,
        judged("shuffled", "model, the text of another sentence", &shuffled, apart(&shuffled))?,
    ];
    Ok((all, said))
}

/// Errors in words, sentence by sentence.
fn errors<D: Backend>(ear: &Ear<'_, D>, sentences: &[Sentence], understood: &[String]) -> Vec<Errors> {
    let of = |(one, heard): (&Sentence, &String)| {
        let counts = word_errors(&ear.rules.apply(&one.text), heard);
        Errors { errors: counts.errors(), of: counts.reference_len() }
    };
    sentences.iter().zip(understood).map(of).collect()
}

/// `said/wer`, `said/mcd`, …, and by how much the control is worse, with its interval.
fn metrics(conditions: &[Condition]) -> Values {
    let mut metrics = Values::new();
    for condition in conditions {
        metrics.insert(format!("{}/wer", condition.key), rate(&condition.errors));
        metrics.extend(condition.distortion.map(|mcd| (format!("{}/mcd", condition.key), mcd)));
    }
    if let [.., said, shuffled] = conditions {
        let [low, high] = interval(&shuffled.errors, &said.errors);
        metrics.insert("gain".to_owned(), rate(&shuffled.errors) - rate(&said.errors));
        metrics.insert("gain/low".to_owned(), low);
        metrics.insert("gain/high".to_owned(), high);
    }
    metrics
}

/// What the columns of the table are, in Markdown.
const COLUMNS: [&str; 2] = ["| said by | WER | 95 % | MCD |\n", "| --- | ---: | ---: | ---: |\n"];

/// The table, in Markdown.
fn table(conditions: &[Condition], sentences: &[Sentence]) -> String {
    let count = |number: u64, what: &str| [&units::count(number), what].concat();
    let words: u64 = conditions[0].errors.iter().map(|one| one.of).sum();
    let head = [count(sentences.len() as u64, " sentences, "), count(words, " words\n\n"), COLUMNS.concat()];
    let nothing = vec![Errors { errors: 0, of: 1 }; sentences.len()];
    let row = |condition: &Condition| {
        let [low, high] = interval(&condition.errors, &nothing).map(units::percent);
        let mcd = condition.distortion.map_or_else(|| "–".to_owned(), |mcd| format!("{mcd:.2} dB"));
        let wer = units::percent(rate(&condition.errors));
        ["| ", condition.title, " | ", &wer, " | ", &low, " to ", &high, " | ", &mcd, " |\n"].concat()
    };
    let mut table = head.concat() + &conditions.iter().map(row).collect::<String>();
    if let [.., said, shuffled] = conditions {
        let [low, high] = interval(&shuffled.errors, &said.errors);
        let gain = rate(&shuffled.errors) - rate(&said.errors);
        let [gain, low, high] = [gain, low, high].map(|share| format!("{:.1}", 100.0 * share));
        let sure = [
            "\nthe texts themselves are understood better than those of other sentences by ",
            &gain,
            " points (95 %: ",
        ];
        table += &sure.concat();
        table += &[&low, " to ", &high, ")\n"].concat();
    }
    table
}

fn write(
    output: &Path,
    conditions: &[Condition],
    sentences: &[Sentence],
    metrics: &Values,
    table: &str,
) -> Result<(), Failure> {
    make_folder(output)?;
    write_whole(&output.join("speech.md"), table.as_bytes())?;
    let rows = sentences.iter().enumerate().map(|(at, one)| {
        let heard: serde_json::Map<String, Json> = conditions
            .iter()
            .map(|condition| (condition.key.to_owned(), condition.understood[at].clone().into()))
            .collect();
        json!({"name": one.name, "text": one.text, "understood": heard})
    });
    preds::write(&output.join("preds.jsonl"), rows)?;
    write_json(&output.join("metrics.json"), metrics)?;
    Ok(())
}

/// The sentences as the model says them, each by its name in the list.
fn write_said(folder: &Path, sentences: &[Sentence], said: &[Vec<f32>], rate_hz: u32) -> Result<(), Failure> {
    make_folder(folder)?;
    for (one, waveform) in sentences.iter().zip(said) {
        write_whole(&folder.join(format!("{}.wav", one.name)), &audio::wav_bytes(waveform, rate_hz))?;
    }
    Ok(())
}
