//! One update: micro-batches, in turn or side by side, then clip and step.
//!
//! Not for: what a micro-batch does (`micro_batch.rs`), whether they run side by side (`lanes.rs`). Start at [`update`].

use std::collections::BTreeMap;
use std::time::Instant;

use kernels::threads::Lanes;
use kernels::{Backend, trace};

use super::micro_batch::{Lesson, Part};
use super::teacher::Teacher;
use super::{State, TrainError};
use crate::data::Batch;
use crate::plan::Plan;
use crate::record::StepDone;
use crate::task::Shares;

/// The parts of an update that a profile tells apart, besides those of a micro-batch.
const SUM: &str = "sum of gradients";
const OPTIMISER: &str = "optimiser";

/// What an update did.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    pub lr: f64,
    /// Loss terms by name, normalised as the gradient is.
    pub losses: BTreeMap<String, f64>,
    pub grad_norm: f64,
    /// False where the gradients were not finite: nothing was changed.
    pub taken: bool,
    pub utterances: usize,
    pub infinite: usize,
    pub audio_secs: f64,
}

impl Updated {
    /// What to say about the update after which the run is at `step`, begun at `started`.
    pub fn into_event(self, step: u64, started: Instant) -> StepDone {
        StepDone {
            step,
            lr: self.lr,
            losses: self.losses,
            grad_norm: self.grad_norm,
            taken: self.taken,
            utterances: self.utterances as u64,
            infinite: self.infinite as u64,
            audio_secs: self.audio_secs,
            step_secs: started.elapsed().as_secs_f64(),
        }
    }
}

/// Takes one update on `batches`: with `lanes`, as many of them at a time as there are lanes, as long as there are that many left; the
/// others in turn, each on all threads. Results do not depend on it.
///
/// # Errors
/// The device failed, or shapes do not fit; of several errors, that of the first batch.
pub fn update<D: Backend>(
    state: &mut State<D>,
    device: &D,
    plan: &Plan,
    teacher: Option<&Teacher<D>>,
    batches: &[Batch],
    lanes: Option<&Lanes>,
) -> Result<Updated, TrainError> {
    let shares = Shares::of(batches, &plan.model);
    let mut updated = Updated {
        lr: plan.train.schedule.lr(state.step),
        losses: BTreeMap::new(),
        grad_norm: 0.0,
        taken: false,
        utterances: shares.utterances,
        infinite: 0,
        audio_secs: batches.iter().map(|batch| batch.audio_secs(plan.data.sample_rate_hz)).sum(),
    };
    let lesson = Lesson { device, plan, model: &state.model, teacher, shares: &shares, step: state.step };
    let Some(mut whole) = sum(&lesson, batches, lanes)? else { return Ok(updated) };
    updated.infinite = whole.infinite;
    // The reference divides only where more than one character or utterance counts.
    let divisor = if whole.count > 1.0 { whole.count } else { 1.0 };
    let losses = whole.losses.into_iter().chain([("loss", whole.total)]);
    updated.losses = losses.map(|(name, value)| (name.to_owned(), value / divisor)).collect();
    if whole.count > 0.0 {
        let (params, grads) = (&mut state.model.params, &mut whole.grads);
        let stepped = trace::phase(OPTIMISER, || {
            state.optimizer.step(params, grads, divisor, updated.lr, &plan.train)
        })?;
        updated.grad_norm = stepped.grad_norm;
        updated.taken = stepped.taken;
    }
    Ok(updated)
}

/// What all micro-batches come to, added in their order; nothing where there is none.
fn sum<D: Backend>(
    lesson: &Lesson<'_, D>,
    batches: &[Batch],
    lanes: Option<&Lanes>,
) -> Result<Option<Part<D>>, TrainError> {
    let at_a_time = lanes.map_or(1, Lanes::count);
    let mut sum: Option<Part<D>> = None;
    let mut add = |part: Part<D>| match &mut sum {
        None => {
            sum = Some(part);
            Ok(())
        }
        Some(sum) => trace::phase(SUM, || sum.add(lesson.device, part)),
    };
    for (group, batches) in batches.chunks(at_a_time).enumerate() {
        let indexed = batches.iter().enumerate().map(|(index, batch)| (group * at_a_time + index, batch));
        match lanes {
            Some(lanes) if at_a_time > 1 && batches.len() == at_a_time => {
                let parts = indexed.map(|(index, batch)| move || lesson.part(index, batch)).collect();
                lanes.run(parts).into_iter().try_for_each(|part| add(part?))?;
            }
            _ => {
                for (index, batch) in indexed {
                    add(lesson.part(index, batch)?)?;
                }
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests;
