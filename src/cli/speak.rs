//! `runner generate` of a model of speech: texts in, sentences as wav out.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use kernels::Cpu;
use serde_json::json;

use super::Talk;
use super::arguments::GenerateArguments;
use super::clips::write_clips;
use super::failure::{self, Failure};
use super::run::on_signals;
use crate::audio;
use crate::audio::synthesis::GriffinLim;
use crate::corpora::Categories;
use crate::data::Spoken;
use crate::generate::{Line, Progress, Said, SpeechRequest, SpeechStream, speak as make};
use crate::model::Model;
use crate::plan::Plan;
use crate::record::{Count, units};
use crate::task::Speaking;
use crate::train::{Stop, TrainError};

/// Speaks each text and writes it, whole, as 16-bit wav.
pub(super) fn speak(
    arguments: &GenerateArguments,
    plan: &Plan,
    model: &Model<Cpu>,
    name: &str,
    talk: Talk,
) -> Result<u8, Failure> {
    check(arguments)?;
    let texts = texts(arguments)?;
    let tacomamba = plan.model.tacomamba().ok_or(TrainError::Family)?;
    if tacomamba.prefix && arguments.length_scale != 1.0 {
        let message = "a model that says itself when a sentence ends has a pace of its own";
        return Err(Failure::new(failure::REQUEST, message).help("leave `--length-scale` out"));
    }
    let task = Speaking::of(plan).ok_or(TrainError::Family)?;
    let speaker = voice(plan, arguments.speaker.as_deref(), talk)?;
    let spoken = Spoken::of(tacomamba);
    let line = |text: &String| Line { symbols: spoken.symbols(text), speaker, durations: None };
    let request = SpeechRequest {
        length_scale: arguments.length_scale as f32,
        griffin_lim: GriffinLim { iterations: arguments.iterations, ..GriffinLim::default() },
        ..SpeechRequest::of(texts.iter().map(line).collect(), arguments.seed)
    };
    if arguments.stream {
        return streamed(model, &task, &request, plan.data.sample_rate_hz, talk);
    }
    let began = Instant::now();
    let said = made(model, &task, &request, &on_signals()?, talk)?;
    let secs = began.elapsed().as_secs_f64();
    let rate_hz = plan.data.sample_rate_hz;
    let files = match &arguments.output {
        Some(folder) => write(folder, &texts, &said, rate_hz, name, &request)?,
        None => Vec::new(),
    };
    let samples: usize = said.iter().map(|said| said.waveform.len()).sum();
    let of_sound = samples as f64 / f64::from(rate_hz);
    if let Some(folder) = &arguments.output {
        let count = units::count(said.len() as u64);
        let what = if said.len() == 1 { "sentence" } else { "sentences" };
        talk.say(format_args!("{count} {what} in {}", folder.display()));
    }
    talk.say(format_args!("{of_sound:.2} s of speech in {secs:.2} s: {:.2} × real time", of_sound / secs));
    if talk.json {
        talk.data(&json!({
            "model": name, "clips": said.len(), "samples": samples, "rate_hz": rate_hz, "secs": secs,
            "samples_per_sec": samples as f64 / secs, "real_time_factor": of_sound / secs, "dir": arguments.output,
            "files": files,
        }));
    }
    Ok(0)
}

/// Writes the sentence to standard output piece by piece.
fn streamed(
    model: &Model<Cpu>,
    task: &Speaking,
    request: &SpeechRequest,
    rate_hz: u32,
    talk: Talk,
) -> Result<u8, Failure> {
    let lost = |error: std::io::Error| match error.kind() {
        // Whoever listened has heard enough.
        std::io::ErrorKind::BrokenPipe => Failure::new(failure::KILLED, "nobody listens any more"),
        _ => Failure::new(failure::IO, format!("cannot write to standard output: {error}")),
    };
    let (began, mut out) = (Instant::now(), std::io::stdout().lock());
    let mut stream = SpeechStream::new(&Cpu::default(), model, task, request)?;
    out.write_all(&audio::wav_stream_header(rate_hz)).map_err(lost)?;
    let (mut first, mut samples) = (None, 0);
    while let Some(piece) = stream.next_piece()? {
        out.write_all(&audio::pcm16_bytes(&piece)).and_then(|()| out.flush()).map_err(lost)?;
        samples += piece.len();
        if !piece.is_empty() {
            first.get_or_insert_with(|| began.elapsed());
        }
    }
    let (secs, of_sound) = (began.elapsed().as_secs_f64(), samples as f64 / f64::from(rate_hz));
    talk.say(format_args!(
        "{of_sound:.2} s of speech in {secs:.2} s: {:.2} × real time, the first of it after {:.0} ms",
        of_sound / secs,
        first.unwrap_or_default().as_secs_f64() * 1e3
    ));
    Ok(0)
}

/// Whether everything that is asked for has a meaning for speech.
fn check(arguments: &GenerateArguments) -> Result<(), Failure> {
    let GenerateArguments { clips, seconds, nucleus_p, top_k, temperature, prompt, fast, steps, .. } =
        arguments;
    let of_others = [
        ("-n", *clips != 1),
        ("--seconds", *seconds != 1.0),
        ("--nucleus-p", *nucleus_p != 1.0),
        ("--top-k", *top_k != 0),
        ("--temperature", *temperature != 1.0),
        ("--prompt", prompt.is_some()),
        ("--fast", *fast),
        ("--steps", *steps != 0),
    ];
    if let Some((option, _)) = of_others.iter().find(|(_, given)| *given) {
        let message = format!("`{option}` is for models that make sound without a text");
        return Err(Failure::new(failure::REQUEST, message)
            .help("what a model of speech says follows from `--text` or `--file`"));
    }
    if arguments.stream && arguments.text.len() != 1 {
        return Err(Failure::new(failure::REQUEST, "`--stream` is for one sentence")
            .help("give `--text` once, or `-o` in its place"));
    }
    if !(arguments.length_scale > 0.0 && arguments.length_scale <= 100.0) {
        return Err(Failure::new(failure::REQUEST, "`--length-scale` is not above 0 and at most 100")
            .help("1 is the model's own pace, 2 half as fast"));
    }
    Ok(())
}

/// The texts to be said.
pub(super) fn texts(arguments: &GenerateArguments) -> Result<Vec<String>, Failure> {
    let texts: Vec<String> = match &arguments.file {
        None => arguments.text.clone(),
        Some(path) => {
            let all = std::fs::read_to_string(path).map_err(|error| {
                let code = if path.exists() { failure::FAILED } else { failure::MISSING };
                Failure::new(code, format!("cannot read `{}`: {error}", path.display()))
            })?;
            all.lines().map(str::to_owned).collect()
        }
    };
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.trim().is_empty()).collect();
    if texts.is_empty() {
        return Err(Failure::new(failure::REQUEST, "there is nothing to say")
            .help("give `--text \"Hello.\"`, or `--file` with a sentence on each line"));
    }
    Ok(texts)
}

/// The number of a voice; of several the first where none is named.
pub(super) fn voice(plan: &Plan, named: Option<&str>, talk: Talk) -> Result<u32, Failure> {
    let count = plan.model.labelled().first().copied().unwrap_or(0);
    if count == 0 {
        return match named {
            None => Ok(0),
            Some(named) => {
                Err(Failure::new(failure::REQUEST, format!("there is no voice `{named}`: the model has one"))
                    .help("leave `--speaker` out"))
            }
        };
    }
    let path = Path::new(&plan.data.dir).join(&plan.data.categories_path);
    let categories = Categories::read(&path).map_err(crate::data::DataError::from)?;
    let voices: Vec<&str> = (0..count).filter_map(|class| categories.name(0, class)).collect();
    match named {
        None => {
            talk.say(format_args!("the voice is `{}`, the first of {count}", voices.first().unwrap_or(&"0")));
            Ok(0)
        }
        Some(named) => match voices.iter().position(|voice| *voice == named) {
            Some(at) => Ok(at as u32),
            None => Err(Failure::new(failure::REQUEST, format!("there is no voice `{named}`"))
                .help(format!("there are {}", voices.join(", ")))),
        },
    }
}

/// Speaks, telling how far it is.
pub(super) fn made(
    model: &Model<Cpu>,
    task: &Speaking,
    request: &SpeechRequest,
    stop: &Stop,
    talk: Talk,
) -> Result<Vec<Said>, Failure> {
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
    let said = make(&Cpu::default(), model, task, request, &watch).map_err(Failure::from);
    if let Ok(mut shown) = shown.lock() {
        shown.0.finish();
    }
    said
}

/// `1,228 of 6,400 frames  1,690 frames/s  3 s left`
pub(super) fn frames(count: &Count) -> String {
    format!(
        "{} of {} frames  {} frames/s  {} left",
        units::count(count.done),
        units::count(count.all),
        units::count(count.per_sec as u64),
        count.left()
    )
}

/// Writes the sentences, and what was said; where they are.
fn write(
    folder: &Path,
    texts: &[String],
    said: &[Said],
    rate_hz: u32,
    model: &str,
    request: &SpeechRequest,
) -> Result<Vec<PathBuf>, Failure> {
    let clips = texts
        .iter()
        .zip(said)
        .map(|(text, said)| (&said.waveform[..], json!({"text": text, "durations": said.durations})));
    let about = json!({
        "model": model, "seed": request.seed, "length_scale": request.length_scale,
        "iterations": request.griffin_lim.iterations,
    });
    write_clips(folder, rate_hz, clips, about)
}
