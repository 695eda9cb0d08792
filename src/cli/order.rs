//! From the request to the runs it takes: the experiment's own, and before it those it needs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::arguments::Request;
use super::failure::Failure;
use crate::config::{
    self, Code, Experiment, Loaded, Point, Problem, Problems, Reading, Schema, Sweep, origins, resolved_toml,
};
use crate::launch::Order;
use crate::model::declare;
use crate::plan::{self, Need, NeedKind, Plan, RUN, needs, resolve};
use crate::record::{Folder, Identity};

const CONTRADICTION: Code = Code::new(
    "E101",
    "Two options do not go together, or a size does not work out.",
    "Change one of the options that the message names; the place shown is where one of them was set.",
);
const NEED_UNKNOWN: Code = Code::new(
    "E102",
    "A teacher, a parent or a run to start from is named that does not exist.",
    "Name an experiment of the same folder without `.toml`, a run's folder, or a folder with a checkpoint.",
);
const NEED_CYCLE: Code = Code::new(
    "E103",
    "Experiments need each other in a circle.",
    "A chain of needs has to end with an experiment that needs none.",
);
const IDLE: Code = Code::new(
    "E104",
    "An option was written for this run, and nothing in the run reads it.",
    "Take it out, or set the option that puts it to use. Bases, profiles and `--hparams` may hold options for several runs; the experiment's \
     own lines, `-s` and variables may not.",
);

/// The codes of problems that need the plan to be seen.
pub const CODES: [Code; 4] = [CONTRADICTION, NEED_UNKNOWN, NEED_CYCLE, IDLE];

/// Options of the request that hold for needed runs too: where things lie and where they run, not what they mean.
const SHARED: [&str; 6] =
    ["output.runs_dir", "output.project_name", "run.device", "run.threads", "data.dir", "slurm."];

/// A request resolved: the runs to bring to their end, in this order, the asked one last.
#[derive(Debug)]
pub struct Orders {
    pub needed: Vec<Order>,
    pub asked: Order,
    pub loaded: Loaded,
}

/// Loads and resolves an experiment and all it needs.
///
/// # Errors
/// Every problem found.
pub fn orders(request: &Request) -> Result<Orders, Failure> {
    orders_of(request, None, &environment(), None, &mut Vec::new())
}

/// Loads and resolves one point of a sweep and all it needs.
///
/// # Errors
/// Every problem found.
pub fn orders_at(request: &Request, point: &Point) -> Result<Orders, Failure> {
    orders_of(request, Some(point), &environment(), None, &mut Vec::new())
}

/// The sweep that an experiment asks for; `None` where it is one run.
///
/// # Errors
/// Every problem found.
pub fn sweep_of(request: &Request) -> Result<Option<Sweep>, Problems> {
    config::sweep(&request.experiment, &layers(request, None, &environment()))
}

fn orders_of(
    request: &Request,
    point: Option<&Point>,
    env: &[(String, String)],
    role: Option<&str>,
    under_way: &mut Vec<PathBuf>,
) -> Result<Orders, Failure> {
    let Reading { loaded, mut problems } = config::read(&request.experiment, &layers(request, point, env));
    let Some(loaded) = loaded else { return Err(Problems(problems).into()) };
    let mut experiment = loaded.experiment.clone();
    let (mut needed, mut resolved) = (Vec::new(), Vec::new());
    under_way.push(loaded.path.clone());
    for (kind, name) in needs(&experiment) {
        match meet(&loaded, request, env, kind, &name, under_way) {
            Ok((before, need)) => {
                needed.extend(before);
                resolved.push(need);
            }
            Err(Unmet::Problem(problem)) => problems.push(*problem),
            Err(Unmet::Failure(failure)) if problems.is_empty() => return Err(*failure),
            Err(Unmet::Failure(failure)) => problems.extend(failure.as_problems()),
        }
    }
    under_way.pop();
    let written_needs = resolved.clone();
    name_by_folder(&mut experiment, &resolved);
    let plan = match resolve(&experiment, resolved) {
        Ok(plan) => {
            problems.extend(idle_prefixes(&loaded, &plan));
            plan
        }
        Err(found) => {
            problems.extend(unmentioned(located(&loaded, found), &problems));
            return Err(Problems::sorted(problems).into());
        }
    };
    // What a sweep says serves several runs; whether any of them reads it, the sweep sees.
    if problems.is_empty() && point.is_none() {
        let own = loaded.provenance.own_options();
        let idle = plan::idle(&loaded.experiment, &written_needs, &own);
        problems.extend(idle.iter().map(|path| idle_option(&loaded, &written_needs, path)));
    }
    if !problems.is_empty() {
        return Err(Problems::sorted(problems).into());
    }
    let asked = order(request, &loaded, plan, &experiment, role)?;
    Ok(Orders { needed: without_repeats(needed), asked, loaded })
}

fn order(
    request: &Request,
    loaded: &Loaded,
    plan: Plan,
    experiment: &Experiment,
    role: Option<&str>,
) -> Result<Order, Failure> {
    let written = |error: toml::ser::Error| Failure::new(super::failure::INTERNAL, error.to_string());
    let origins = origins(loaded).map_err(written)?;
    let leaves =
        origins.iter().map(|origin| (origin.path.clone(), Value::from(origin.value.clone()))).collect();
    let student = if experiment.distill.is_some() { "student" } else { "model" };
    let config_toml =
        resolved_toml(experiment, &idle_everywhere(experiment, &plan.needs)).map_err(written)?;
    Ok(Order {
        plan,
        role: role.unwrap_or(student).to_owned(),
        config_toml,
        origins: serde_json::to_value(&origins).unwrap_or_default(),
        leaves,
        experiment: loaded.path.display().to_string(),
        profile: request.profile.clone(),
    })
}

/// Written down with paths instead of names, the run's config.toml can be run again from anywhere.
fn name_by_folder(experiment: &mut Experiment, needs: &[Need]) {
    for need in needs {
        let dir = std::path::absolute(&need.dir).unwrap_or_else(|_| need.dir.clone()).display().to_string();
        match need.kind {
            NeedKind::Teacher => experiment.distill.iter_mut().for_each(|d| d.teacher.clone_from(&dir)),
            NeedKind::Source => {
                experiment.model.pretrained_mut().into_iter().for_each(|name| *name = format!("{RUN}{dir}"));
            }
            NeedKind::Parent { step } => experiment.continue_from = Some(format!("{dir}@{step}")),
        }
    }
}

/// Every option that nothing reads in `experiment`.
pub fn idle_everywhere(experiment: &Experiment, needs: &[Need]) -> Vec<String> {
    let all: Vec<String> = Schema::get().leaves().iter().map(config::Leaf::dotted).collect();
    plan::idle(experiment, needs, &all)
}

/// The problem with an option written for this run alone that nothing in it reads.
pub fn idle_option(loaded: &Loaded, needs: &[Need], path: &str) -> Problem {
    let name = path.rsplit('.').next().unwrap_or(path);
    let message = format!("nothing in this run reads `{name}`");
    let help = match plan::condition(&loaded.experiment, needs, path) {
        Some(condition) => format!("it would count with `{condition}`; else take it out"),
        None => "take it out".to_owned(),
    };
    loaded.provenance.problem(IDLE, path, message).with_help(help)
}

/// Those of the plan's problems that do not follow from a mistake already found: a contradiction names the options it is between.
fn unmentioned(found: Vec<Problem>, before: &[Problem]) -> Vec<Problem> {
    let leaf = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let follows = |problem: &Problem| {
        before.iter().any(|earlier| {
            !earlier.path.is_empty()
                && (earlier.path.starts_with(&problem.path)
                    || problem.path.starts_with(&earlier.path)
                    || problem.message.contains(&leaf(&earlier.path)))
        })
    };
    found.into_iter().filter(|problem| !follows(problem)).collect()
}

/// The plan of an experiment's model and corpus alone: teachers and parents are left out, for verbs that do not train.
///
/// # Errors
/// Every problem found.
pub fn plan_alone(request: &Request) -> Result<Plan, Failure> {
    let mut loaded = config::load(&request.experiment, &layers(request, None, &environment()))?;
    loaded.experiment.distill = None;
    loaded.experiment.continue_from = None;
    // The weights that a model once started from are not asked for, so a run that brought them need not be there any more.
    let met = needs(&loaded.experiment).into_iter().filter_map(|(kind, name)| found(kind, &name));
    let met = met.collect();
    resolve(&loaded.experiment, met).map_err(|found| Problems(located(&loaded, found)).into())
}

/// The user's variables for options.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("RUNNER__"))
        .collect()
}

/// The plan's problems, with file and line.
fn located(loaded: &Loaded, found: Vec<plan::Problem>) -> Vec<Problem> {
    let locate = |found: plan::Problem| {
        let key = written_key(loaded, &found);
        let problem = loaded.provenance.problem(CONTRADICTION, &key, found.message);
        if found.help.is_empty() { problem } else { problem.with_help(found.help) }
    };
    found.into_iter().map(locate).collect()
}

/// The problem's own key, or, where that is not written anywhere, another one it names that is.
fn written_key(loaded: &Loaded, found: &plan::Problem) -> String {
    let is_written = |key: &String| loaded.provenance.origin(key).is_some();
    let names: Vec<&str> = found.message.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let named = |leaf: &&config::Leaf| names.contains(&leaf.name());
    let others = Schema::get().leaves().iter().filter(named).map(config::Leaf::dotted);
    std::iter::once(found.key.clone()).chain(others).find(is_written).unwrap_or_else(|| found.key.clone())
}

/// Module prefixes that name no parameter: such a key would be accepted and do nothing.
fn idle_prefixes(loaded: &Loaded, plan: &Plan) -> Vec<Problem> {
    let (_, declarations) = declare(&plan.model);
    let keys = [("freeze_module", &plan.train.freeze_prefix), ("reinit_module", &plan.train.reinit_prefix)];
    let idle = keys.into_iter().filter_map(|(key, prefix)| {
        let prefix = prefix.as_deref()?;
        if declarations.iter().any(|declaration| declaration.name.starts_with(prefix)) {
            return None;
        }
        let message = format!("no parameter's name begins with `{prefix}`");
        let help = "name a module such as `wav2vec2.encoder.layers.0`, or `.` for none";
        Some(loaded.provenance.problem(CONTRADICTION, &format!("train.{key}"), message).with_help(help))
    });
    idle.collect()
}

/// Why a need cannot be met.
enum Unmet {
    Problem(Box<Problem>),
    Failure(Box<Failure>),
}

/// Finds what an experiment calls `name`: a run folder, a checkpoint, or an experiment beside it with its own needs.
fn meet(
    loaded: &Loaded,
    request: &Request,
    env: &[(String, String)],
    kind: NeedKind,
    name: &str,
    under_way: &mut Vec<PathBuf>,
) -> Result<(Vec<Order>, Need), Unmet> {
    let key = match kind {
        NeedKind::Teacher => "distill.teacher".to_owned(),
        NeedKind::Source => pretrained_key(loaded),
        NeedKind::Parent { .. } => "continue_from".to_owned(),
    };
    if let Some(need) = found(kind, name) {
        return Ok((Vec::new(), need));
    }
    let problem = |code, message, help: &str| {
        Unmet::Problem(Box::new(loaded.provenance.problem(code, &key, message).with_help(help)))
    };
    let Some(sibling) = loaded.sibling(name) else {
        let help = "name an experiment of this folder, a run folder, or a checkpoint";
        return Err(problem(NEED_UNKNOWN, format!("there is no experiment or run called `{name}`"), help));
    };
    if under_way.contains(&sibling) {
        let help = "a chain of needs has to end somewhere";
        return Err(problem(NEED_CYCLE, format!("`{name}` needs this experiment in turn"), help));
    }
    let request = Request {
        experiment: sibling,
        profile: request.profile.clone(),
        hparams: None,
        sets: request.sets.iter().filter(|set| is_shared(set)).cloned().collect(),
    };
    let role = match kind {
        NeedKind::Teacher => "teacher",
        NeedKind::Source => "source",
        NeedKind::Parent { .. } => "parent",
    };
    let orders = orders_of(&request, None, &shared_env(env), Some(role), under_way)
        .map_err(|failure| Unmet::Failure(Box::new(failure)))?;
    let (id, dir) = (orders.asked.plan.id.clone(), orders.asked.plan.dir());
    let need = Need { kind, name: name.into(), id, dir };
    let mut needed = orders.needed;
    needed.push(orders.asked);
    Ok((needed, need))
}

/// The option that says where the model's first weights come from: its family's table is the only one.
fn pretrained_key(loaded: &Loaded) -> String {
    let model = serde_json::to_value(&loaded.experiment.model).unwrap_or_default();
    let table = model.as_object().and_then(|tables| tables.keys().next().cloned());
    format!("model.{}.pretrained", table.unwrap_or_default())
}

/// A run folder or a checkpoint that is there.
fn found(kind: NeedKind, name: &str) -> Option<Need> {
    let path = Path::new(name);
    if !path.exists() || path.extension().is_some_and(|extension| extension == "toml") {
        return None;
    }
    let identity = Identity::read(&Folder::at(path)).ok().flatten();
    let id = identity.map_or_else(|| name.to_owned(), |identity| identity.id);
    Some(Need { kind, name: name.into(), id, dir: path.to_owned() })
}

fn is_shared(set: &str) -> bool {
    SHARED.iter().any(|key| set.trim_start().starts_with(key))
}

/// The variables that hold for needed runs too.
fn shared_env(env: &[(String, String)]) -> Vec<(String, String)> {
    let key = |name: &str| name.trim_start_matches("RUNNER__").to_lowercase().replace("__", ".");
    env.iter().filter(|(name, _)| is_shared(&key(name))).cloned().collect()
}

fn layers(request: &Request, point: Option<&Point>, env: &[(String, String)]) -> config::Request {
    config::Request {
        profile: request.profile.clone(),
        hparams: request.hparams.clone(),
        sets: request.sets.clone(),
        env: env.to_vec(),
        point: point.cloned(),
    }
}

fn without_repeats(orders: Vec<Order>) -> Vec<Order> {
    let mut kept: Vec<Order> = Vec::new();
    for order in orders {
        if kept.iter().all(|other| other.plan.id != order.plan.id) {
            kept.push(order);
        }
    }
    kept
}
