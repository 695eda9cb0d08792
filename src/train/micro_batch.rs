//! What one micro-batch adds to an update: the gradients it has alone, and its losses.
//!
//! Each is made from nothing, and sums are formed in the order of the micro-batches; so an update has the same bytes however many of them are
//! under way at a time. Not for: which run at a time ([`super::update`]), what is learned (`task`). Start at [`Lesson::part`].

use std::collections::BTreeMap;

use kernels::{Array, Backend, Grads, Tape, trace};

use super::TrainError;
use super::teacher::Teacher;
use crate::data::Batch;
use crate::model::{Input, Model};
use crate::nn::Pass;
use crate::plan::{Plan, Recompute};
use crate::seed::{Purpose, stream};
use crate::task::{Objective, Shares};

/// The parts of a micro-batch that a profile tells apart.
pub(super) const TEACHER: &str = "teacher forward";
pub(super) const FORWARD: &str = "forward";
pub(super) const OBJECTIVE: &str = "objective";
pub(super) const BACKWARD: &str = "backward";

/// A batch's waveforms on the device.
///
/// # Errors
/// The device has no room.
pub fn input<D: Backend>(device: &D, batch: &Batch) -> Result<Input<D>, TrainError> {
    let shape = [batch.len(), batch.padded_samples, 1];
    let waveforms = Array::from_vec(device, batch.waveforms.clone(), shape)?;
    Ok(Input { waveforms, samples: batch.samples.clone() })
}

/// What the micro-batches of one update have in common.
pub(super) struct Lesson<'a, D: Backend> {
    pub device: &'a D,
    pub plan: &'a Plan,
    pub model: &'a Model<D>,
    pub teacher: Option<&'a Teacher<D>>,
    pub shares: &'a Shares,
    /// Updates taken before this one.
    pub step: u64,
}

/// What one micro-batch, or several in their order, add to an update.
pub(super) struct Part<D: Backend> {
    pub grads: Grads<D>,
    /// What they add to the divisor of the update's gradient.
    pub count: f64,
    /// Their objective.
    pub total: f64,
    /// Sums of their loss terms.
    pub losses: BTreeMap<&'static str, f64>,
    /// Utterances whose CTC loss is infinite.
    pub infinite: usize,
}

impl<D: Backend> Part<D> {
    /// Adds what comes after it.
    ///
    /// # Errors
    /// The device failed.
    pub fn add(&mut self, device: &D, more: Self) -> Result<(), TrainError> {
        self.grads.add(device, more.grads)?;
        self.count += more.count;
        self.total += more.total;
        self.infinite += more.infinite;
        for (name, value) in more.losses {
            *self.losses.entry(name).or_default() += value;
        }
        Ok(())
    }
}

impl<D: Backend> Lesson<'_, D> {
    /// Runs micro-batch `index` of the update forward, the teacher's first, and backward.
    ///
    /// # Errors
    /// The device failed, or shapes do not fit.
    pub fn part(&self, index: usize, batch: &Batch) -> Result<Part<D>, TrainError> {
        let plan = self.plan;
        let draws = |purpose| stream(plan.run.seed, purpose, self.step, index as u64);
        let input = input(self.device, batch)?;
        let taught = match self.teacher {
            Some(teacher) => {
                Some(trace::phase(TEACHER, || teacher.forward(&input, draws(Purpose::Teacher)))?)
            }
            None => None,
        };
        let mut tape = Tape::recording();
        let mut pass = Pass::training(&self.model.params, &mut tape, draws(Purpose::Student))
            .recomputing(plan.train.recompute == Recompute::Block);
        let student = trace::phase(FORWARD, || self.model.network.forward(&mut pass, &input))?;
        let objective = Objective {
            plan: &plan.train.objective,
            heads: &plan.model.heads,
            distill: plan.distill.as_ref(),
        };
        let micro = trace::phase(OBJECTIVE, || {
            trace::within(OBJECTIVE, || {
                objective.micro_batch(&mut tape, &student, taught.as_ref(), batch, self.shares)
            })
        })?;
        drop((student, taught));
        let grads = trace::phase(BACKWARD, || tape.backward(self.device, micro.seeds))?;
        let (count, total, losses, infinite) = (micro.count, micro.total, micro.losses, micro.infinite);
        Ok(Part { grads, count, total, losses, infinite })
    }
}
