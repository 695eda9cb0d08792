//! A run in this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use serde_json::json;

use kernels::threads::Pool;

use super::Order;
use super::digests;
use super::ranks::{HelperCommand, Hub};
use crate::model::parts;
use crate::plan::{Plan, Start};
use crate::record::folder::{write_json, write_whole};
use crate::record::{
    Event, Fanout, Folder, Identity, Log, Metrics, Progress, RecordError, RunFinished, RunState, Sink,
    Status, StatusFile, Values, write_columns,
};
use crate::train::{
    Job, Rank, Resume, Room, Session, Stop, TrainError, effective_device, effective_precision, remark, start,
};

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// How a run stands after this process worked on it.
#[derive(Debug, Clone)]
pub struct Report {
    pub plan: Plan,
    pub folder: Folder,
    pub status: Status,
    pub identity: Identity,
    pub role: String,
}

/// The report of a run that needs no more work: finished, and at least as long as the plan asks. `None` for any other.
///
/// # Errors
/// A file of the folder is damaged.
pub fn finished(order: &Order) -> Result<Option<Report>, LaunchError> {
    let folder = Folder::at(order.plan.dir());
    match (Status::read(&folder)?, Identity::read(&folder)?) {
        (Some(status), Some(identity))
            if status.state == RunState::Finished && status.step >= order.plan.train.max_steps =>
        {
            let (plan, role) = (order.plan.clone(), order.role.clone());
            Ok(Some(Report { plan, folder, status, identity, role }))
        }
        _ => Ok(None),
    }
}

/// Starts or resumes a run and works on it until it ends, fails or is asked to stop. Where `run.processes` asks for it, this process shares
/// updates and threads with helpers, each by its `helper` command; they end before this does.
///
/// # Errors
/// What stopped it. Where training had begun, status.json says so too, and the last checkpoint is whole.
pub fn in_process(
    order: &Order,
    progress: Progress,
    stop: Stop,
    helper: HelperCommand,
) -> Result<Report, LaunchError> {
    let threads = kernels::threads::count();
    // A worker of a sweep may have fewer threads than its experiment asks processes for; results are the same.
    let rank = Rank { rank: 0, ranks: order.plan.run.processes.clamp(1, threads) };
    let crew = Crew { ranks: rank.ranks, threads, helper };
    // The loop runs on a thread of the pool itself: kernels begin where they are called, and nobody is woken for what one thread can do.
    let own = Pool::new(rank.threads(threads)).map_err(TrainError::from)?;
    own.install(|| work(order, &crew, progress, stop))
}

/// The processes that work on a run.
struct Crew {
    ranks: usize,
    /// Threads of all of them.
    threads: usize,
    helper: HelperCommand,
}

/// The run that this process works on, for what has to be said of it when nothing else can be done.
static UNDER_WAY: Mutex<Option<Folder>> = Mutex::new(None);

/// Notes in the folder of the run under way that it failed. False where there is none.
pub fn fail_under_way(cause: &str) -> bool {
    let Ok(folder) = UNDER_WAY.try_lock() else { return false };
    let Some(folder) = &*folder else { return false };
    let text = format!("failed: {cause}");
    let logged = Log::open(folder).and_then(|mut log| log.emit(&Event::Note { text }));
    let noted = Status::fail(folder, cause.to_owned());
    // What cannot be noted is still said.
    drop((logged, noted));
    true
}

fn set_under_way(folder: Option<&Folder>) {
    if let Ok(mut under_way) = UNDER_WAY.lock() {
        *under_way = folder.cloned();
    }
}

fn work(order: &Order, crew: &Crew, progress: Progress, stop: Stop) -> Result<Report, LaunchError> {
    let plan = &order.plan;
    // The corpus first: what is missing is said before anything is written.
    let job = Job::open(plan)?;
    let room = Room::of(plan, crew.ranks, crew.threads)?;
    room.admit(plan, crew.threads)?;
    let folder = Folder::at(plan.dir());
    folder.create()?;
    let lock = folder.lock()?;
    let why = Status::read_holding(&folder, &lock)?.and_then(|status| status.cause);
    let identity = identify(order, crew.threads, &job, &folder)?;
    write_columns(Path::new(&plan.output.runs_dir))?;
    let resume = Resume::find(&folder)?;
    let metrics = Metrics::open(&folder, resume.offsets, plan.output.summary_interval)?;
    let status = StatusFile::new(&folder, metrics.earlier());
    let mut sink = Fanout::new().with(metrics).with(status).with(Log::open(&folder)?).with(progress);
    let session = Session {
        folder: &folder,
        role: &order.role,
        resume,
        why: why.unwrap_or_else(|| "it had not come to its end".into()),
        arrangement: room.arrangement(),
        stop,
    };
    room.enter();
    set_under_way(Some(&folder));
    let trained = Hub::start(&folder, &plan.id, crew.ranks, crew.threads, crew.helper).and_then(|mut hub| {
        note(crew, plan, &mut sink)?;
        for text in of_device(&identity, plan)? {
            sink.emit(&Event::Note { text })?;
        }
        if let Some(text) = room.warning() {
            sink.emit(&Event::Warning { text })?;
        }
        start(&job, &session, &mut hub, &mut sink)
    });
    set_under_way(None);
    if let Err(error) = trained {
        return Err(failed(error, &folder, &mut sink));
    }
    drop(sink);
    Identity::finish(&folder)?;
    write_columns(Path::new(&plan.output.runs_dir))?;
    let status = Status::read_holding(&folder, &lock)?.unwrap_or_default();
    Ok(Report { plan: plan.clone(), folder: folder.clone(), status, identity, role: order.role.clone() })
}

/// Says how many processes share the updates, where it is not one that was asked for.
fn note(crew: &Crew, plan: &Plan, sink: &mut dyn Sink) -> Result<(), RecordError> {
    let (asked, ranks, threads) = (plan.run.processes, crew.ranks, crew.threads);
    if asked < 2 {
        return Ok(());
    }
    let text = match ranks < asked {
        true => format!(
            "{ranks} of the {asked} processes asked for share the updates: there are {threads} threads"
        ),
        false => format!("{ranks} processes share the updates, and {threads} threads"),
    };
    sink.emit(&Event::Note { text })
}

/// What is to be said of the device that this process computes with.
fn of_device(identity: &Identity, plan: &Plan) -> Result<Vec<String>, TrainError> {
    let mut texts: Vec<String> = remark(plan)?.into_iter().collect();
    let (began, now) = (&identity.device, effective_device(plan)?.to_string());
    if *began != now {
        texts.push(format!(
            "this run began on `{began}` and goes on on `{now}`, which rounds otherwise: its numbers are no longer those of one device"
        ));
    }
    Ok(texts)
}

/// Notes in the folder that the run failed, and why. The error itself stays what it was.
fn failed(error: TrainError, folder: &Folder, sink: &mut dyn Sink) -> LaunchError {
    let step = Status::read(folder).ok().flatten().map_or(0, |status| status.step);
    let noted = sink.emit(&Event::RunFinished(RunFinished {
        state: RunState::Failed,
        step,
        metrics: Values::new(),
        cause: Some(error.to_string()),
        wall_secs: 0.0,
        secs_per_step: 0.0,
        peak_bytes: None,
    }));
    // A full disk cannot take the note either; the first error is the one to report.
    drop(noted);
    error.into()
}

/// Writes what identifies a new run, or checks that an old one is the same and its data too.
fn identify(order: &Order, threads: usize, job: &Job<'_>, folder: &Folder) -> Result<Identity, LaunchError> {
    if let Some(before) = Identity::read(folder)? {
        digests::check(&before, &job.digests()?)?;
        // What is cosmetic may have changed, and `max_steps`: the folder tells of the newest request.
        let identity = Identity { config: order.leaves.clone(), finished: None, ..before };
        write_request(order, folder)?;
        identity.write(folder)?;
        return Ok(identity);
    }
    let plan = &order.plan;
    let identity = Identity {
        name: plan.name.clone(),
        id: plan.id.clone(),
        role: order.role.clone(),
        project: plan.output.project.clone(),
        experiment: order.experiment.clone(),
        profile: order.profile.clone(),
        needs: plan.needs.iter().map(|need| (need.name.clone(), need.id.clone())).collect(),
        parent: match &plan.start {
            Start::Parent { dir, step, .. } => Some(format!("{}@{step}", dir.display())),
            Start::Fresh => None,
        },
        seeds: seeds(plan),
        data: job.digests()?,
        config: order.leaves.clone(),
        params: parameters(plan),
        device: effective_device(plan)?.to_string(),
        threads,
        precision: effective_precision(plan)?,
        ..Identity::here_and_now()
    };
    write_request(order, folder)?;
    identity.write(folder)?;
    Ok(identity)
}

/// Writes what was asked for, and what is planned.
fn write_request(order: &Order, folder: &Folder) -> Result<(), RecordError> {
    /// Shapes are those of an utterance of this length.
    const EXAMPLE_SECS: usize = 10;
    let plan = &order.plan;
    let parts = parts(&plan.model, EXAMPLE_SECS * plan.data.sample_rate_hz as usize);
    write_whole(&folder.config_toml(), order.config_toml.as_bytes())?;
    write_json(&folder.origin_json(), &order.origins)?;
    write_json(
        &folder.plan_json(),
        &json!({ "id": plan.id, "example_secs": EXAMPLE_SECS, "parts": parts, "plan": plan }),
    )
}

fn seeds(plan: &Plan) -> BTreeMap<String, u64> {
    let mut seeds = BTreeMap::from([("run".to_owned(), plan.run.seed)]);
    if let crate::plan::Pretrained::Random { seed } = plan.model.pretrained {
        seeds.insert("source".into(), seed);
    }
    seeds
}

fn parameters(plan: &Plan) -> u64 {
    let (_, declarations) = crate::model::declare(&plan.model);
    declarations.iter().map(|declaration| declaration.shape.len() as u64).sum()
}
