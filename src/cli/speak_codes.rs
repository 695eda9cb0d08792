//! `runner generate` of a model of codes: texts in, their sound as wav out.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use kernels::Cpu;
use serde_json::json;

use super::Talk;
use super::arguments::GenerateArguments;
use super::clips::write_clips;
use super::failure::{self, Failure};
use super::run::on_signals;
use super::speak::{frames, texts, voice};
use crate::audio::synthesis::GriffinLim;
use crate::data::TextTokens;
use crate::generate::{CodesRequest, Progress, TextLine, ToldCodes, tell};
use crate::model::Model;
use crate::model::sampler::Sampling;
use crate::plan::{CodecLmPlan, Plan};
use crate::record::units;
use crate::task::Coding;
use crate::train::{Stop, TrainError};

/// Tells each text and writes its sound, whole, as 16-bit wav.
pub(super) fn speak_codes(
    arguments: &GenerateArguments,
    plan: &Plan,
    model: &Model<Cpu>,
    name: &str,
    talk: Talk,
) -> Result<u8, Failure> {
    let codec_lm = plan.model.codec_lm().ok_or(TrainError::Family)?;
    check(arguments, codec_lm)?;
    let texts = texts(arguments)?;
    let griffin_lim = GriffinLim { iterations: arguments.iterations, ..GriffinLim::default() };
    let task = Coding::of(plan).ok_or(TrainError::Family)?.sounding(griffin_lim);
    let request = CodesRequest {
        lines: lines(codec_lm, &texts, voice(plan, arguments.speaker.as_deref(), talk)?)?,
        sampling: Sampling {
            seed: arguments.seed,
            nucleus_p: arguments.nucleus_p,
            top_k: arguments.top_k,
            temperature: arguments.temperature,
        },
        length_scale: arguments.length_scale,
    };
    let began = Instant::now();
    let told = made(model, &task, &request, &on_signals()?, talk)?;
    let secs = began.elapsed().as_secs_f64();
    let rate_hz = plan.data.sample_rate_hz;
    let files = write(arguments, &texts, &told, rate_hz, name)?;
    let samples: usize = told.iter().map(|told| told.waveform.len()).sum();
    let of_sound = samples as f64 / f64::from(rate_hz);
    if let Some(folder) = &arguments.output {
        let count = units::count(told.len() as u64);
        let what = if told.len() == 1 { "sentence" } else { "sentences" };
        talk.say(format_args!("{count} {what} in {}", folder.display()));
    }
    talk.say(format_args!("{of_sound:.2} s of speech in {secs:.2} s: {:.2} × real time", of_sound / secs));
    if talk.json {
        talk.data(&json!({
            "model": name, "clips": told.len(), "samples": samples, "rate_hz": rate_hz, "secs": secs,
            "samples_per_sec": samples as f64 / secs, "real_time_factor": of_sound / secs, "dir": arguments.output,
            "files": files, "nats": told.iter().map(|told| told.nats).collect::<Vec<_>>(),
        }));
    }
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
    if let Some((option, _)) = of_others.iter().find(|(_, given)| *given) {
        let message = format!("`{option}` is for other models than those of codes");
        return Err(Failure::new(failure::REQUEST, message)
            .help("what a model of codes says follows from `--text` or `--file`"));
    }
    if plan.cue_symbols == 0 && arguments.length_scale != 1.0 {
        let message = "a model without `cue_symbols` has a pace of its own";
        return Err(Failure::new(failure::REQUEST, message).help("leave `--length-scale` out"));
    }
    if !(arguments.length_scale > 0.0 && arguments.length_scale <= 100.0) {
        return Err(Failure::new(failure::REQUEST, "`--length-scale` is not above 0 and at most 100")
            .help("1 is the model's own pace, 2 half as fast"));
    }
    Ok(())
}

/// The texts as the model was taught them.
pub(super) fn lines(plan: &CodecLmPlan, texts: &[String], speaker: u32) -> Result<Vec<TextLine>, Failure> {
    let tokens = TextTokens::of(plan);
    tokens.read_ahead(texts.iter().map(String::as_str))?;
    let line = |text: &String| match tokens.symbols(text)? {
        Some(symbols) => Ok(TextLine { symbols, speaker }),
        None => Err(Failure::new(failure::REQUEST, format!("nobody can read `{text}` aloud"))),
    };
    texts.iter().map(line).collect()
}

/// Tells the lines, saying how far it is.
fn made(
    model: &Model<Cpu>,
    task: &Coding,
    request: &CodesRequest,
    stop: &Stop,
    talk: Talk,
) -> Result<Vec<ToldCodes>, Failure> {
    let shown = Mutex::new((talk.tally(frames), false));
    let watch = |progress: Progress| {
        // A thread that panicked has said so already.
        if let (Ok(mut shown), Progress::Making { done, of }) = (shown.lock(), progress) {
            let (tally, begun) = &mut *shown;
            if !std::mem::replace(begun, true) {
                tally.begin(of as u64, 0);
            }
            tally.at(done as u64);
        }
        if stop.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let told = tell(model, task, request, &watch).map_err(Failure::from);
    if let Ok(mut shown) = shown.lock() {
        shown.0.finish();
    }
    told
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
        "model": model, "seed": arguments.seed, "nucleus_p": arguments.nucleus_p, "top_k": arguments.top_k,
        "temperature": arguments.temperature, "length_scale": arguments.length_scale,
        "iterations": arguments.iterations,
    });
    write_clips(folder, rate_hz, clips, about)
}
