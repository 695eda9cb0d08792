//! What `runner generate` does alike for every model that speaks: which texts and whose voice, how far it is, and what is said at the end.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value as Json, json};

use super::Talk;
use super::arguments::GenerateArguments;
use super::clips::extend;
use super::failure::{self, Failure};
use crate::corpora::Categories;
use crate::generate::{GenerateError, Progress};
use crate::plan::Plan;
use crate::record::{Count, units};
use crate::train::Stop;

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

/// Refuses the first option that is given and means nothing here; it is for `others`, and these are models of `what`.
pub(super) fn refuse_given(
    mut options: impl Iterator<Item = (&'static str, bool)>,
    others: &str,
    what: &str,
) -> Result<(), Failure> {
    match options.find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::new(failure::REQUEST, format!("`{option}` is for {others}"))
            .help(format!("what a model of {what} says follows from `--text` or `--file`"))),
        None => Ok(()),
    }
}

/// Refuses what is no pace.
pub(super) fn check_pace(length_scale: f64) -> Result<(), Failure> {
    if length_scale > 0.0 && length_scale <= 100.0 {
        return Ok(());
    }
    Err(Failure::new(failure::REQUEST, "`--length-scale` is not above 0 and at most 100")
        .help("1 is the model's own pace, 2 half as fast"))
}

/// Makes sentences, telling how far it is; `stop` breaks it off.
pub(super) fn watched<T>(
    stop: &Stop,
    talk: Talk,
    make: impl FnOnce(&(dyn Fn(Progress) -> ControlFlow<()> + Sync)) -> Result<T, GenerateError>,
) -> Result<T, Failure> {
    let shown = Mutex::new((talk.tally(Count::frames), false));
    let made = make(&|progress| {
        // A thread that panicked has said so already.
        if let (Ok(mut shown), Progress::Making { done, of }) = (shown.lock(), progress) {
            let (tally, begun) = &mut *shown;
            if !std::mem::replace(begun, true) {
                tally.begin(of as u64, 0);
            }
            tally.at(done as u64);
        }
        if stop.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Ok(mut shown) = shown.lock() {
        shown.0.finish();
    }
    made.map_err(Failure::from)
}

/// Sentences that were made.
pub(super) struct Sentences {
    count: usize,
    /// Of all of them.
    samples: usize,
    rate_hz: u32,
    /// How long it took.
    secs: f64,
    /// Where they are.
    files: Vec<PathBuf>,
}

impl Sentences {
    /// Those with these waveforms.
    pub fn of<'a>(
        waveforms: impl Iterator<Item = &'a Vec<f32>>,
        rate_hz: u32,
        secs: f64,
        files: Vec<PathBuf>,
    ) -> Self {
        let (count, samples) =
            waveforms.fold((0, 0), |(count, samples), waveform| (count + 1, samples + waveform.len()));
        Sentences { count, samples, rate_hz, secs, files }
    }

    /// Says where they are and how fast they were made; for a program with `more`.
    pub fn told(&self, arguments: &GenerateArguments, model: &str, more: Json, talk: Talk) {
        let Sentences { count, samples, rate_hz, secs, files } = self;
        let of_sound = *samples as f64 / f64::from(*rate_hz);
        if let Some(folder) = &arguments.output {
            let what = if *count == 1 { "sentence" } else { "sentences" };
            talk.say(format_args!("{} {what} in {}", units::count(*count as u64), folder.display()));
        }
        talk.say(format_args!(
            "{of_sound:.2} s of speech in {secs:.2} s: {:.2} × real time",
            of_sound / secs
        ));
        if talk.json {
            let mut all = json!({
                "model": model, "clips": count, "samples": samples, "rate_hz": rate_hz, "secs": secs,
                "samples_per_sec": *samples as f64 / secs, "real_time_factor": of_sound / secs,
                "dir": arguments.output, "files": files,
            });
            extend(&mut all, more);
            talk.data(&all);
        }
    }
}
