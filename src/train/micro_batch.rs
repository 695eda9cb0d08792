//! What one micro-batch adds to an update: the gradients it has alone, and its losses.
//!
//! Each is made from nothing, and sums are formed in the order of the micro-batches; so an update has the same bytes however many of them are
//! under way at a time. Not for: which run at a time ([`super::update`]), what is learned (`task`). Start at [`Lesson::part`].

use kernels::device::Shared;
use kernels::{Array, Backend, Grads, OpError, Tape, trace};
use rand_pcg::Pcg64Mcg;

use super::TrainError;
use super::teacher::Teacher;
use crate::data::Batch;
use crate::model::{
    CodecLm, Diffwave, Input, Model, Network, PatchNet, PrefixSpeech, Question, Sashimi, Tacomamba,
};
use crate::nn::Pass;
use crate::plan::{Plan, Recompute};
use crate::seed::{Purpose, stream};
use crate::task::{
    Coding, Denoising, Losses, MaskedPatches, MicroBatch, NextSample, Objective, Shares, Speaking,
};

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
    Ok(Input { waveforms, samples: batch.samples.clone(), features: batch.features.clone() })
}

/// What the micro-batches of one update have in common.
pub(super) struct Lesson<'a, D: Backend> {
    pub device: Shared<'a, D>,
    pub plan: &'a Plan,
    pub model: &'a Model<D>,
    pub teacher: Option<&'a Teacher<D>>,
    pub shares: &'a Shares,
    /// Updates taken before this one.
    pub step: u64,
}

/// What one micro-batch, or several in their order, add to an update.
pub struct Part<D: Backend> {
    pub grads: Grads<D>,
    /// What they add to the divisor of the update's gradient.
    pub count: f64,
    /// Those of each micro-batch, in their order.
    pub losses: Vec<Losses<D>>,
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
        self.infinite += more.infinite;
        self.losses.extend(more.losses);
        Ok(())
    }

    /// The losses of all micro-batches together. What is not read yet is waited for, once.
    ///
    /// # Errors
    /// The device failed.
    pub fn read_losses(&mut self) -> Result<&Losses<D>, TrainError> {
        trace::phase(OBJECTIVE, || Losses::read(&mut self.losses))?;
        let sum = |mut sum: Losses<D>, more| {
            sum.add(&more);
            sum
        };
        let sum = std::mem::take(&mut self.losses).into_iter().reduce(sum);
        self.losses.push(sum.unwrap_or_else(|| Losses::known(0.0, [])));
        Ok(&self.losses[0])
    }
}

impl<D: Backend> Lesson<'_, D> {
    /// Runs micro-batch `index` of the update forward, the teacher's first, and backward.
    ///
    /// # Errors
    /// The device failed, or shapes do not fit.
    pub fn part(&self, index: usize, batch: &Batch) -> Result<Part<D>, TrainError> {
        let mut tape = Tape::recording();
        let micro = match &self.model.network {
            Network::Recogniser(_) => self.recognise(&mut tape, index, batch),
            Network::Sashimi(network) => self.tell_next(network, &mut tape, index, batch),
            Network::Diffwave(network) => self.tell_noise(network, &mut tape, index, batch),
            Network::Patches(network) => self.unmask(network, &mut tape, index, batch),
            Network::Tacomamba(network) => self.speak(network, &mut tape, index, batch),
            Network::Prefix(network) => self.go_on_speaking(network, &mut tape, index, batch),
            Network::CodecLm(network) => self.tell_codes(network, &mut tape, index, batch),
        }?;
        let grads = trace::phase(BACKWARD, || tape.backward(self.device.0, micro.seeds))?;
        Ok(Part { grads, count: micro.count, losses: vec![micro.losses], infinite: micro.infinite })
    }

    /// Transcripts and classes, beside a teacher's where there is one.
    fn recognise(
        &self,
        tape: &mut Tape<D>,
        index: usize,
        batch: &Batch,
    ) -> Result<MicroBatch<D>, TrainError> {
        let network = self.model.network.recogniser().ok_or(TrainError::Family)?;
        let heads = self.model.plan.heads().ok_or(TrainError::Family)?;
        let input = input(self.device.0, batch)?;
        let taught = match self.teacher {
            Some(teacher) => {
                let draws = self.draws(Purpose::Teacher, index);
                Some(trace::phase(TEACHER, || teacher.forward(&input, draws))?)
            }
            None => None,
        };
        let mut pass = self.pass(tape, index);
        let student = trace::phase(FORWARD, || network.forward(&mut pass, &input))?;
        let objective =
            Objective { plan: &self.plan.train.objective, heads, distill: self.plan.distill.as_ref() };
        objective_phase(|| objective.micro_batch(tape, &student, taught.as_ref(), batch, self.shares))
    }

    /// The next sample's level.
    fn tell_next(
        &self,
        network: &Sashimi,
        tape: &mut Tape<D>,
        index: usize,
        batch: &Batch,
    ) -> Result<MicroBatch<D>, TrainError> {
        let task = NextSample::of(self.plan).ok_or(TrainError::Family)?;
        let examples = task.examples(batch);
        let mut pass = self.pass(tape, index);
        let logits = trace::phase(FORWARD, || {
            network.forward(&mut pass, &examples.inputs, [batch.len(), examples.len])
        })?;
        objective_phase(|| task.micro_batch(tape, &logits, &examples))
    }

    /// The noise in a clip.
    fn tell_noise(
        &self,
        network: &Diffwave,
        tape: &mut Tape<D>,
        index: usize,
        batch: &Batch,
    ) -> Result<MicroBatch<D>, TrainError> {
        let task = Denoising::of(self.plan).ok_or(TrainError::Family)?;
        let noised = task.examples(batch, &mut self.draws(Purpose::Noise, index));
        let inputs = Array::from_vec(self.device.0, noised.inputs.clone(), [batch.len(), noised.len])?;
        let mut pass = self.pass(tape, index);
        let taken = trace::phase(FORWARD, || network.forward(&mut pass, &inputs, &noised.steps))?;
        objective_phase(|| task.micro_batch(taken, &noised))
    }

    /// Masked patches, each question with masks of its own.
    fn unmask(
        &self,
        network: &PatchNet,
        tape: &mut Tape<D>,
        index: usize,
        batch: &Batch,
    ) -> Result<MicroBatch<D>, TrainError> {
        let task = MaskedPatches::of(self.plan).ok_or(TrainError::Family)?;
        let input = input(self.device.0, batch)?;
        let mut draws = self.draws(Purpose::Noise, index);
        let mut pass = self.pass(tape, index);
        let patches = trace::phase(FORWARD, || network.patches(&mut pass, &input))?;
        let [which, what] = questions(&task, &patches, batch.len(), &mut draws, |masked, question| {
            trace::phase(FORWARD, || network.answers(&mut pass, &patches, masked, question))
        })?;
        objective_phase(|| task.micro_batch(which, what, batch.len()))
    }

    /// The mel frames of a text.
    fn speak(
        &self,
        network: &Tacomamba,
        tape: &mut Tape<D>,
        index: usize,
        batch: &Batch,
    ) -> Result<MicroBatch<D>, TrainError> {
        let task = Speaking::of(self.plan).ok_or(TrainError::Family)?;
        let spoken = task.examples(batch);
        let mut pass = self.pass(tape, index);
        let taught = trace::phase(FORWARD, || network.forward(&mut pass, &spoken.texts, &spoken.frames))?;
        objective_phase(|| task.micro_batch(taught, &spoken))
    }

    /// The mel frames behind a text, in one stack with it.
    fn go_on_speaking(
        &self,
        network: &PrefixSpeech,
        tape: &mut Tape<D>,
        index: usize,
        batch: &Batch,
    ) -> Result<MicroBatch<D>, TrainError> {
        let task = Speaking::of(self.plan).ok_or(TrainError::Family)?;
        let spoken = task.examples(batch);
        let mut pass = self.pass(tape, index);
        let made = trace::phase(FORWARD, || {
            network.forward(&mut pass, &spoken.texts, &spoken.frames, self.device.0)
        })?;
        objective_phase(|| task.continued(made, &spoken))
    }

    /// The codes behind a text, in one stack with it.
    fn tell_codes(
        &self,
        network: &CodecLm,
        tape: &mut Tape<D>,
        index: usize,
        batch: &Batch,
    ) -> Result<MicroBatch<D>, TrainError> {
        let task = Coding::of(self.plan).ok_or(TrainError::Family)?;
        let sequences = task.examples(batch)?;
        let mut pass = self.pass(tape, index);
        let scores = trace::phase(FORWARD, || network.forward(&mut pass, &sequences))?;
        objective_phase(|| task.micro_batch(tape, &scores, &sequences))
    }

    fn draws(&self, purpose: Purpose<'_>, index: usize) -> Pcg64Mcg {
        stream(self.plan.run.seed, purpose, self.step, index as u64)
    }

    /// A pass in train mode over micro-batch `index`.
    fn pass<'p>(&'p self, tape: &'p mut Tape<D>, index: usize) -> Pass<'p, D> {
        Pass::training(&self.model.params, tape, self.draws(Purpose::Student, index))
            .recomputing(self.plan.train.recompute == Recompute::Block)
    }
}

/// The answers to each question that `task` asks, and what they are about: of both, masks are drawn in turn.
///
/// # Errors
/// Those of `answer`.
#[allow(clippy::type_complexity)] // an answer and its targets, for either question
pub(super) fn questions<D: Backend>(
    task: &MaskedPatches,
    patches: &Array<D>,
    clips: usize,
    draws: &mut Pcg64Mcg,
    mut answer: impl FnMut(&[Vec<usize>], Question) -> Result<Array<D>, OpError>,
) -> Result<[Option<(Array<D>, Vec<f32>)>; 2], OpError> {
    let [which, what] = task.asks();
    let elements = patches.download()?;
    let mut ask = |asked: bool, question| {
        if !asked {
            return Ok(None);
        }
        let masked = task.masks(clips, draws);
        let targets = task.targets(&elements, &masked);
        Ok(Some((answer(&masked, question)?, targets)))
    };
    Ok([ask(which, Question::Which)?, ask(what, Question::What)?])
}

/// Does `work` as the objective, for profiles.
fn objective_phase<T>(work: impl FnOnce() -> Result<T, OpError>) -> Result<T, TrainError> {
    Ok(trace::phase(OBJECTIVE, || trace::within(OBJECTIVE, work))?)
}
