//! Sound out of texts by a model of codes: drawn step by step, until the first level says that there is no more.
//!
//! A text's draws are named by the seed and its number, so that its sound has the same bytes whatever is made beside it and on however many threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kernels::{Backend, threads};

use super::{GenerateError, Progress, RMS_DBFS};
use crate::audio::synthesis::to_loudness;
use crate::codec::CodecError;
use crate::model::codec_lm::CodecStep;
use crate::model::sampler::{Sampler, Sampling};
use crate::model::{Model, Network};
use crate::plan::CodecLmPlan;
use crate::task::Coding;

/// Frames of a symbol at most: a model that has learnt nothing may never end.
const MOST_FRAMES: usize = 20;

/// A text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLine {
    /// Between a beginning and an end, as the model was taught.
    pub symbols: Vec<u32>,
    /// Which voice, where the model has several.
    pub speaker: u32,
}

/// What is to be told, and how codes are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct CodesRequest {
    /// The texts.
    pub lines: Vec<TextLine>,
    /// How each code is drawn.
    pub sampling: Sampling,
    /// The cue takes texts to last so many times as long: above 1 is slower.
    pub length_scale: f64,
}

/// A text as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldCodes {
    /// Its sound, at the codec's rate.
    pub waveform: Vec<f32>,
    /// Codes [frames, levels], frame by frame.
    pub codes: Vec<u32>,
    /// Mean −ln of the probability of a code as the model says, in nats.
    pub nats: f64,
}

/// Tells every line. `watch` hears how many frames are made, from any thread, and may break off.
///
/// # Errors
/// The model tells no codes, its codec cannot be had, or the watcher broke off.
pub fn tell<D: Backend>(
    model: &Model<D>,
    task: &Coding,
    request: &CodesRequest,
    watch: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Vec<ToldCodes>, GenerateError> {
    let Network::CodecLm(network) = &model.network else {
        return Err(GenerateError::Mute(model.plan.family()));
    };
    // Better said now than after all codes are drawn.
    task.codec()?;
    let step = CodecStep::of(network, &model.params)?;
    let of = request.lines.iter().map(|line| MOST_FRAMES * line.symbols.len()).sum();
    let (done, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let go_on = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if watch(Progress::Making { done, of }).is_break() {
            stopped.store(true, Ordering::Relaxed);
        }
        !stopped.load(Ordering::Relaxed)
    };
    let mut told: Vec<Option<Result<ToldCodes, CodecError>>> = request.lines.iter().map(|_| None).collect();
    threads::for_each(told.iter_mut().enumerate().collect(), |(number, told): (usize, &mut _)| {
        let (codes, nats) = drawn(network.plan(), &step, request, number, &go_on);
        if !stopped.load(Ordering::Relaxed) {
            *told = Some(task.sound(&codes).map(|mut waveform| {
                to_loudness(&mut waveform, RMS_DBFS);
                ToldCodes { waveform, codes, nats }
            }));
        }
    });
    if stopped.load(Ordering::Relaxed) {
        return Err(GenerateError::Stopped);
    }
    Ok(told.into_iter().flatten().collect::<Result<_, _>>()?)
}

/// The codes of a line, and their mean −ln of probability; until `go_on` says no.
fn drawn(
    plan: &CodecLmPlan,
    step: &CodecStep,
    request: &CodesRequest,
    number: usize,
    go_on: &dyn Fn() -> bool,
) -> (Vec<u32>, f64) {
    let line = &request.lines[number];
    let foreseen = line.symbols.len() as f64 * plan.frames_per_symbol * request.length_scale;
    let (mut scores, mut telling) =
        step.begin(&line.symbols, line.speaker, (foreseen.round() as usize).max(1));
    let mut sampler = Sampler::new(request.sampling, [number as u64]);
    let (most, nothing) = (MOST_FRAMES * line.symbols.len(), plan.codebook_size as u32 + 1);
    let (mut codes, mut frames) = (Vec::new(), None);
    let (mut sum, mut count) = (0.0, 0);
    for at in 0_usize.. {
        let mut now = vec![nothing; plan.levels];
        for (level, now) in now.iter_mut().enumerate() {
            let Some(frame) = at.checked_sub(if plan.delays { level } else { 0 }) else { continue };
            if frames.is_some_and(|frames| frame >= frames) {
                continue;
            }
            // The first level alone says that it ends, and not before there is anything to hear: one frame is none.
            let ends = level == 0 && frame > 1;
            let scores = &scores[level * plan.scores()..][..plan.codebook_size + usize::from(ends)];
            let chosen = sampler.choose(0, scores);
            if chosen.code == plan.codebook_size as u32 || frame >= most {
                frames = Some(frame);
                continue;
            }
            *now = chosen.code;
            (sum, count) = (sum - chosen.log_likelihood, count + 1);
            codes.resize(codes.len().max((frame + 1) * plan.levels), 0);
            codes[frame * plan.levels + level] = chosen.code;
        }
        if frames.is_some_and(|frames| codes_whole(plan, frames, at)) || !go_on() {
            break;
        }
        ended(plan, frames, at, &mut now);
        scores = step.hear(&now, &mut telling);
    }
    (codes, sum / f64::from(count.max(1)))
}

/// Whether every level has told so many frames by step `at`.
fn codes_whole(plan: &CodecLmPlan, frames: usize, at: usize) -> bool {
    at + 1 >= if plan.delays { frames + plan.levels - 1 } else { frames }
}

/// Marks the end of each level whose codes are all told, as sequences have it.
fn ended(plan: &CodecLmPlan, frames: Option<usize>, at: usize, now: &mut [u32]) {
    for (level, code) in now.iter_mut().enumerate() {
        let delay = if plan.delays { level } else { 0 };
        if frames.is_some_and(|frames| at == frames + delay) {
            *code = plan.codebook_size as u32;
        }
    }
}
