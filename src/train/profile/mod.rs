//! Where does the time of an update go? Some updates in memory, with every part of them timed.
//!
//! The batches, the update and the events are those of a run; nothing is judged and nothing is saved. Weights are freshly drawn, since
//! times do not depend on them. Not for: where events go (`launch`), how numbers are shown (`cli`). Start at [`measure`]; [`Summary`] says
//! what it comes to, [`chrome`] writes it for a viewer.

mod chrome;
mod forward;
mod summary;
mod sums;

use std::time::{Duration, Instant};

use kernels::Backend;
use kernels::matmul::{View, matmul};
use kernels::trace::{Recording, Trace, phase, step};

use super::ranks::Alone;
use super::run::{AHEAD, Stop, fetch};
use super::teacher::Teacher;
use super::update::update;
use super::{Job, State, TrainError};
use crate::data::{Prefetch, Stream};
use crate::model::Model;
use crate::plan::Plan;
use crate::record::{Event, RunFinished, RunStarted, RunState, Sink, Values, host};

pub use chrome::chrome;
pub use forward::{Forward, forward, patches};
pub use summary::{LayerCost, OpCost, PhaseCost, Summary, Throughput};

/// Waiting for the batches of an update.
const DATA: &str = "data wait";
/// Saying what an update did: metrics, TensorBoard, progress.
const LOGGING: &str = "logging";

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Updates before the first one that is measured.
    pub warmup: u64,
    /// Updates that are measured; at least 1.
    pub steps: u64,
}

/// Which weights the teacher had; its times are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeacherWeights {
    /// Those of its run.
    Trained,
    /// Freshly drawn, because its run is not there.
    Untrained,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    pub trace: Trace,
    pub steps: u64,
    /// Of these, updates that changed the weights.
    pub taken: u64,
    /// Sound in their batches, without padding.
    pub audio_secs: f64,
    pub teacher: Option<TeacherWeights>,
    /// What a large matrix product reached before the first update.
    pub product_flops_per_sec: f64,
    /// The most memory the process ever had, where the system tells; of a GPU, the most of its memory.
    pub peak_bytes: Option<u64>,
}

/// Takes `extent.warmup` updates, then `extent.steps` more with every part timed.
///
/// A request to stop ends it early, with what was measured until then.
///
/// # Errors
/// As [`super::run`], but for what concerns checkpoints: a teacher without one is taken as it is drawn.
pub fn measure<D: Backend>(
    device: &D,
    job: &Job<'_>,
    extent: Extent,
    stop: &Stop,
    sink: &mut dyn Sink,
) -> Result<Measured, TrainError> {
    let plan = job.plan;
    let product_flops_per_sec = product_rate();
    let state = State::fresh(Model::draw(device, &plan.model, plan.run.seed)?);
    let (teacher, weights) = teacher(device, plan)?.unzip();
    let stream = Stream::new(
        job.train_loader()?,
        &plan.data,
        plan.run.seed,
        plan.train.accumulation_steps,
        state.position,
    );
    let prefetch = Prefetch::start(stream, AHEAD);
    sink.emit(&started(plan, &state, extent))?;
    let mut bench = Bench { device, plan, state, teacher, prefetch, sink, taken: 0, audio_secs: 0.0 };
    bench.updates(extent.warmup, stop)?;
    (bench.taken, bench.audio_secs) = (0, 0.0);
    let recording = Recording::start();
    let steps = bench.updates(extent.steps, stop)?;
    let trace = recording.finish();
    let ended = ended(bench.state.step, steps == extent.steps);
    bench.sink.emit(&Event::RunFinished(ended))?;
    let Bench { taken, audio_secs, .. } = bench;
    let peak_bytes = peak_bytes(device);
    Ok(Measured { trace, steps, taken, audio_secs, teacher: weights, product_flops_per_sec, peak_bytes })
}

/// The most memory that was in use at a time: the GPU's, else that of the process.
fn peak_bytes<D: Backend>(device: &D) -> Option<u64> {
    device.peak_bytes().or_else(host::peak_bytes)
}

fn ended(step: u64, whole: bool) -> RunFinished {
    RunFinished {
        state: if whole { RunState::Finished } else { RunState::Interrupted },
        step,
        metrics: Values::new(),
        cause: (!whole).then(|| "interrupted on request".to_owned()),
        wall_secs: 0.0,
        secs_per_step: 0.0,
        peak_bytes: None,
    }
}

fn started<D: Backend>(plan: &Plan, state: &State<D>, extent: Extent) -> Event {
    let params = &state.model.params;
    let trainable = params.iter().filter(|param| param.trainable()).map(|param| param.array().len());
    Event::RunStarted(RunStarted {
        name: plan.name.clone(),
        id: plan.id.clone(),
        role: "profile".to_owned(),
        step: 0,
        max_steps: extent.warmup + extent.steps,
        params: params.len() as u64,
        trainable_params: trainable.sum::<usize>() as u64,
    })
}

/// The teacher that the plan listens to, with the weights that teach at the start, or, where there are none yet, as it is drawn.
fn teacher<D: Backend>(device: &D, plan: &Plan) -> Result<Option<(Teacher<D>, TeacherWeights)>, TrainError> {
    let Some(distill) = plan.distill.as_ref().filter(|distill| distill.listens()) else { return Ok(None) };
    let trained = Teacher::open(device, plan, distill).and_then(|mut teacher| {
        teacher.at(0)?;
        Ok(teacher)
    });
    match trained {
        Ok(teacher) => Ok(Some((teacher, TeacherWeights::Trained))),
        Err(TrainError::NoTeacher { .. } | TrainError::NoWaypoints { .. }) => {
            Ok(Some((Teacher::untrained(device, plan, distill)?, TeacherWeights::Untrained)))
        }
        Err(error) => Err(error),
    }
}

struct Bench<'a, D: Backend> {
    device: &'a D,
    plan: &'a Plan,
    state: State<D>,
    teacher: Option<Teacher<D>>,
    prefetch: Prefetch,
    sink: &'a mut dyn Sink,
    taken: u64,
    audio_secs: f64,
}

impl<D: Backend> Bench<'_, D> {
    /// Takes `count` updates, or fewer where somebody asks to stop. Returns how many.
    fn updates(&mut self, count: u64, stop: &Stop) -> Result<u64, TrainError> {
        for index in 0..count {
            if stop.requested() {
                return Ok(index);
            }
            step(|| self.update())?;
        }
        Ok(count)
    }

    fn update(&mut self) -> Result<(), TrainError> {
        let started = Instant::now();
        let (batches, position) = phase(DATA, || fetch(&self.prefetch, self.plan.train.accumulation_steps))?;
        self.state.thaw(&self.plan.train);
        let teacher = self.teacher.as_ref();
        let updated = update(&mut self.state, self.device, self.plan, teacher, &batches, None, &mut Alone)?;
        self.state.step += 1;
        self.state.position = position;
        self.taken += u64::from(updated.fault.is_none());
        self.audio_secs += updated.audio_secs;
        let done = updated.into_event(self.state.step, started);
        Ok(phase(LOGGING, || self.sink.emit(&Event::StepDone(done)))?)
    }
}

/// What this machine's threads reach in a large matrix product, in floating-point operations per second: the best of several.
fn product_rate() -> f64 {
    const SIDE: usize = 1024;
    const ROUNDS: u32 = 3;
    const LEAST: Duration = Duration::from_millis(300);
    let (a, b) = (vec![1.0; SIDE * SIDE], vec![1.0; SIDE * SIDE]);
    let mut c = vec![0.0; SIDE * SIDE];
    let (began, mut rounds, mut best) = (Instant::now(), 0, f64::INFINITY);
    while rounds < ROUNDS || began.elapsed() < LEAST {
        let started = Instant::now();
        matmul(1.0, View::new(&a, SIDE, SIDE), View::new(&b, SIDE, SIDE).t(), 0.0, &mut c);
        best = best.min(started.elapsed().as_secs_f64());
        rounds += 1;
    }
    2.0 * (SIDE as f64).powi(3) / best
}
