//! What the model sounds like now.

use std::ops::ControlFlow;
use std::time::Instant;

use kernels::{Backend, threads};

use super::Stop;
use crate::data::Batch;
use crate::generate::{
    CodesRequest, GenerateError, Line, Request, SpeechRequest, TextLine, generate, speak, tell,
};
use crate::model::Model;
use crate::model::sampler::Sampling;
use crate::plan::Plan;
use crate::record::{Event, SoundsMade};
use crate::task::{Coding, Speaking};

/// Makes the clips of an evaluation after `step` updates. The draws are named by the run's seed and the clip's number alone, so a clip can
/// be followed over a training. `None` where somebody asked to stop meanwhile.
///
/// What goes wrong becomes a warning: nothing to hear is no reason to stop learning.
pub(super) fn make<D: Backend>(
    device: &D,
    model: &Model<D>,
    plan: &Plan,
    dev: &[Batch],
    step: u64,
    stop: &Stop,
) -> Option<Event> {
    let (started, rate_hz) = (Instant::now(), plan.data.sample_rate_hz);
    let request = Request {
        clips: plan.eval.sounds,
        samples: plan.eval.sound_samples(rate_hz),
        sampling: Sampling::plain(plan.run.seed),
        prompt: Vec::new(),
        fast: false,
        steps: 0,
        threads: threads::count(),
    };
    let go_on = || if stop.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let made = match (Speaking::of(plan), Coding::of(plan)) {
        (_, Some(task)) => tell(model, &task, &texts(plan, dev), &|_| go_on())
            .map(|told| told.into_iter().map(|told| told.waveform).collect()),
        (Some(task), _) => {
            let said = speak(device, model, &task, &sentences(plan, dev), &|_| go_on());
            said.map(|said| said.into_iter().map(|said| said.waveform).collect())
        }
        (None, None) => {
            let made = generate(device, model, &request, &|_| go_on());
            made.map(|made| made.into_iter().map(|clip| clip.waveform).collect())
        }
    };
    match made {
        Ok(clips) => Some(Event::SoundsMade(SoundsMade {
            step,
            rate_hz,
            clips,
            make_secs: started.elapsed().as_secs_f64(),
        })),
        Err(GenerateError::Stopped) => None,
        Err(error) => Some(Event::Warning { text: format!("nothing to hear at step {step}: {error}") }),
    }
}

/// The first sentences of the dev set, to be said by a model of speech.
fn sentences(plan: &Plan, dev: &[Batch]) -> SpeechRequest {
    let lines = dev.iter().flat_map(|batch| &batch.labels).take(plan.eval.sounds).map(|labels| Line {
        symbols: labels.symbols.clone(),
        speaker: labels.classes.first().and_then(|class| class.class()).unwrap_or(0) as u32,
        durations: None,
    });
    SpeechRequest::of(lines.collect(), plan.run.seed)
}

/// The same to be told by a model of codes, which are drawn as it says.
fn texts(plan: &Plan, dev: &[Batch]) -> CodesRequest {
    let lines = sentences(plan, dev).lines.into_iter();
    let lines = lines.map(|line| TextLine { symbols: line.symbols, speaker: line.speaker });
    CodesRequest { lines: lines.collect(), sampling: Sampling::plain(plan.run.seed), length_scale: 1.0 }
}
