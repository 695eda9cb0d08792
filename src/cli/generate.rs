//! `runner generate`: sound out of a model.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use kernels::Backend;
use serde_json::json;

use super::Talk;
use super::arguments::{DrawArguments, GenerateArguments, Request as OrderRequest};
use super::checkpoint::Named;
use super::clips::write_clips;
use super::failure::{self, Failure};
use super::order::plan_alone;
use super::run::on_signals;
use super::speak::speak;
use super::speak_codes::speak_codes;
use crate::audio;
use crate::generate::{GenerateError, Made, Progress, Request, generate as make};
use crate::model::Model;
use crate::model::sashimi::published;
use crate::plan::Plan;
use crate::record::{Count, Tally, units};
use crate::train::on_device;

/// Of all published models of sound.
const PUBLISHED_RATE_HZ: u32 = 16_000;

/// A model that is there to make sound.
struct Source<D: Backend> {
    model: Model<D>,
    rate_hz: u32,
    /// What it is called in talk and in clips.json.
    name: String,
    /// What it was trained by; a checkpoint of the published programs has none.
    plan: Option<Plan>,
}

/// Makes clips and writes them, each whole, as 16-bit wav.
pub fn generate(arguments: &GenerateArguments, talk: Talk) -> Result<u8, Failure> {
    check(arguments)?;
    kernels::threads::start(arguments.threads);
    on_device!(arguments.device.wanted(), |device| generate_on(device, arguments, talk))
}

fn generate_on<D: Backend>(device: &D, arguments: &GenerateArguments, talk: Talk) -> Result<u8, Failure> {
    let Source { model, rate_hz, name, plan } = source(device, arguments, talk)?;
    if let Some(plan) = plan.filter(|plan| plan.model.speaks()) {
        return match plan.model.codec_lm() {
            Some(_) => speak_codes(arguments, &plan, &model, &name, talk),
            None => speak(arguments, device, &plan, &model, &name, talk),
        };
    }
    if !arguments.text.is_empty() || arguments.file.is_some() {
        let message = format!("a `{}` model cannot speak a text", model.plan.family());
        return Err(Failure::new(failure::REQUEST, message).help(
            "leave `--text` and `--file` out, or name a run of a `[model.tacomamba]` or `[model.codec_lm]`",
        ));
    }
    let request = request(arguments, rate_hz)?;
    let stop = on_signals()?;
    let shown =
        Mutex::new(Shown { tally: talk.tally(Count::samples), making: false, ready: Instant::now(), talk });
    let watch = |progress: Progress| {
        // A thread that panicked has said so already.
        if let Ok(mut shown) = shown.lock() {
            shown.tell(progress);
        }
        if stop.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let began = Instant::now();
    let made = make(device, &model, &request, &watch).map_err(Failure::from)?;
    // Without what is done once, however much is made.
    let secs = shown.lock().map_or(began, |mut shown| shown.finish()).elapsed().as_secs_f64();
    let files = match &arguments.output {
        Some(folder) => write(folder, &made, rate_hz, &name, &request)?,
        None => Vec::new(),
    };
    if let Some(folder) = &arguments.output {
        talk.say(format_args!("{} in {}", clips(made.len()), folder.display()));
    }
    let of_sound = (made.len() * request.samples) as f64 / f64::from(rate_hz);
    let speed = (made.len() * request.samples) as f64 / secs;
    talk.say(format_args!(
        "{of_sound:.2} s of sound in {secs:.2} s: {} samples/s, {:.2} × real time",
        units::count(speed as u64),
        of_sound / secs
    ));
    if talk.json {
        talk.data(&json!({
            "model": name, "clips": made.len(), "samples": request.samples, "rate_hz": rate_hz, "secs": secs,
            "samples_per_sec": speed, "real_time_factor": of_sound / secs, "dir": arguments.output, "files": files,
            "nats": made.iter().map(|clip| clip.mean_log_likelihood.map(|mean| -mean)).collect::<Vec<_>>(),
        }));
    }
    Ok(0)
}

fn clips(count: usize) -> String {
    format!("{} {}", units::count(count as u64), if count == 1 { "clip" } else { "clips" })
}

/// Refuses what nothing can be drawn by.
pub(super) fn check_draws(draws: &DrawArguments) -> Result<(), Failure> {
    if draws.nucleus_p.is_nan() || draws.nucleus_p <= 0.0 {
        return Err(Failure::new(failure::REQUEST, "`--nucleus-p` is not above 0, so nothing can be drawn")
            .help("choose one up to 1, where it is off"));
    }
    if draws.temperature.is_nan() || draws.temperature <= 0.0 {
        return Err(Failure::new(failure::REQUEST, "`--temperature` is not above 0")
            .help("1 draws as the model says"));
    }
    Ok(())
}

fn check(arguments: &GenerateArguments) -> Result<(), Failure> {
    let wrong =
        |message: &str, help: &str| Err(Failure::new(failure::REQUEST, message.to_owned()).help(help));
    check_draws(&arguments.draws)?;
    if !(arguments.seconds > 0.0 && arguments.seconds.is_finite()) {
        return wrong("`--seconds` is not above 0", "for example `--seconds 1`");
    }
    if arguments.clips == 0 {
        return wrong("`-n` is 0: there is nothing to make", "for example `-n 4`");
    }
    match &arguments.output {
        Some(folder) if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) => {
            Err(Failure::new(failure::RUNNING, format!("`{}` is not empty", folder.display()))
                .help("name a folder that does not exist yet"))
        }
        _ => Ok(()),
    }
}

/// The model that is asked for: of a checkpoint of the published programs, an experiment as it is drawn, or a run.
fn source<D: Backend>(device: &D, arguments: &GenerateArguments, talk: Talk) -> Result<Source<D>, Failure> {
    if let Some(path) = &arguments.weights {
        let found = published::read(path)?;
        for assumed in &found.assumed {
            talk.say(format_args!("not in the file: {assumed}"));
        }
        let model = Model::published(device, &found, path)?;
        let name = path.display().to_string();
        return Ok(Source { model, rate_hz: PUBLISHED_RATE_HZ, name, plan: None });
    }
    let Some(named) = &arguments.model else {
        return Err(Failure::new(failure::REQUEST, "no model is named"));
    };
    if arguments.random_init {
        let plan = plan_alone(&OrderRequest {
            experiment: named.into(),
            profile: arguments.profile.clone(),
            hparams: None,
            sets: Vec::new(),
        })?;
        let model = Model::draw(device, &plan.model, plan.run.seed)?;
        let (rate_hz, name) = (plan.data.sample_rate_hz, plan.name.clone());
        return Ok(Source { model, rate_hz, name, plan: Some(plan) });
    }
    if Path::new(named).extension().is_some_and(|extension| extension == "toml") {
        let message = format!("`{named}` is an experiment, which has no weights");
        return Err(Failure::new(failure::REQUEST, message)
            .help("name a run, as `runner results` lists them, or measure speed with `--random-init`"));
    }
    let named = Named::called(named, talk)?;
    let model = named.model(device)?;
    let name = format!("{}@{}", named.dir.display(), named.step);
    Ok(Source { model, rate_hz: named.plan.data.sample_rate_hz, name, plan: Some(named.plan) })
}

fn request(arguments: &GenerateArguments, rate_hz: u32) -> Result<Request, Failure> {
    let prompt = match &arguments.prompt {
        Some(path) => audio::read(path, rate_hz).map_err(|error| {
            let code = if path.exists() { failure::FAILED } else { failure::MISSING };
            Failure::new(code, error.to_string())
        })?,
        None => Vec::new(),
    };
    Ok(Request {
        clips: arguments.clips,
        samples: (arguments.seconds * f64::from(rate_hz)).round().max(1.0) as usize,
        sampling: arguments.draws.sampling(arguments.seed),
        prompt,
        fast: arguments.fast,
        steps: arguments.steps,
        threads: kernels::threads::count_for(arguments.threads),
    })
}

/// Writes the clips, and what they were made from; where they are.
fn write(
    folder: &Path,
    made: &[Made],
    rate_hz: u32,
    model: &str,
    request: &Request,
) -> Result<Vec<PathBuf>, Failure> {
    let clips = made
        .iter()
        .map(|clip| (&clip.waveform[..], json!({"nats": clip.mean_log_likelihood.map(|mean| -mean)})));
    let sampling = &request.sampling;
    let about = json!({
        "model": model, "seed": sampling.seed, "nucleus_p": sampling.nucleus_p, "top_k": sampling.top_k,
        "temperature": sampling.temperature,
        "prompt_samples": request.prompt.len(), "fast": request.fast, "steps": request.steps,
    });
    write_clips(folder, rate_hz, clips, about)
}

/// Tells how far it is.
struct Shown {
    tally: Tally,
    making: bool,
    /// When there was nothing left to do but to make.
    ready: Instant,
    talk: Talk,
}

impl Shown {
    /// Takes the bar away; since when sound was made.
    fn finish(&mut self) -> Instant {
        self.tally.finish();
        self.ready
    }

    fn tell(&mut self, progress: Progress) {
        match progress {
            Progress::Deriving { done, of } if done == of => {
                self.talk.say(format_args!("{} recurrences derived", units::count(of as u64)));
                self.ready = Instant::now();
            }
            Progress::Deriving { .. } => {}
            Progress::Making { done, of } => {
                if !std::mem::replace(&mut self.making, true) {
                    self.tally.begin(of as u64, 0);
                }
                self.tally.at(done as u64);
            }
        }
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        let error = match error {
            GenerateError::Codec(error) => return error.into(),
            error => error,
        };
        let code = match &error {
            GenerateError::Codec(_) | GenerateError::Stream(_) | GenerateError::Op(_) => failure::FAILED,
            GenerateError::Mute(_)
            | GenerateError::TooLong { .. }
            | GenerateError::Prompt
            | GenerateError::AtOnce
            | GenerateError::Unstreamed => failure::REQUEST,
            GenerateError::Stopped => failure::KILLED,
        };
        let said = Failure::new(code, error.to_string());
        match error {
            GenerateError::Mute(_) => said.help("`runner predict` transcribes and classifies with it"),
            GenerateError::TooLong { most, .. } => {
                said.help(format!("ask for {most} samples or fewer by `--seconds`"))
            }
            GenerateError::Prompt => said.help("leave `--prompt` out"),
            GenerateError::AtOnce | GenerateError::Unstreamed => said.help("leave `--stream` out"),
            _ => said,
        }
    }
}
