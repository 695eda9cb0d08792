//! One update: accumulate micro-batches, clip, step.

use std::collections::BTreeMap;
use std::time::Instant;

use kernels::{Array, Backend, Grads, Tape, trace};

use super::teacher::Teacher;
use super::{State, TrainError};
use crate::data::Batch;
use crate::model::Input;
use crate::nn::Pass;
use crate::plan::{Plan, Recompute};
use crate::record::StepDone;
use crate::seed::{Purpose, stream};
use crate::task::{Objective, Shares};

/// The parts of an update that a profile tells apart.
const TEACHER: &str = "teacher forward";
const FORWARD: &str = "forward";
const OBJECTIVE: &str = "objective";
const BACKWARD: &str = "backward";
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

/// A batch's waveforms on the device.
///
/// # Errors
/// The device has no room.
pub fn input<D: Backend>(device: &D, batch: &Batch) -> Result<Input<D>, TrainError> {
    let shape = [batch.len(), batch.padded_samples, 1];
    let waveforms = Array::from_vec(device, batch.waveforms.clone(), shape)?;
    Ok(Input { waveforms, samples: batch.samples.clone() })
}

/// Takes one update on `batches`.
///
/// # Errors
/// The device failed, or shapes do not fit.
pub fn update<D: Backend>(
    state: &mut State<D>,
    device: &D,
    plan: &Plan,
    teacher: Option<&Teacher<D>>,
    batches: &[Batch],
) -> Result<Updated, TrainError> {
    let shares = Shares::of(batches, &plan.model);
    let objective =
        Objective { plan: &plan.train.objective, heads: &plan.model.heads, distill: plan.distill.as_ref() };
    let mut grads: Option<Grads<D>> = None;
    let (mut count, mut total) = (0.0, 0.0);
    let mut updated = Updated {
        lr: plan.train.schedule.lr(state.step),
        losses: BTreeMap::new(),
        grad_norm: 0.0,
        taken: false,
        utterances: shares.utterances,
        infinite: 0,
        audio_secs: batches.iter().map(|batch| batch.audio_secs(plan.data.sample_rate_hz)).sum(),
    };
    for (index, batch) in batches.iter().enumerate() {
        let draws = |purpose| stream(plan.run.seed, purpose, state.step, index as u64);
        let input = input(device, batch)?;
        let taught = match teacher {
            Some(teacher) => {
                Some(trace::phase(TEACHER, || teacher.forward(&input, draws(Purpose::Teacher)))?)
            }
            None => None,
        };
        let mut tape = match grads.take() {
            None => Tape::recording(),
            Some(grads) => Tape::recording_onto(grads),
        };
        let model = &state.model;
        let mut pass = Pass::training(&model.params, &mut tape, draws(Purpose::Student))
            .recomputing(plan.train.recompute == Recompute::Block);
        let student = trace::phase(FORWARD, || model.network.forward(&mut pass, &input))?;
        let micro = trace::phase(OBJECTIVE, || {
            trace::within(OBJECTIVE, || {
                objective.micro_batch(&mut tape, &student, taught.as_ref(), batch, &shares)
            })
        })?;
        drop((student, taught));
        grads = Some(trace::phase(BACKWARD, || tape.backward(device, micro.seeds))?);
        count += micro.count;
        total += micro.total;
        updated.infinite += micro.infinite;
        for (name, value) in micro.losses {
            *updated.losses.entry(name.to_owned()).or_default() += value;
        }
    }
    // The reference divides only where more than one character or utterance counts.
    let divisor = if count > 1.0 { count } else { 1.0 };
    for loss in updated.losses.values_mut() {
        *loss /= divisor;
    }
    updated.losses.insert("loss".into(), total / divisor);
    if let Some(mut grads) = grads
        && count > 0.0
    {
        let params = &mut state.model.params;
        let stepped = trace::phase(OPTIMISER, || {
            state.optimizer.step(params, &mut grads, divisor, updated.lr, &plan.train)
        })?;
        updated.grad_norm = stepped.grad_norm;
        updated.taken = stepped.taken;
    }
    Ok(updated)
}

#[cfg(test)]
mod tests;
