//! The loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kernels::{Backend, OpError};

use super::TrainError;
use super::checkpoint::{Keeper, Resume};
use super::evaluate::{Evaluation, Split, evaluate};
use super::job::Job;
use super::lanes::Arrangement;
use super::lost::{Fault, find};
use super::ranks::Transport;
use super::room::under_way;
use super::sounds;
use super::state::{Best, State};
use super::teacher::Teacher;
use super::update::{Updated, update};
use crate::data::{Batch, Loader, Position, Prefetch, Stream};
use crate::plan::{Decay, OnNonfinite, Plan};
use crate::record::{
    EvalDone, Event, Folder, Histogram, RunFinished, RunStarted, RunState, Sink, Values, WeightsMeasured,
    host,
};

/// Batches prepared ahead of their use.
pub const AHEAD: usize = 8;

/// A request to stop at the next update, from a signal handler.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    after_progress: bool,
}

impl Stop {
    /// A request that is heeded behind the first update of this process at the earliest: a job that is asked to stop as soon as it starts
    /// would otherwise come back for ever and get nowhere.
    pub fn after_progress() -> Self {
        Stop { after_progress: true, ..Self::default() }
    }

    /// Asks the loop to stop.
    pub fn request(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether someone asked.
    pub fn requested(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whether to stop before another update, this process having made so many.
    fn is_due(&self, updates: u64) -> bool {
        self.requested() && (updates > 0 || !self.after_progress)
    }
}

/// One process's work on a run.
pub struct Session<'a> {
    pub folder: &'a Folder,
    /// What the run is to the request: `teacher`, `student` …
    pub role: &'a str,
    /// What an earlier process left, and why it stopped.
    pub resume: Resume,
    pub why: String,
    /// How this process runs the micro-batches of an update.
    pub arrangement: Arrangement,
    pub stop: Stop,
}

/// How a process's work on a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub state: RunState,
    pub step: u64,
    pub metrics: Values,
}

/// Trains until `max_steps`, a request to stop, or an error; then, if asked for, judges the best checkpoint on the test set. The updates are
/// shared with the processes behind `transport`, of which this is rank 0.
///
/// # Errors
/// Whatever stops it. The last checkpoint is whole; the same request goes on from it.
pub fn run<D: Backend>(
    device: &D,
    job: &Job<'_>,
    session: &Session<'_>,
    transport: &mut dyn Transport<D>,
    sink: &mut dyn Sink,
) -> Result<Outcome, TrainError> {
    let plan = job.plan;
    let mut run = Run::open(device, job, session, sink)?;
    let loader = run.survey()?;
    let stream =
        Stream::new(loader, &plan.data, plan.run.seed, plan.train.accumulation_steps, run.state.position);
    let prefetch = Prefetch::start(stream, AHEAD);
    let lanes = session.arrangement.lanes()?;
    transport.begin(device, &mut run.state)?;
    if run.state.unjudged && !run.look()? {
        return run.interrupt();
    }
    while run.state.step < plan.train.max_steps {
        if session.stop.is_due(run.state.step - run.began_at_step) {
            return run.interrupt();
        }
        let started = Instant::now();
        let (batches, position) = match fetch(&prefetch, plan.train.accumulation_steps) {
            Ok(fetched) => fetched,
            // A broken file must not cost the updates since the last checkpoint.
            Err(error) => {
                run.save()?;
                return Err(error);
            }
        };
        under_way(run.state.step + 1, &batches);
        run.state.thaw(&plan.train);
        let switched = run.switch_teacher()?;
        let teacher = run.teacher.as_ref();
        let updated = match update(&mut run.state, device, plan, teacher, &batches, lanes.as_ref(), transport)
        {
            Ok(updated) => updated,
            Err(error) => return run.cut_short(error, switched),
        };
        if let Some(fault) = updated.fault {
            run.lose(fault, &batches, switched)?;
        }
        run.advance(updated, position, started)?;
        if !run.look_back()? {
            return run.interrupt();
        }
    }
    run.finish()
}

/// What to say of the training utterances.
fn remarks(job: &Job<'_>, loader: &Loader) -> Vec<String> {
    let mut remarks = Vec::new();
    if loader.left_out > 0 {
        let why = match job.plan.model.tacomamba() {
            Some(_) => {
                "their label is in no category, or their text has more symbols than their sound frames"
            }
            None => "a label of theirs is in no category",
        };
        remarks.push(format!("{} of the training utterances are left out: {why}", loader.left_out));
    }
    if let (count, Some((name, needed, frames))) = job.unspellable(loader) {
        remarks.push(format!(
            "{count} of the {} training utterances count nowhere: CTC cannot spell their transcripts in their frames (`{name}` takes {needed} and has \
             {frames})",
            loader.len()
        ));
    }
    remarks
}

/// The micro-batches of one update, and the stream's position after them.
pub(super) fn fetch(prefetch: &Prefetch, count: usize) -> Result<(Vec<Batch>, Position), TrainError> {
    let mut batches = Vec::with_capacity(count);
    let mut position = Position::default();
    for _ in 0..count {
        let (batch, after) = prefetch.next_batch()?;
        batches.push(batch);
        position = after;
    }
    Ok((batches, position))
}

/// Weights that are no numbers make everything behind them none: they are not learned from, and not kept.
fn refuse_broken<D: Backend>(state: &State<D>) -> Result<(), TrainError> {
    match state.not_finite()? {
        Some(what) => Err(TrainError::Broken { step: state.step, what }),
        None => Ok(()),
    }
}

/// A run at work.
struct Run<'a, D: Backend> {
    device: &'a D,
    job: &'a Job<'a>,
    plan: &'a Plan,
    state: State<D>,
    teacher: Option<Teacher<D>>,
    keeper: Keeper<'a>,
    sink: &'a mut dyn Sink,
    stop: Stop,
    dev: Vec<Batch>,
    /// The last evaluation was the best so far and is not saved yet.
    improved: bool,
    began: Instant,
    began_at_step: u64,
    secs_before: f64,
}

impl<'a, D: Backend> Run<'a, D> {
    fn open(
        device: &'a D,
        job: &'a Job<'a>,
        session: &Session<'a>,
        sink: &'a mut dyn Sink,
    ) -> Result<Self, TrainError> {
        let plan = job.plan;
        let keeper = Keeper::new(session.folder, plan);
        let began = Instant::now();
        let (state, resumed) = keeper.open_state(device, &session.resume, &session.why)?;
        refuse_broken(&state)?;
        let params = &state.model.params;
        let trainable = params.iter().filter(|param| param.trainable()).map(|param| param.array().len());
        sink.emit(&Event::RunStarted(RunStarted {
            name: plan.name.clone(),
            id: plan.id.clone(),
            role: session.role.to_owned(),
            step: state.step,
            max_steps: plan.train.max_steps,
            params: params.len() as u64,
            trainable_params: trainable.sum::<usize>() as u64,
        }))?;
        for event in resumed {
            sink.emit(&event)?;
        }
        let teacher = match &plan.distill {
            Some(distill) if distill.listens() => Some(Teacher::open(device, plan, distill)?),
            _ => None,
        };
        let (began_at_step, secs_before) = (state.step, state.train_secs);
        Ok(Run {
            device,
            job,
            plan,
            state,
            teacher,
            keeper,
            sink,
            stop: session.stop.clone(),
            dev: job.eval_batches(Split::Dev, &|| false)?,
            improved: false,
            began,
            began_at_step,
            secs_before,
        })
    }

    /// Lets the snapshot teach that is due, and judges a new one (for the record only). Returns whether it is a new one.
    fn switch_teacher(&mut self) -> Result<bool, TrainError> {
        let Some(teacher) = &mut self.teacher else { return Ok(false) };
        let step = self.state.step;
        let begins = teacher.at(step)?;
        if let Some(snapshot_step) = begins {
            self.sink.emit(&Event::TeacherSwitched { step, snapshot_step })?;
            let (started, model) = (Instant::now(), teacher.model());
            // Not to be ended early: what has been said of the new teacher would be said again.
            let judged = evaluate(self.device, model, self.job, &self.dev, &|| false)?;
            let event = self.eval_event(&judged, Split::Dev, &self.dev, Some("teacher"), started);
            self.sink.emit(&event)?;
        }
        Ok(begins.is_some())
    }

    /// An update changed nothing: says why, and ends the run where the plan allows no more of them. Where it began with another teacher
    /// nothing is saved, as in [`Run::cut_short`].
    fn lose(&mut self, fault: Fault, batches: &[Batch], switched: bool) -> Result<(), TrainError> {
        refuse_broken(&self.state)?;
        let plan = self.plan;
        let found = find(&self.state, self.device, plan, self.teacher.as_ref(), batches, fault)?;
        let (lost, most) = (self.state.lost.in_a_row, plan.train.nonfinite_patience);
        if plan.train.nonfinite == OnNonfinite::Stop {
            if !switched {
                self.save()?;
            }
            return Err(TrainError::Nonfinite(Box::new(found)));
        }
        if lost >= most {
            return Err(TrainError::Diverged { count: lost, last: Box::new(found) });
        }
        let rate = match plan.train.nonfinite {
            OnNonfinite::LowerLr { factor } if fault != Fault::NothingCounts => {
                format!("; from here on the learning rate is {factor} of what it was")
            }
            _ => String::new(),
        };
        let text = format!("{found} ({lost} in a row; the run gives up at {most}){rate}");
        Ok(self.sink.emit(&Event::Warning { text })?)
    }

    /// Counts an update and says so.
    fn advance(&mut self, updated: Updated, position: Position, started: Instant) -> Result<(), TrainError> {
        self.state.step += 1;
        self.state.position = position;
        let step = self.state.step;
        self.sink.emit(&Event::StepDone(updated.into_event(step, started)))?;
        self.warn()
    }

    /// Says what went wrong with features on disk: nothing that stops a run.
    fn warn(&mut self) -> Result<(), TrainError> {
        for text in self.job.notes() {
            self.sink.emit(&Event::Warning { text })?;
        }
        Ok(())
    }

    /// Judges the model and lets it be heard where that is due, and saves where that is. False: somebody asked to stop before all was judged; then
    /// the checkpoint that is saved at once knows that it is yet to be done.
    fn look(&mut self) -> Result<bool, TrainError> {
        let (plan, step) = (self.plan, self.state.step);
        if self.state.unjudged {
            match self.judge_dev() {
                Err(TrainError::Asked) => return Ok(false),
                judged => judged?,
            }
            self.state.unjudged = false;
            self.sound()?;
        }
        if plan.eval.saves(step) || self.improved || step == plan.train.max_steps {
            self.save()?;
        }
        Ok(true)
    }

    /// Whether to stop while something is judged.
    fn asked(&self) -> bool {
        self.stop.is_due(self.state.step - self.began_at_step)
    }

    /// Judges the model on the dev set and notes whether it is the best so far.
    fn judge_dev(&mut self) -> Result<(), TrainError> {
        let started = Instant::now();
        let judged = evaluate(self.device, &self.state.model, self.job, &self.dev, &|| self.asked())?;
        let event = self.eval_event(&judged, Split::Dev, &self.dev, None, started);
        self.sink.emit(&event)?;
        self.state.dev_metrics = Split::Dev.named(&judged.metrics);
        if let (Decay::OnPlateau { patience, .. }, Some(&loss)) =
            (self.plan.train.schedule.decay, judged.metrics.get("loss"))
        {
            self.state.plateau.judged(loss, patience);
        }
        let value = self.state.dev_metrics.get(self.plan.eval.select.name()).copied().unwrap_or(f64::NAN);
        let best = self.state.best.map(|best| best.value);
        if value.is_finite() && best.is_none_or(|best| self.plan.eval.select.improves(value, best)) {
            self.state.best = Some(Best { step: self.state.step, value });
            self.improved = true;
        }
        Ok(())
    }

    /// Says how the weights are spread.
    fn measure_weights(&mut self) -> Result<(), TrainError> {
        let params = self.state.model.params.iter();
        let weights =
            params.map(|param| Ok((param.name().to_owned(), Histogram::of(&param.array().download()?))));
        let weights = weights.collect::<Result<_, OpError>>()?;
        let event = WeightsMeasured { step: self.state.step, weights };
        Ok(self.sink.emit(&Event::WeightsMeasured(event))?)
    }

    /// Lets the model be heard, where that was asked for.
    fn sound(&mut self) -> Result<(), TrainError> {
        let (step, clips) = (self.state.step, self.plan.eval.sounds);
        if clips == 0 {
            return Ok(());
        }
        self.sink.emit(&Event::SoundsStarted { step, clips })?;
        let made = sounds::make(self.device, &self.state.model, self.plan, &self.dev, step, &self.stop);
        made.map_or(Ok(()), |event| Ok(self.sink.emit(&event)?))
    }

    fn save(&mut self) -> Result<(), TrainError> {
        refuse_broken(&self.state)?;
        self.state.train_secs = self.secs();
        let saved = self.keeper.save(&self.state, self.improved)?;
        self.improved = false;
        Ok(self.sink.emit(&Event::CheckpointSaved(saved))?)
    }

    /// Stops on request: everything up to here is saved.
    fn interrupt(mut self) -> Result<Outcome, TrainError> {
        self.save()?;
        self.end(RunState::Interrupted, Values::new())
    }

    /// What is learned from, and what is to be said of it.
    fn survey(&mut self) -> Result<Loader, TrainError> {
        let loader = self.job.train_loader()?;
        if self.plan.eval.test_at_end {
            // What is wrong with this list is better said now than behind the last update.
            self.job.test_loader()?;
        }
        for text in remarks(self.job, &loader) {
            self.sink.emit(&Event::Note { text })?;
        }
        Ok(loader)
    }

    /// Measures, judges and saves what is due behind an update. False: as [`Run::look`].
    fn look_back(&mut self) -> Result<bool, TrainError> {
        let (plan, step) = (self.plan, self.state.step);
        if plan.output.shows_weights(step) {
            self.measure_weights()?;
        }
        self.state.unjudged = plan.eval.evaluates(step) || step == plan.train.max_steps;
        self.look()
    }

    /// An update that could not be taken: a lost process must not cost those since the last checkpoint. Where the update began with another
    /// teacher nothing is saved, or what was said of that would be said again.
    fn cut_short(mut self, error: TrainError, switched: bool) -> Result<Outcome, TrainError> {
        let is_lost = matches!(error, TrainError::Lost { .. } | TrainError::Helper { .. });
        if !is_lost || switched {
            return Err(error);
        }
        if self.stop.requested() {
            return self.interrupt();
        }
        self.save()?;
        Err(error)
    }

    /// Judges the best checkpoint on the test set and ends the run.
    fn finish(mut self) -> Result<Outcome, TrainError> {
        let mut metrics = self.state.dev_metrics.clone();
        if self.plan.eval.test_at_end {
            let best = self.state.best.map_or(self.state.step, |best| best.step);
            self.keeper.load_weights(&mut self.state.model, best)?;
            let (started, asked) = (Instant::now(), || self.asked());
            let judged = self.job.eval_batches(Split::Test, &asked).and_then(|batches| {
                let judged = evaluate(self.device, &self.state.model, self.job, &batches, &asked)?;
                Ok((judged, batches))
            });
            let (judged, batches) = match judged {
                // All updates are saved: the next process judges again.
                Err(TrainError::Asked) => return self.end(RunState::Interrupted, Values::new()),
                judged => judged?,
            };
            let trained = std::mem::replace(&mut self.state.step, best);
            let event = self.eval_event(&judged, Split::Test, &batches, None, started);
            self.state.step = trained;
            self.sink.emit(&event)?;
            metrics.extend(Split::Test.named(&judged.metrics));
            let mut written = metrics.clone();
            written.extend(Split::Test.named(&judged.details));
            self.keeper.write_judgement(&written, &judged)?;
        }
        self.end(RunState::Finished, metrics)
    }

    fn end(mut self, state: RunState, metrics: Values) -> Result<Outcome, TrainError> {
        self.warn()?;
        let step = self.state.step;
        let taken = step.saturating_sub(self.began_at_step);
        let secs = self.began.elapsed().as_secs_f64();
        self.sink.emit(&Event::RunFinished(RunFinished {
            state,
            step,
            metrics: metrics.clone(),
            cause: (state == RunState::Interrupted).then(|| "interrupted on request".to_owned()),
            wall_secs: self.secs_before + secs,
            secs_per_step: if taken == 0 { 0.0 } else { secs / taken as f64 },
            peak_bytes: host::peak_bytes(),
        }))?;
        Ok(Outcome { state, step, metrics })
    }

    fn secs(&self) -> f64 {
        self.secs_before + self.began.elapsed().as_secs_f64()
    }

    fn eval_event(
        &self,
        judged: &Evaluation,
        split: Split,
        batches: &[Batch],
        subject: Option<&str>,
        started: Instant,
    ) -> Event {
        let rate = self.plan.data.sample_rate_hz;
        Event::EvalDone(EvalDone {
            step: self.state.step,
            split: split.name().to_owned(),
            subject: subject.map(str::to_owned),
            metrics: judged.metrics.clone(),
            utterances: judged.predictions.len() as u64,
            audio_secs: batches.iter().map(|batch| batch.audio_secs(rate)).sum(),
            eval_secs: started.elapsed().as_secs_f64(),
        })
    }
}
