//! A sampler of one's own on the step of a SaShiMi model: draws among the `k` likeliest levels.
//!
//!     cargo run --release --example own_sampler -- MODEL OUT.wav [K] [SECONDS]
//!
//! MODEL is a run's folder; or an experiment's TOML file, whose model then has freshly drawn weights.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use kernels::Cpu;
use rand::RngExt;
use runner::model::sashimi::stream::{StepWeights, Stepper};
use runner::model::{Model, weights};
use runner::plan::{Body, Plan};
use runner::seed::{Purpose, stream};
use runner::{audio, config, plan, task};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, out, rest @ ..] = arguments.as_slice() else {
        return Err("usage: own_sampler MODEL OUT.wav [K] [SECONDS]".into());
    };
    let k: usize = rest.first().map_or(Ok(8), |text| text.parse())?;
    let seconds: f64 = rest.get(1).map_or(Ok(1.0), |text| text.parse())?;

    kernels::threads::start(0);
    let (plan, model) = open(Path::new(model))?;
    let Body::Sashimi(sashimi) = &plan.model.body else { return Err("the model has no step".into()) };
    let samples = (seconds * f64::from(plan.data.sample_rate_hz)) as usize;
    let codes = sample(&Arc::new(StepWeights::of(sashimi, &model.params, &|_, _| {})?), samples, k)?;

    let levels = task::levels(sashimi);
    let waveform: Vec<f32> = codes.iter().map(|&code| levels.decode(code)).collect();
    audio::write_wav(Path::new(out), &waveform, plan.data.sample_rate_hz)?;
    println!("{samples} samples at {} Hz in {out}", plan.data.sample_rate_hz);
    Ok(())
}

/// A run's plan and the weights of its best checkpoint; or an experiment's, with freshly drawn weights.
fn open(path: &Path) -> Result<(Plan, Model<Cpu>), Box<dyn Error>> {
    let toml = if path.is_dir() { path.join("config.toml") } else { path.to_owned() };
    let experiment = config::load(&toml, &config::Request::default())?.experiment;
    let plan = plan::resolve(&experiment, Vec::new()).map_err(|problems| problems[0].message.clone())?;
    let mut model = Model::draw(&Cpu::default(), &plan.model, plan.run.seed)?;
    if path.is_dir() {
        let file = path.join("checkpoints/best/model.safetensors");
        weights::load(&mut model.params, &file, weights::Match::Strict)?;
    }
    Ok((plan, model))
}

/// The loop: a step takes a code and gives the logits of the next one; which to take is ours to decide.
fn sample(weights: &Arc<StepWeights>, samples: usize, k: usize) -> Result<Vec<u32>, Box<dyn Error>> {
    let (lanes, threads) = (1, 2);
    let mut stepper = Stepper::new(weights, lanes, threads)?;
    let mut draws = stream(7, Purpose::Generation, 0, 0);
    let mut code = weights.silence();
    let mut codes = Vec::with_capacity(samples);
    for _ in 0..samples {
        let logits = stepper.step(&[code])?;
        code = one_of_the_likeliest(logits, k, draws.random());
        codes.push(code);
    }
    Ok(codes)
}

/// Of the `k` codes with the largest logits, the one in whose share of their probabilities `point`, in [0, 1), falls.
fn one_of_the_likeliest(logits: &[f32], k: usize, point: f32) -> u32 {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    order.truncate(k.max(1));
    let weights: Vec<f32> = order.iter().map(|&code| (logits[code] - logits[order[0]]).exp()).collect();
    let mut left = point * weights.iter().sum::<f32>();
    let chosen = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    order[chosen.unwrap_or(0)] as u32
}
