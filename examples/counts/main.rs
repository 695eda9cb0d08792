//! The baseline of a model of raw sound: the same codes, told by counting.
//!
//! Counts on the training list of an experiment with `[model.sashimi]`, in the very examples that the model would learn from, how often each code came
//! behind the one, two and three before it, and says how many bits a sample of the test list takes. They compare with `test/bits` of
//! `runner eval`. Not for: anything but this comparison. Start at `smoothing.rs`.
//!
//! `just counts experiments/sashimi_sc09.toml --profile smoke`

mod smoothing;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use runner::config;
use runner::data::{Batch, Loader};
use runner::plan::{self, Body, Plan};
use runner::record::units;
use runner::task::{Examples, NextSample};
use runner::train::Job;

use smoothing::{Counts, ORDER};

/// Tell the codes of a model of raw sound by counting, as a baseline.
#[derive(Parser)]
struct Asked {
    /// The experiment's TOML file.
    experiment: PathBuf,
    /// Lay the file's `[profile.NAME]` over it.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Set one option, for example `-s data.dir=DIR`.
    #[arg(short = 's', value_name = "KEY=VALUE")]
    sets: Vec<String>,
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
    let plan = resolved(asked)?;
    let (Body::Sashimi(sashimi), Some(task)) = (&plan.model.body, NextSample::of(&plan)) else {
        return Err(
            format!("`{}` is no experiment with `[model.sashimi]`", asked.experiment.display()).into()
        );
    };
    let job = Job::open(&plan)?;
    let mut counts = Counts::new(sashimi.levels);
    let silence = (sashimi.levels / 2) as u32;
    let learned = each_code(&mut job.train_loader()?, &task, silence, &mut |before, code| {
        counts.count(before, code);
    })?;
    let mut bits = [0.0; ORDER + 1];
    let told = each_code(&mut job.test_loader()?, &task, silence, &mut |before, code| {
        let all = counts.probabilities(before, code);
        bits.iter_mut().zip(all).for_each(|(bits, probability)| *bits -= probability.log2());
    })?;
    println!(
        "{}: {} codes of {} samples counted, {} samples told",
        plan.name,
        sashimi.levels,
        units::count(learned),
        units::count(told)
    );
    for (order, bits) in bits.iter().enumerate() {
        let name = if order == 0 { "unigram".to_owned() } else { format!("order {order}") };
        println!("{name:<8} {:.4} bits a sample", bits / told as f64);
    }
    Ok(())
}

fn resolved(asked: &Asked) -> Result<Plan, Box<dyn Error>> {
    let request = config::Request {
        profile: asked.profile.clone(),
        sets: asked.sets.clone(),
        ..config::Request::default()
    };
    let loaded = config::load(&asked.experiment, &request).map_err(|problems| problems.to_string())?;
    plan::resolve(&loaded.experiment, Vec::new()).map_err(|found| {
        let said: Vec<String> = found.into_iter().map(|problem| problem.message).collect();
        said.join("; ").into()
    })
}

/// Calls `told` with every code that counts and those before it, newest first; how many there were.
fn each_code(
    loader: &mut Loader,
    task: &NextSample,
    silence: u32,
    told: &mut dyn FnMut(&[u32; ORDER], u32),
) -> Result<u64, Box<dyn Error>> {
    let mut count = 0;
    for index in 0..loader.len() {
        let Examples { inputs, targets, .. } = task.examples(&Batch::collate(vec![loader.load(index)?]));
        // Before the first code there is silence.
        let mut before = [silence; ORDER];
        for (input, target) in inputs.into_iter().zip(targets) {
            before = [input, before[0], before[1]];
            if let Some(code) = target {
                told(&before, code as u32);
                count += 1;
            }
        }
    }
    if count == 0 {
        return Err(format!("`{}` lists no sound", loader.meta()).into());
    }
    Ok(count)
}
