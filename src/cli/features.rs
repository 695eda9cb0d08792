//! `runner data features`: what `data.feature_cache` keeps of an experiment's clips, made before a run asks for it.
//!
//! Threads take clip after clip; what is there already is read and checked, not made again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kernels::threads::count_for;
use serde_json::json;

use super::Talk;
use super::arguments::{FeaturesArguments, Part};
use super::failure::{self, Failure};
use super::order::plan_alone;
use super::run::on_signals;
use super::side_by_side::side_by_side;
use crate::data::{FeatureCache, Loader};
use crate::record::host::free_bytes;
use crate::record::units;
use crate::task::front_end_values;
use crate::train::Job;

/// Makes what is missing, and says how much that was.
pub fn features(arguments: &FeaturesArguments, talk: Talk) -> Result<u8, Failure> {
    let plan = plan_alone(&arguments.request)?;
    let Some(dir) = &plan.data.feature_cache else {
        let message = "`data.feature_cache` names no folder for features";
        return Err(Failure::new(failure::REQUEST, message).help(
            "name one in the experiment, or for this once: `-s 'data.feature_cache=\"data/features\"'`",
        ));
    };
    let job = Job::open(&plan)?;
    let (loaders, cache) = (job.loaders()?, job.features()?);
    let Some(cache) = cache else {
        return Err(Failure::new(failure::INTERNAL, "a plan keeps features that it has none of"));
    };
    let values = |samples| front_end_values(&plan, samples).unwrap_or(0) as u64;
    let clips = part_of(&loaders, arguments.part);
    let room = 4 * clips.iter().map(|clip| values(clip.samples)).sum::<u64>();
    announce(clips.len(), room, Path::new(dir), talk);
    let threads = count_for(arguments.threads.map_or(0, Into::into));
    let began = Instant::now();
    let made = kept(&loaders, &clips, &cache, threads, talk)?;
    let secs = began.elapsed().as_secs_f64();
    let sound_secs = made.samples as f64 / f64::from(plan.data.sample_rate_hz);
    if talk.json {
        talk.data(&json!({"dir": dir, "made": made.clips, "there": made.there, "sound_secs": sound_secs, "secs": secs}));
    }
    talk.say(format_args!(
        "`{dir}` has the features of {} clips: {} made in {}, {:.0} times as fast as they sound; {} were there",
        units::count(made.all() as u64),
        units::count(made.clips as u64),
        units::duration(secs),
        sound_secs / secs,
        units::count(made.there as u64),
    ));
    Ok(0)
}

/// Says how much there is to do. What is there already is not known yet, so a lack of room is a warning.
fn announce(clips: usize, room: u64, dir: &Path, talk: Talk) {
    let free = free_bytes(dir);
    let beside = free.map_or_else(String::new, |free| format!(", {} are free there", units::bytes(free)));
    talk.say(format_args!(
        "{} clips: {} of features in `{}`{beside}",
        units::count(clips as u64),
        units::bytes(room),
        dir.display()
    ));
    if free.is_some_and(|free| free < room) {
        talk.say("warning: that is not enough where they are not there yet");
    }
}

/// A clip of one of the loaders.
#[derive(Debug, Clone, Copy)]
struct Clip {
    loader: usize,
    index: usize,
    samples: usize,
}

/// Every so manieth clip of all.
fn part_of(loaders: &[Loader], Part { index, of }: Part) -> Vec<Clip> {
    let all = loaders.iter().enumerate().flat_map(|(loader, clips)| {
        clips.lengths().enumerate().map(move |(index, samples)| Clip { loader, index, samples })
    });
    all.skip(index).step_by(of).collect()
}

/// What was done.
#[derive(Debug, Default)]
struct Made {
    clips: usize,
    /// Their samples.
    samples: usize,
    there: usize,
}

impl Made {
    fn all(&self) -> usize {
        self.clips + self.there
    }
}

/// Sees to every clip until there is none, one is broken, nothing can be written, or somebody asks to stop.
fn kept(
    loaders: &[Loader],
    clips: &[Clip],
    cache: &FeatureCache,
    threads: usize,
    talk: Talk,
) -> Result<Made, Failure> {
    let (stop, broken) = (on_signals()?, AtomicBool::new(false));
    let ended = || stop.requested() || !cache.still_writes() || broken.load(Ordering::Relaxed);
    let results = side_by_side(clips.len(), threads, talk, &ended, |at| {
        let clip = clips[at];
        loaders[clip.loader].keep_features(clip.index).inspect_err(|_| broken.store(true, Ordering::Relaxed))
    });
    cache.notes().into_iter().for_each(|note| talk.say(note));
    let mut made = Made::default();
    for (at, new) in results {
        match new? {
            true => (made.clips, made.samples) = (made.clips + 1, made.samples + clips[at].samples),
            false => made.there += 1,
        }
    }
    if !cache.still_writes() {
        return Err(Failure::new(failure::IO, "the features could not all be kept")
            .help("make room, or name another folder in `data.feature_cache`, and give the command again"));
    }
    if made.all() < clips.len() {
        let message = format!("stopped on request behind {} of {} clips", made.all(), clips.len());
        return Err(Failure::new(failure::INTERRUPTED, message).help("the same command goes on"));
    }
    Ok(made)
}
