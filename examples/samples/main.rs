//! The evidence for generated digits: real ones, ours, a control with the reference's wrong kernels, and noise, judged by one classifier.
//!
//! Writes `NAME.md`, a table, and `NAME.png`, a sheet of spectrograms. Everything is drawn from seeds: the same runs give the same files. Not for:
//! judging clips in a folder (`runner eval --samples`). Start at [`run`].
//!
//! `just samples CLASSIFIER_RUN SASHIMI_RUN`

mod control;
mod letters;
mod rows;
mod sheet;
mod source;
mod table;

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use kernels::Cpu;
use runner::corpora::Categories;
use runner::generate::{self, Request};
use runner::model::sampler::Sampling;
use runner::plan::Plan;
use runner::quality::{Heard, Listener, score};
use runner::record::folder::write_whole;

use rows::Row;
use source::Source;

/// Judge generated digits beside real ones, a control with the reference's wrong kernels, and noise.
#[derive(Parser)]
struct Asked {
    /// The judge: a classifier's run, with `@best` (default), `@latest` or `@STEP`; or an experiment's TOML file, for random weights.
    classifier: String,
    /// A run of a model of raw sound that draws sample by sample, in the same ways.
    model: String,
    /// Clips of each kind; as many as there are held-out ones unless said.
    #[arg(long, value_name = "N")]
    clips: Option<usize>,
    /// Length of each.
    #[arg(long, value_name = "SECS", default_value_t = 1.0)]
    seconds: f64,
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Draw only from the likeliest levels that together exceed this probability; 1 = from all.
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    nucleus_p: f64,
    /// Leave out the clips that their model found least (40 %) and most (5 %) likely.
    #[arg(long)]
    cut: bool,
    /// Lay `[profile.NAME]` over experiments that are named by their files.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Where the table goes; the sheet goes beside it.
    #[arg(short, long, value_name = "FILE.md", default_value = "results/tables/sashimi_samples.md")]
    output: PathBuf,
}

fn main() -> ExitCode {
    match run(&Asked::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &Asked) -> Result<(), Box<dyn Error>> {
    if [asked.seconds, asked.nucleus_p].iter().any(|&x| x.is_nan() || x <= 0.0) {
        return Err("`--seconds` and `--nucleus-p` have to be above 0".into());
    }
    let profile = asked.profile.as_deref();
    let (judge, model) = (source::open(&asked.classifier, profile)?, source::open(&asked.model, profile)?);
    kernels::threads::start(judge.plan.run.threads);
    let device = Cpu::default();
    let listener = Listener::new(&device, &judge.model)?;
    let data = &judge.plan.data;
    let listen = |what: &str, clips: &[Vec<f32>]| {
        eprintln!("hearing {} clips: {what}", clips.len());
        rows::heard(&listener, &judge.plan, clips)
    };
    let held_out = rows::recorded(&judge.plan, &data.test_meta)?;
    let train = listen("what the classifier learned from", &rows::recorded(&judge.plan, &data.train_meta)?)?;
    let row = |name: &str, clips: Vec<Vec<f32>>| -> Result<Row, Box<dyn Error>> {
        let heard: Heard = listen(name, &clips)?;
        Ok(Row { name: name.to_owned(), scores: score(&train, &heard)?, clips })
    };
    let request = request(asked, &model.plan, asked.clips.unwrap_or(held_out.len()));
    let rates = [model.plan.data.sample_rate_hz, data.sample_rate_hz];
    let samples = (asked.seconds * f64::from(data.sample_rate_hz)) as usize;
    let noise = rows::noise(request.clips, samples, asked.seed, &held_out);
    // First, because not every model has one.
    eprintln!("drawing {} clips of the control", request.clips);
    let control = control::generate(&model.model, &request, &|done| {
        if done.is_multiple_of(10) {
            eprintln!("{done} of {}", request.clips);
        }
    })?;
    eprintln!("drawing {} clips of {}", request.clips, model.name);
    let ours = generate::generate(&device, &model.model, &request, &|_| ControlFlow::Continue(()))?;
    let rows = [
        row("held out", held_out)?,
        row("ours", rows::made(ours, asked.cut, rates)?)?,
        row("control", rows::made(control.clips, asked.cut, rates)?)?,
        row("noise", noise)?,
    ];
    write(asked, [&judge, &model], &rows, &control.kernel_errors)
}

fn request(asked: &Asked, plan: &Plan, clips: usize) -> Request {
    Request {
        clips,
        samples: (asked.seconds * f64::from(plan.data.sample_rate_hz)).round().max(1.0) as usize,
        sampling: Sampling { nucleus_p: asked.nucleus_p, ..Sampling::plain(asked.seed) },
        prompt: Vec::new(),
        fast: false,
        steps: 0,
        threads: kernels::threads::count_for(plan.run.threads),
    }
}

fn write(
    asked: &Asked,
    [judge, model]: [&Source; 2],
    rows: &[Row; 4],
    kernel_errors: &[f64],
) -> Result<(), Box<dyn Error>> {
    let picture = asked.output.with_extension("png");
    let name = picture.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let data = &judge.plan.data;
    let classes = judge.model.plan.classes().first().copied().unwrap_or(0);
    let categories = Categories::read(&Path::new(&data.dir).join(&data.categories_path))?;
    let class_name =
        |class: usize| categories.name(0, class).map_or_else(|| class.to_string(), str::to_owned);
    let about = table::About {
        command: &command(asked),
        classifier: &judge.name,
        model: &model.name,
        classes: &(0..classes).map(class_name).collect::<Vec<_>>(),
        kernel_errors,
        cut: asked.cut,
        seconds: asked.seconds,
        picture: &name,
    };
    let text = table::table(&about, rows);
    if let Some(folder) = asked.output.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_whole(&picture, &sheet::sheet(rows, data.sample_rate_hz, asked.seconds)?)?;
    write_whole(&asked.output, text.as_bytes())?;
    print!("{text}");
    Ok(())
}

/// What was asked, without where results go: as one would write it again.
fn command(asked: &Asked) -> String {
    let mut words = vec!["just samples".to_owned(), asked.classifier.clone(), asked.model.clone()];
    words.extend(asked.clips.map(|clips| format!("--clips {clips}")));
    words.push(format!("--seconds {} --seed {}", asked.seconds, asked.seed));
    if asked.nucleus_p < 1.0 {
        words.push(format!("--nucleus-p {}", asked.nucleus_p));
    }
    words.extend(asked.cut.then(|| "--cut".to_owned()));
    words.extend(asked.profile.as_ref().map(|profile| format!("--profile {profile}")));
    words.join(" ")
}
