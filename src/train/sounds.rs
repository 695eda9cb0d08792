//! What the model sounds like now.

use std::ops::ControlFlow;
use std::time::Instant;

use kernels::{Backend, threads};

use super::Stop;
use crate::generate::{GenerateError, Request, generate};
use crate::model::Model;
use crate::plan::Plan;
use crate::record::{Event, SoundsMade};

/// Makes the clips of an evaluation after `step` updates. The draws are named by the run's seed and the clip's number alone, so a clip can
/// be followed over a training. `None` where somebody asked to stop meanwhile.
///
/// What goes wrong becomes a warning: nothing to hear is no reason to stop learning.
pub(super) fn make<D: Backend>(
    device: &D,
    model: &Model<D>,
    plan: &Plan,
    step: u64,
    stop: &Stop,
) -> Option<Event> {
    let (started, rate_hz) = (Instant::now(), plan.data.sample_rate_hz);
    let request = Request {
        clips: plan.eval.sounds,
        samples: plan.eval.sound_samples(rate_hz),
        seed: plan.run.seed,
        nucleus_p: 1.0,
        temperature: 1.0,
        prompt: Vec::new(),
        fast: false,
        steps: 0,
        threads: threads::count(),
    };
    let go_on = || if stop.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    match generate(device, model, &request, &|_| go_on()) {
        Ok(made) => Some(Event::SoundsMade(SoundsMade {
            step,
            rate_hz,
            clips: made.into_iter().map(|clip| clip.waveform).collect(),
            make_secs: started.elapsed().as_secs_f64(),
        })),
        Err(GenerateError::Stopped) => None,
        Err(error) => Some(Event::Warning { text: format!("nothing to hear at step {step}: {error}") }),
    }
}
