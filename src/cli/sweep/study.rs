//! From a sweep's file to the runs it takes: every point resolved, needed runs before those that need them, each run once.

use std::panic::resume_unwind;
use std::path::PathBuf;

use kernels::threads::count_for;
use serde_json::{Map, Value};

use super::place::{Run, placed};
use crate::cli::arguments::Request;
use crate::cli::failure::Failure;
use crate::cli::order::{Orders, idle_option, orders_at, sweep_of};
use crate::config::{Axis, Point, Problem, Problems, Sweep};
use crate::launch::Order;
use crate::launch::sweep::{Job, Standing};
use crate::plan::{self, readers};
use crate::record::{SweepFolder, SweepRow};

/// The runs of a sweep.
pub struct Study {
    /// The name of its file.
    pub name: String,
    /// Where it is frozen.
    pub folder: SweepFolder,
    /// Those that others need stand before them.
    pub runs: Vec<StudyRun>,
    /// Options that differ between points, in the order of the axes.
    pub varying: Vec<String>,
    /// Points asked for, of which several may be one run.
    pub asked: usize,
}

/// One run of a sweep.
pub struct StudyRun {
    pub order: Order,
    pub row: SweepRow,
    pub job: Job,
    pub standing: Standing,
}

impl Study {
    /// The runs that are points, by number.
    pub fn points(&self) -> impl Iterator<Item = &StudyRun> {
        let mut points: Vec<&StudyRun> = self.runs.iter().filter(|run| run.row.number.is_some()).collect();
        points.sort_by_key(|run| run.row.number);
        points.into_iter()
    }

    /// The runs that are needed and no points.
    pub fn needed(&self) -> impl Iterator<Item = &StudyRun> {
        self.runs.iter().filter(|run| run.row.number.is_none())
    }

    /// Its jobs, in the same order as the runs.
    pub fn jobs(&self) -> Vec<Job> {
        self.runs.iter().map(|run| run.job.clone()).collect()
    }
}

/// The study that a file asks for; `None` where it has no sweep.
///
/// # Errors
/// Every problem of every point.
pub fn study(request: &Request) -> Result<Option<Study>, Failure> {
    let Some(sweep) = sweep_of(request)? else { return Ok(None) };
    let resolved = resolve(request, &sweep)?;
    judge_axes(&sweep, &resolved)?;
    let runs = collate(&resolved);
    let runs_dir =
        runs.first().map_or_else(PathBuf::new, |run| run.order.plan.output.runs_dir.clone().into());
    let name = request.experiment.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let lengths = runs.iter().map(|run| (run.order.plan.id.as_str(), run.order.plan.train.max_steps));
    let folder = SweepFolder::of(&runs_dir, &name, lengths);
    let varying = varying(&sweep);
    let runs = placed(runs, &folder)?;
    Ok(Some(Study { name, folder, runs, varying, asked: sweep.points.len() }))
}

/// A point with the runs it takes, and the axes and own lines that nothing reads there.
struct Resolved<'a> {
    point: &'a Point,
    orders: Orders,
    idle: Vec<String>,
}

fn resolve<'a>(request: &Request, sweep: &'a Sweep) -> Result<Vec<Resolved<'a>>, Failure> {
    let (mut resolved, mut problems) = (Vec::new(), Vec::<Problem>::new());
    for (point, orders) in sweep.points.iter().zip(orders_of_all(request, &sweep.points)) {
        match orders {
            Ok((orders, idle)) => resolved.push(Resolved { point, orders, idle }),
            Err(failure) if failure.as_problems().is_empty() => return Err(failure),
            // Points share files and values: what is wrong with one is said once.
            Err(failure) => {
                for problem in failure.as_problems() {
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
        }
    }
    match problems.is_empty() {
        true => Ok(resolved),
        false => Err(Problems::sorted(problems).into()),
    }
}

/// What each point takes, with what nothing reads there; on all cores, as points know nothing of each other.
fn orders_of_all(request: &Request, points: &[Point]) -> Vec<Result<(Orders, Vec<String>), Failure>> {
    let share = points.len().div_ceil(count_for(0)).max(1);
    let resolve = |part: &[Point]| -> Vec<_> {
        part.iter().map(|point| orders_at(request, point).map(|orders| with_idle(orders, point))).collect()
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = points.chunks(share).map(|part| scope.spawn(move || resolve(part))).collect();
        let joined = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.flatten().collect()
    })
}

/// The orders of a point, and the axes and own lines that nothing reads there.
fn with_idle(orders: Orders, point: &Point) -> (Orders, Vec<String>) {
    let mut set: Vec<String> = point.options().map(|setting| setting.path.clone()).collect();
    set.extend(orders.loaded.provenance.own_options());
    let mut idle = plan::idle(&orders.loaded.experiment, &orders.asked.plan.needs, &set);
    idle.extend(orders.loaded.left_out.iter().cloned());
    (orders, idle)
}

/// Refuses axes that tell no runs apart.
fn judge_axes(sweep: &Sweep, resolved: &[Resolved<'_>]) -> Result<(), Failure> {
    let of_options = sweep.axes.iter().filter(|axis| axis.path != "experiment");
    let problem = |axis: &Axis| {
        let path = &axis.path;
        if readers(path).is_some_and(|reading| !reading.part_of_identity) {
            let message = format!("`{path}` tells no runs apart: another value makes no other run");
            let help = format!("set it for the whole sweep: in the file, or with `-s {path}=VALUE`");
            return Some(axis.problem(message).with_help(help));
        }
        if resolved.iter().all(|resolved| resolved.idle.contains(path)) {
            let message = format!("nothing in any run of this sweep reads `{path}`");
            let help =
                condition(resolved, path).map(|condition| format!("it would count with `{condition}`"));
            let help = help.unwrap_or_else(|| "take it out, or name experiments that have it".into());
            return Some(axis.problem(message).with_help(help));
        }
        None
    };
    let mut problems: Vec<Problem> = of_options.filter_map(problem).collect();
    problems.extend(idle_lines(resolved));
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Problems::sorted(problems).into()),
    }
}

/// Lines of the sweep's own file and arguments that none of its runs reads.
fn idle_lines(resolved: &[Resolved<'_>]) -> Vec<Problem> {
    let Some(Resolved { orders, .. }) = resolved.first() else { return Vec::new() };
    let own = orders.loaded.provenance.own_options().into_iter();
    let idle = own.filter(|path| resolved.iter().all(|resolved| resolved.idle.contains(path)));
    idle.map(|path| idle_option(&orders.loaded, &orders.asked.plan.needs, &path)).collect()
}

fn condition(resolved: &[Resolved<'_>], path: &str) -> Option<String> {
    let Resolved { orders, .. } = resolved.first()?;
    plan::condition(&orders.loaded.experiment, &orders.asked.plan.needs, path)
}

/// Every run once, points numbered as they come.
fn collate(resolved: &[Resolved<'_>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut number = 0;
    for Resolved { point, orders, .. } in resolved {
        for order in &orders.needed {
            find_or_add(&mut runs, order);
        }
        let run = find_or_add(&mut runs, &orders.asked);
        if run.number.is_none() {
            number += 1;
            run.number = Some(number);
        }
        run.settings.push(settings(point));
    }
    runs
}

fn find_or_add<'a>(runs: &'a mut Vec<Run>, order: &Order) -> &'a mut Run {
    let at = runs.iter().position(|run| run.order.plan.id == order.plan.id).unwrap_or_else(|| {
        runs.push(Run { order: order.clone(), number: None, settings: Vec::new() });
        runs.len() - 1
    });
    let run = &mut runs[at];
    // A teacher may be a point too, and then be asked for at greater length.
    if order.plan.train.max_steps > run.order.plan.train.max_steps {
        run.order = order.clone();
    }
    run
}

fn settings(point: &Point) -> Map<String, Value> {
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    point.settings.iter().map(|setting| (setting.path.clone(), value(setting.value()))).collect()
}

/// Paths of the axes with several values.
fn varying(sweep: &Sweep) -> Vec<String> {
    let values = |path: &str| {
        let mut values: Vec<String> = Vec::new();
        for setting in sweep.points.iter().flat_map(|point| &point.settings) {
            if setting.path == path && !values.contains(&setting.value()) {
                values.push(setting.value());
            }
        }
        values.len()
    };
    sweep.axes.iter().map(|axis| axis.path.clone()).filter(|path| values(path) > 1).collect()
}
