//! Mel frames out of texts by one stack over both, which says itself where a sentence ends.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kernels::{Backend, threads};
use rand::RngExt;

use super::{GenerateError, Progress, SpeechRequest};
use crate::model::Model;
use crate::model::tacomamba::{PrefixSpeech, PrefixStep};
use crate::seed::{Purpose, stream};

/// Frames of a symbol at most: a model that has learnt nothing may never end.
const MOST_FRAMES: usize = 20;

/// The frames of every line, as the network has them [frames, bands].
pub(super) fn frames<D: Backend>(
    model: &Model<D>,
    network: &PrefixSpeech,
    request: &SpeechRequest,
    watch: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Vec<Vec<f32>>, GenerateError> {
    let step = PrefixStep::of(network, &model.params)?;
    let of = request.lines.iter().map(|line| MOST_FRAMES * line.symbols.len()).sum();
    let (done, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut made = vec![Vec::new(); request.lines.len()];
    threads::for_each(made.iter_mut().enumerate().collect(), |(number, made): (usize, &mut Vec<f32>)| {
        let line = &request.lines[number];
        let mut draws = stream(request.seed, Purpose::Generation, number as u64, 0);
        let (mut told, mut states) = step.begin(&line.symbols, line.speaker);
        for _ in 0..MOST_FRAMES * line.symbols.len() {
            let (frame, is_last) = step.frame(&told);
            made.extend(&frame);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if watch(Progress::Making { done, of }).is_break() {
                stopped.store(true, Ordering::Relaxed);
            }
            if is_last || stopped.load(Ordering::Relaxed) {
                break;
            }
            told = step.hear(&frame, &mut states, &mut |_| draws.random::<f32>());
        }
    });
    if stopped.load(Ordering::Relaxed) { Err(GenerateError::Stopped) } else { Ok(made) }
}
