//! Clips over lanes, and lanes over threads.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use kernels::stream::SHARDS;

use super::{Sampler, Sampling, StepWeights, Stepper, StreamError, log_likelihood};

/// The most lanes that a thread steps at a time.
const LANES: usize = 32;
/// Fewer lanes than these are better shared by two threads than dealt out: each thread then reads half of the weights, not all.
const SHARED: usize = 4;
/// Steps between two words to the watcher.
const NEWS: usize = 256;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// How many clips. They are numbered from 0, which names their draws.
    pub clips: usize,
    /// Samples of each.
    pub samples: usize,
    /// Codes of a recording that every clip continues, or none. Before all samples stands [`StepWeights::silence`].
    pub prompt: &'a [u32],
    pub sampling: Sampling,
    pub threads: usize,
}

/// A generated clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Without the prompt.
    pub codes: Vec<u32>,
    /// ln of the probability of all of them together, in nats.
    pub log_likelihood: f64,
}

/// Generates clips. `watch` is told, from any thread, of samples that are done (of all clips together, prompts included) and may break off.
///
/// # Errors
/// The watcher broke off, the prompt has a code without level, or the system gives no threads.
pub fn generate(
    weights: &Arc<StepWeights>,
    request: &Request<'_>,
    watch: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
) -> Result<Vec<Clip>, StreamError> {
    let Request { clips, samples, prompt, sampling, threads } = *request;
    let news = News::new(watch);
    in_groups(weights, clips, threads, |stepper, group| {
        let lanes = stepper.lanes();
        let mut codes = vec![weights.silence(); lanes];
        let mut ticks = news.of(lanes);
        for &code in prompt {
            stepper.step(&codes)?;
            ticks.next()?;
            codes.fill(code);
        }
        let mut sampler = Sampler::new(sampling, group.map(|clip| clip as u64));
        let mut made: Vec<Clip> =
            codes.iter().map(|_| Clip { codes: Vec::with_capacity(samples), log_likelihood: 0.0 }).collect();
        for _ in 0..samples {
            let levels = stepper.levels();
            let logits = stepper.step(&codes)?;
            for (lane, logits) in logits.chunks_exact(levels).enumerate() {
                let chosen = sampler.choose(lane, logits);
                codes[lane] = chosen.code;
                made[lane].codes.push(chosen.code);
                made[lane].log_likelihood += chosen.log_likelihood;
            }
            ticks.next()?;
        }
        ticks.done()?;
        Ok(made)
    })
}

/// The mean negative ln of the probability of each clip's codes, each given those before it, in nats per sample.
///
/// `watch` as in [`generate`].
///
/// # Errors
/// The watcher broke off, a code has no level, or the system gives no threads.
pub fn mean_nats(
    weights: &Arc<StepWeights>,
    clips: &[Vec<u32>],
    threads: usize,
    watch: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
) -> Result<Vec<f64>, StreamError> {
    let news = News::new(watch);
    in_groups(weights, clips.len(), threads, |stepper, group| {
        let clips = &clips[group];
        let longest = clips.iter().map(Vec::len).max().unwrap_or(0);
        let (lanes, levels) = (stepper.lanes(), stepper.levels());
        let (mut codes, mut sums) = (vec![weights.silence(); lanes], vec![0.0; lanes]);
        let mut ticks = news.of(lanes);
        for sample in 0..longest {
            let logits = stepper.step(&codes)?;
            for (lane, (logits, clip)) in logits.chunks_exact(levels).zip(clips).enumerate() {
                // A lane whose clip is over goes on with its last code.
                let Some(&code) = clip.get(sample) else { continue };
                if code as usize >= levels {
                    return Err(StreamError::Code { code, levels });
                }
                sums[lane] -= log_likelihood(logits, code);
                codes[lane] = code;
            }
            ticks.next()?;
        }
        ticks.done()?;
        Ok(sums.iter().zip(clips).map(|(sum, clip)| sum / clip.len() as f64).collect())
    })
}

/// Does `work` on groups of the numbers below `count`, each with a stepper of as many lanes; the results in order.
///
/// Where there are clips enough, each thread has groups of its own; else two share each step. A clip is the same either way.
fn in_groups<T: Send>(
    weights: &Arc<StepWeights>,
    count: usize,
    threads: usize,
    work: impl Fn(&mut Stepper, Range<usize>) -> Result<Vec<T>, StreamError> + Sync,
) -> Result<Vec<T>, StreamError> {
    let threads = threads.max(1);
    let alone = count.div_ceil(threads);
    let lanes =
        if alone < SHARED { count.div_ceil(threads.div_ceil(SHARDS)) } else { alone.min(LANES) }.max(1);
    let groups: Vec<Range<usize>> =
        (0..count).step_by(lanes).map(|first| first..(first + lanes).min(count)).collect();
    let workers = groups.len().min(threads);
    let each = threads.checked_div(workers).unwrap_or(1);
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            let made = Stepper::new(weights, group.len(), each)
                .and_then(|mut stepper| work(&mut stepper, group.clone()));
            done.push((group.start, made));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            match other.join() {
                Ok(made) => done.extend(made),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(first, _)| *first);
    let mut all = Vec::with_capacity(count);
    for (_, made) in done {
        all.extend(made?);
    }
    Ok(all)
}

/// What the watcher has heard and said, from all threads.
struct News<'a> {
    watch: &'a (dyn Fn(usize) -> ControlFlow<()> + Sync),
    samples: AtomicUsize,
    stopped: AtomicBool,
}

impl<'a> News<'a> {
    fn new(watch: &'a (dyn Fn(usize) -> ControlFlow<()> + Sync)) -> Self {
        News { watch, samples: AtomicUsize::new(0), stopped: AtomicBool::new(false) }
    }

    fn of(&self, lanes: usize) -> Ticks<'_> {
        Ticks { news: self, lanes, steps: 0 }
    }
}

/// One group's steps.
struct Ticks<'a> {
    news: &'a News<'a>,
    lanes: usize,
    steps: usize,
}

impl Ticks<'_> {
    fn next(&mut self) -> Result<(), StreamError> {
        self.steps += 1;
        if self.steps < NEWS { Ok(()) } else { self.done() }
    }

    /// Tells what has not been told.
    fn done(&mut self) -> Result<(), StreamError> {
        let samples = self.lanes * std::mem::take(&mut self.steps);
        let all = self.news.samples.fetch_add(samples, Ordering::Relaxed) + samples;
        if (self.news.watch)(all).is_break() {
            self.news.stopped.store(true, Ordering::Relaxed);
        }
        if self.news.stopped.load(Ordering::Relaxed) { Err(StreamError::Stopped) } else { Ok(()) }
    }
}
