//! `runner generate` of a model of codes: texts in, their sound as wav out.

use std::path::PathBuf;
use std::time::Instant;

use kernels::Backend;
use serde_json::json;

use super::Talk;
use super::arguments::GenerateArguments;
use super::clips::write_clips;
use super::failure::{self, Failure};
use super::run::on_signals;
use super::sentences::{Sentences, check_pace, refuse_given, texts, voice, watched};
use crate::audio::synthesis::GriffinLim;
use crate::data::TextTokens;
use crate::generate::{CodesRequest, TextLine, ToldCodes, tell};
use crate::model::Model;
use crate::plan::{CodecLmPlan, Plan};
use crate::task::Coding;
use crate::train::TrainError;

/// Tells each text and writes its sound, whole, as 16-bit wav.
pub(super) fn speak_codes<D: Backend>(
    arguments: &GenerateArguments,
    plan: &Plan,
    model: &Model<D>,
    name: &str,
    talk: Talk,
) -> Result<u8, Failure> {
    let codec_lm = plan.model.codec_lm().ok_or(TrainError::Family)?;
    check(arguments, codec_lm)?;
    let texts = texts(arguments)?;
    let griffin_lim = GriffinLim { iterations: arguments.iterations, ..GriffinLim::default() };
    let task = Coding::of(plan).ok_or(TrainError::Family)?.sounding(griffin_lim);
    let speaker = voice(plan, arguments.speaker.as_deref(), talk)?;
    let request = CodesRequest {
        lines: lines(codec_lm, texts.iter().map(|text| (text.as_str(), speaker)))?,
        sampling: arguments.draws.sampling(arguments.seed),
        length_scale: arguments.length_scale,
    };
    let began = Instant::now();
    let told = watched(&on_signals()?, talk, |watch| tell(model, &task, &request, watch))?;
    let secs = began.elapsed().as_secs_f64();
    let rate_hz = plan.data.sample_rate_hz;
    let files = write(arguments, &texts, &told, rate_hz, name)?;
    let sentences = Sentences::of(told.iter().map(|told| &told.waveform), rate_hz, secs, files);
    let nats: Vec<f64> = told.iter().map(|told| told.nats).collect();
    sentences.told(arguments, name, json!({"nats": nats}), talk);
    Ok(0)
}

/// Whether everything that is asked for has a meaning for codes.
fn check(arguments: &GenerateArguments, plan: &CodecLmPlan) -> Result<(), Failure> {
    let GenerateArguments { clips, seconds, prompt, fast, steps, stream, .. } = arguments;
    let of_others = [
        ("-n", *clips != 1),
        ("--seconds", *seconds != 1.0),
        ("--prompt", prompt.is_some()),
        ("--fast", *fast),
        ("--steps", *steps != 0),
        ("--stream", *stream),
    ];
    refuse_given(of_others.into_iter(), "other models than those of codes", "codes")?;
    if plan.cue_symbols == 0 && arguments.length_scale != 1.0 {
        let message = "a model without `cue_symbols` has a pace of its own";
        return Err(Failure::new(failure::REQUEST, message).help("leave `--length-scale` out"));
    }
    check_pace(arguments.length_scale)
}

/// The texts as the model was taught them, each in its speaker's voice.
pub(super) fn lines<'a>(
    plan: &CodecLmPlan,
    texts: impl Iterator<Item = (&'a str, u32)> + Clone,
) -> Result<Vec<TextLine>, Failure> {
    let tokens = TextTokens::of(plan);
    tokens.read_ahead(texts.clone().map(|(text, _)| text))?;
    let line = |(text, speaker)| match tokens.symbols(text)? {
        Some(symbols) => Ok(TextLine { symbols, speaker }),
        None => Err(Failure::new(failure::REQUEST, format!("nobody can read `{text}` aloud"))),
    };
    texts.map(line).collect()
}

/// Writes the sentences, and what was told; where they are.
fn write(
    arguments: &GenerateArguments,
    texts: &[String],
    told: &[ToldCodes],
    rate_hz: u32,
    model: &str,
) -> Result<Vec<PathBuf>, Failure> {
    let Some(folder) = &arguments.output else { return Ok(Vec::new()) };
    let clips = texts
        .iter()
        .zip(told)
        .map(|(text, told)| (&told.waveform[..], json!({"text": text, "nats": told.nats})));
    let about = json!({
        "model": model, "seed": arguments.seed, "nucleus_p": arguments.draws.nucleus_p,
        "top_k": arguments.draws.top_k, "temperature": arguments.draws.temperature, "length_scale": arguments.length_scale,
        "iterations": arguments.iterations,
    });
    write_clips(folder, rate_hz, clips, about)
}
