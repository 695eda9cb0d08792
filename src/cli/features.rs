//! `runner data features`: what `data.feature_cache` keeps of an experiment's clips, made before a run asks for it.
//!
//! Threads take clip after clip; what is there already is read and checked, not made again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::json;

use super::Talk;
use super::arguments::{FeaturesArguments, Part};
use super::failure::{self, Failure};
use super::order::plan_alone;
use super::signals::at_first_signal;
use crate::data::{DataError, FeatureCache, Loader};
use crate::record::host::free_bytes;
use crate::record::{Count, Tally, units};
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
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    at_first_signal(move || asked.store(true, Ordering::Relaxed))?;
    let job = Job::open(&plan)?;
    let (loaders, cache) = (job.loaders()?, job.features()?);
    let Some(cache) = cache else {
        return Err(Failure::new(failure::INTERNAL, "a plan keeps features that it has none of"));
    };
    let values = |samples| front_end_values(&plan, samples).unwrap_or(0) as u64;
    let clips = part_of(&loaders, arguments.part);
    let room = 4 * clips.iter().map(|clip| values(clip.samples)).sum::<u64>();
    announce(clips.len(), room, Path::new(dir), talk);
    let threads = arguments.threads.map_or_else(|| kernels::threads::count_for(0), Into::into);
    let began = Instant::now();
    let work = Work { loaders: &loaders, clips, cache: &cache, stop: &stop };
    let made = work.done_by(threads, talk)?;
    let secs = began.elapsed().as_secs_f64();
    let sound_secs = made.samples as f64 / f64::from(plan.data.sample_rate_hz);
    if talk.json {
        talk.data(&json!({"dir": dir, "made": made.clips, "there": made.there, "sound_secs": sound_secs, "secs": secs}));
    }
    talk.say(format_args!(
        "`{dir}` has the features of {} clips: {} made in {}, {:.0} times as fast as they sound; {} were there",
        units::count((made.clips + made.there) as u64),
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

struct Work<'a> {
    loaders: &'a [Loader],
    clips: Vec<Clip>,
    cache: &'a FeatureCache,
    stop: &'a AtomicBool,
}

impl Work<'_> {
    fn done_by(&self, threads: usize, talk: Talk) -> Result<Made, Failure> {
        let (next, made) = (AtomicUsize::new(0), Mutex::new((Made::default(), talk.tally(Count::files))));
        made.lock().unwrap_or_else(PoisonError::into_inner).1.begin(self.clips.len() as u64, 0);
        let results: Vec<Result<(), DataError>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.take(&next, &made))).collect();
            let joined = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().map(joined).collect()
        });
        let (made, mut tally) = made.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.finish();
        self.cache.notes().into_iter().for_each(|note| talk.say(note));
        results.into_iter().collect::<Result<(), _>>()?;
        if !self.cache.still_writes() {
            return Err(Failure::new(failure::IO, "the features could not all be kept").help(
                "make room, or name another folder in `data.feature_cache`, and give the command again",
            ));
        }
        if self.stop.load(Ordering::Relaxed) {
            let done = made.clips + made.there;
            let message = format!("stopped on request behind {done} of {} clips", self.clips.len());
            return Err(Failure::new(failure::INTERRUPTED, message).help("the same command goes on"));
        }
        Ok(made)
    }

    /// Takes clip after clip until there is none, one is broken, or somebody asks to stop.
    fn take(&self, next: &AtomicUsize, made: &Mutex<(Made, Tally)>) -> Result<(), DataError> {
        kernels::threads::flush_denormals();
        while !self.stop.load(Ordering::Relaxed) && self.cache.still_writes() {
            let Some(clip) = self.clips.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let new = self.loaders[clip.loader].keep_features(clip.index).inspect_err(|_| {
                // Nobody else needs to go on.
                next.store(self.clips.len(), Ordering::Relaxed);
            })?;
            let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
            let (made, tally) = &mut *made;
            match new {
                true => (made.clips, made.samples) = (made.clips + 1, made.samples + clip.samples),
                false => made.there += 1,
            }
            tally.at((made.clips + made.there) as u64);
        }
        Ok(())
    }
}
