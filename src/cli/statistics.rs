//! `runner data statistics`: the mean and spread of a corpus' log-mel energies, which models of patches are told.

use serde_json::json;

use super::Talk;
use super::arguments::StatisticsArguments;
use super::failure::{self, Failure};
use super::order::plan_alone;
use crate::data::Loader;
use crate::nn::Filterbank;
use crate::plan::{Body, FeaturesPlan};
use crate::record::{Count, units};
use crate::train::Job;

/// What the training clips sound like, all energies counted alike.
struct Energies {
    clips: usize,
    frames: usize,
    mean: f64,
    std: f64,
}

/// Measures the training clips of the experiment and prints what to set.
pub fn statistics(arguments: &StatisticsArguments, talk: Talk) -> Result<u8, Failure> {
    let plan = plan_alone(&arguments.request)?;
    let Body::Patches(patches) = &plan.model.body else {
        let message = format!("`[model.{}]` is not told how loud its corpus is", plan.model.family());
        return Err(Failure::new(failure::REQUEST, message)
            .help("models of patches are: give an experiment with `[model.ssamba]` or `[model.ssast]`"));
    };
    kernels::threads::start(plan.run.threads);
    let mut loader = Job::open(&plan)?.train_loader()?;
    let found = energies(&mut loader, &patches.features, talk)?;
    if talk.json {
        let Energies { clips, frames, mean, std } = found;
        talk.data(&json!({"clips": clips, "frames": frames, "dataset_mean": mean, "dataset_std": std}));
        return Ok(0);
    }
    talk.say(format_args!(
        "{} clips to train on, {} frames of {} bands",
        units::count(found.clips as u64),
        units::count(found.frames as u64),
        patches.features.bands
    ));
    println!("[model.{}.features]", plan.model.family());
    println!("dataset_mean = {:.7}", found.mean);
    println!("dataset_std = {:.7}", found.std);
    Ok(0)
}

/// The energies of every clip as the model hears it: its mean taken off, and no more frames than it takes; what pads shorter ones is no sound.
fn energies(loader: &mut Loader, features: &FeaturesPlan, talk: Talk) -> Result<Energies, Failure> {
    let filterbank = Filterbank::new(features.rate_hz, features.bands);
    let mut energies = vec![0.0; features.frames * features.bands];
    let (mut frames, mut sum, mut squares) = (0, 0.0f64, 0.0f64);
    let clips = loader.len();
    let mut tally = talk.tally(Count::files);
    tally.begin(clips as u64, 0);
    for index in 0..clips {
        let (_, waveform, _) = loader.load(index)?;
        let heard = filterbank.run_into(&waveform, &mut energies)?;
        for &energy in &energies[..heard * features.bands] {
            sum += f64::from(energy);
            squares += f64::from(energy) * f64::from(energy);
        }
        frames += heard;
        tally.at(index as u64 + 1);
    }
    tally.finish();
    let count = (frames * features.bands) as f64;
    let mean = sum / count;
    Ok(Energies { clips, frames, mean, std: (squares / count - mean * mean).max(0.0).sqrt() })
}
