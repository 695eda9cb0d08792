//! `runner generate` of a model of speech: texts in, sentences as wav out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kernels::Backend;
use serde_json::json;

use super::Talk;
use super::arguments::GenerateArguments;
use super::clips::write_clips;
use super::failure::{self, Failure};
use super::run::on_signals;
use super::sentences::{Sentences, check_pace, refuse_given, texts, voice, watched};
use crate::audio;
use crate::audio::synthesis::GriffinLim;
use crate::data::Spoken;
use crate::generate::{Line, Said, SpeechRequest, SpeechStream, speak as make};
use crate::model::Model;
use crate::plan::Plan;
use crate::task::Speaking;
use crate::train::TrainError;

/// Speaks each text and writes it, whole, as 16-bit wav.
pub(super) fn speak<D: Backend>(
    arguments: &GenerateArguments,
    device: &D,
    plan: &Plan,
    model: &Model<D>,
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
        return streamed(device, model, &task, &request, plan.data.sample_rate_hz, talk);
    }
    let began = Instant::now();
    let said = watched(&on_signals()?, talk, |watch| make(device, model, &task, &request, watch))?;
    let secs = began.elapsed().as_secs_f64();
    let rate_hz = plan.data.sample_rate_hz;
    let files = match &arguments.output {
        Some(folder) => write(folder, &texts, &said, rate_hz, name, &request)?,
        None => Vec::new(),
    };
    let sentences = Sentences::of(said.iter().map(|said| &said.waveform), rate_hz, secs, files);
    sentences.told(arguments, name, json!({}), talk);
    Ok(0)
}

/// Writes the sentence to standard output piece by piece.
fn streamed<D: Backend>(
    device: &D,
    model: &Model<D>,
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
    let mut stream = SpeechStream::new(device, model, task, request)?;
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
    let GenerateArguments { clips, seconds, prompt, fast, steps, draws, .. } = arguments;
    let of_others = [
        ("-n", *clips != 1),
        ("--seconds", *seconds != 1.0),
        ("--prompt", prompt.is_some()),
        ("--fast", *fast),
        ("--steps", *steps != 0),
    ];
    let of_others = of_others.into_iter().chain(draws.given().map(|option| (option, true)));
    refuse_given(of_others, "models that make sound without a text", "speech")?;
    if arguments.stream && arguments.text.len() != 1 {
        return Err(Failure::new(failure::REQUEST, "`--stream` is for one sentence")
            .help("give `--text` once, or `-o` in its place"));
    }
    check_pace(arguments.length_scale)
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
