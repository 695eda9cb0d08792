//! From a path and a command line to a typed experiment: the way in to this room.
//!
//! Layers, each over the one before: defaults, the files of `extends`, the file, the chosen profile (the bases' first),
//! variables, `--hparams`, `-s`. Every layer is checked before any is merged, so all mistakes are reported together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{self, File, Files};
use super::merge::{Layer, Provenance};
use super::nearest::nearest;
use super::overrides::{Override, from_hparams, from_set, from_variable};
use super::problem::{IS_SWEEP, MISSING_KEY, Problem, Problems, UNKNOWN_KEY};
use super::profiles::Profiles;
use super::schema::{Schema, is_optional};
use super::source::Source;
use super::sweep::{self, Point};
use super::tree::{Entry, Node, Table, Value};
use super::{Experiment, shipped, variants, walk};

/// What the command line and the environment ask for, besides the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The profile to lay over the file.
    pub profile: Option<String>,
    /// The text of `--hparams`.
    pub hparams: Option<String>,
    /// The text of each `-s`, in order.
    pub sets: Vec<String>,
    /// Environment variables, by name and value; only those called `RUNNER__…` are looked at.
    pub env: Vec<(String, String)>,
    /// The point of the file's sweep that is meant; without it the file must have no `[sweep]`.
    pub point: Option<Point>,
}

/// A typed experiment and where each of its values came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is asked, complete: `name` is never empty.
    pub experiment: Experiment,
    /// Where each value came from.
    pub provenance: Provenance,
    /// The file it was loaded from; at a point of a sweep over experiments, that experiment's.
    pub path: PathBuf,
    /// Options that the point sets in tables that the experiment does not have: they are left out.
    pub left_out: Vec<String>,
}

impl Loaded {
    /// The file of the experiment called `name`: beside this one, else in `experiments/`; `None` if in neither.
    pub fn sibling(&self, name: &str) -> Option<PathBuf> {
        let file = format!("{name}.toml");
        let beside = self.path.parent().unwrap_or(Path::new("")).join(&file);
        [beside, Path::new("experiments").join(&file)].into_iter().find(|path| path.is_file())
    }
}

/// What reading an experiment came to.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The experiment; where there are problems, as if the faulty lines had not been written. `None` where nothing can be made of it.
    pub loaded: Option<Loaded>,
    /// Every problem of every layer, in the order: the file, its bases, profile, variables, `--hparams`, `-s`.
    pub problems: Vec<Problem>,
}

/// The experiment at `path` with everything laid over it.
///
/// # Errors
/// Every problem found.
pub fn load(path: &Path, request: &Request) -> Result<Loaded, Problems> {
    let Reading { loaded, problems } = read(path, request);
    match loaded {
        Some(loaded) if problems.is_empty() => Ok(loaded),
        _ => Err(Problems(problems)),
    }
}

/// Reads the experiment at `path` with everything laid over it, past its mistakes: what is sound can then be examined further, so that
/// all that is wrong is found at once.
pub fn read(path: &Path, request: &Request) -> Reading {
    match request.point.as_ref().and_then(Point::experiment) {
        Some(base) => put_together(&base, files::read_over(&base, path, Schema::get()), request),
        None => put_together(path, files::read(path, Schema::get()), request),
    }
}

/// The experiment called `name` that comes with the program.
///
/// # Errors
/// There is none of this name.
pub fn load_shipped(name: &str) -> Result<Experiment, Problems> {
    let path = PathBuf::from(format!("{name}.toml"));
    let Reading { loaded, problems } = put_together(&path, shipped::read(&path), &Request::default());
    loaded.map(|loaded| loaded.experiment).ok_or(Problems(problems))
}

fn put_together(path: &Path, read: Files, request: &Request) -> Reading {
    let schema = Schema::get();
    let Files { files, mut problems } = read;
    let Some(file) = files.last().map(|file| file.source.clone()) else {
        return Reading { loaded: None, problems };
    };
    let readable =
        files.iter().all(|file| file.sound) && problems.iter().all(|problem| problem.path != "extends");

    let (mut layers, wrong) = file_layers(files, request.profile.as_deref());
    let sweeps: Vec<_> = layers.iter_mut().filter_map(sweep::take).collect();
    let mut left_out = Vec::new();
    match (&request.point, sweeps.last()) {
        (Some(point), _) => left_out = set_point(point, &mut layers, schema),
        // What it lacks as an experiment, its points may have.
        (None, Some((source, entry))) => {
            problems.push(is_sweep(source, entry, path));
            return Reading { loaded: None, problems };
        }
        (None, None) => {}
    }
    if readable {
        problems.extend(wrong);
    }
    for (items, mut wrong, own) in overrides_of(request, schema, &model_of(&layers)) {
        for item in items {
            match in_full(&item, &layers, schema) {
                Ok(table) => {
                    wrong.extend(walk::check(&table, schema.layer(), schema, &item.source));
                    layers.push(Layer { source: item.source, table, own });
                }
                Err(problems) => wrong.extend(problems),
            }
        }
        wrong.sort_by_key(|problem| problem.col);
        problems.extend(wrong);
    }
    if readable {
        problems.extend(missing(&layers, schema, &file, &problems));
    }
    for layer in &mut layers {
        problems.iter().for_each(|problem| strike(&mut layer.table, &problem.path));
    }
    let loaded = match readable.then(|| typed(layers, file, path)) {
        Some(Ok(loaded)) => Some(Loaded { left_out, ..loaded }),
        Some(Err(untyped)) if problems.is_empty() => {
            problems = untyped.0;
            None
        }
        // What was struck out may leave a choice empty; the problems found say enough.
        _ => None,
    };
    Reading { loaded, problems }
}

/// Takes the faulty option at `path` out of a layer.
fn strike(table: &mut Table, path: &str) {
    let mut keys: Vec<&str> = path.split('.').collect();
    if keys.len() > 2 && keys[0] == "profile" {
        keys.drain(..2);
    }
    let Some((last, tables)) = keys.split_last() else { return };
    let mut inner = table;
    for key in tables {
        let entry = inner.entries.iter_mut().find(|entry| entry.key == *key);
        match entry.and_then(|entry| entry.node.table_mut()) {
            Some(table) => inner = table,
            None => return,
        }
    }
    inner.remove(last.split('[').next().unwrap_or(last));
}

fn typed(mut layers: Vec<Layer>, file: Arc<Source>, path: &Path) -> Result<Loaded, Problems> {
    let mut tables: Vec<Table> = layers.iter_mut().map(|layer| std::mem::take(&mut layer.table)).collect();
    variants::drop_replaced(&mut tables, Schema::get());
    for (layer, table) in layers.iter_mut().zip(tables) {
        layer.table = table;
    }
    let provenance = Provenance::merge(layers, file);
    let mut experiment = provenance.experiment()?;
    if experiment.name.is_empty() {
        experiment.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    }
    Ok(Loaded { experiment, provenance, path: path.to_owned(), left_out: Vec::new() })
}

/// Lays the point's options over the files. Returns those in tables that the experiment does not have: of teachers where there is none,
/// of another model. They are left out, as an axis serves experiments of several kinds.
fn set_point(point: &Point, layers: &mut Vec<Layer>, schema: &Schema) -> Vec<String> {
    let model = model_of(layers);
    let mut left_out = Vec::new();
    let mut set = Vec::new();
    for setting in point.options() {
        let keys: Vec<&str> = setting.path.split('.').collect();
        let table = &schema.layer()["properties"][keys[0]];
        let written = |layer: &Layer| layer.table.get(keys[0]).is_some();
        let required = schema.resolve(table)["x-required"].as_array().into_iter().flatten();
        let mut required = required.filter_map(|key| key.as_str());
        let is_set = |key: &str| point.options().any(|other| other.path == format!("{}.{key}", keys[0]));
        let absent = is_optional(table) && !layers.iter().any(written) && !required.all(is_set);
        match absent || (keys.len() > 2 && keys[0] == "model" && keys[1] != model) {
            true => left_out.push(setting.path.clone()),
            false => set.push(Layer { source: setting.source.clone(), table: setting.table(), own: false }),
        }
    }
    layers.extend(set);
    left_out
}

fn is_sweep(source: &Source, entry: &Entry, path: &Path) -> Problem {
    let path = path.display();
    let message = format!("`{path}` is a sweep: many runs, not one");
    source.problem(IS_SWEEP, entry.key_span.clone(), "sweep", message).with_help(format!(
        "`runner sweep {path}` runs them all, with `--dry-run` it lists them; one of them is the plain experiment with its options set"
    ))
}

/// Problems with arguments and variables that set what is an axis of the sweep.
pub(super) fn overridden(request: &Request, axes: &[&str]) -> Vec<Problem> {
    let all = overrides_of(request, Schema::get(), "wav2vec2");
    let items = all.into_iter().flat_map(|(items, ..)| items);
    let twice = items.filter(|item| axes.contains(&item.path().join(".").as_str()));
    let problem = |item: Override| {
        let path = item.path().join(".");
        let message = format!("`{path}` is an axis of this sweep and set for all of it");
        item.problem(message).with_help("take it out here, or out of `[sweep]`")
    };
    twice.map(problem).collect()
}

/// The layers the files make, lowest first: their own options, then the profile.
fn file_layers(files: Vec<File>, profile: Option<&str>) -> (Vec<Layer>, Vec<Problem>) {
    let mut profiles = Profiles::default();
    let mut layers = Vec::new();
    for File { source, table, .. } in files {
        let mut layer = Layer { source, table, own: false };
        layer.table.remove("extends");
        profiles.take(&mut layer);
        layers.push(layer);
    }
    // Under a profile, the file's own lines are what its profiles share.
    layers.iter_mut().next_back().into_iter().for_each(|layer| layer.own = profile.is_none());
    let (chosen, problems) = profiles.layers(profile);
    layers.extend(chosen);
    (layers, problems)
}

/// The family of models that the layers come to.
fn model_of(layers: &[Layer]) -> String {
    let chosen = |layer: &Layer| {
        let Value::Table(table) = &layer.table.find(&["model"])?.node.value else { return None };
        table.entries.first().map(|entry| entry.key.clone())
    };
    layers.iter().rev().find_map(chosen).unwrap_or_else(|| "wav2vec2".to_owned())
}

/// Everything set outside files, lowest first: for each argument or variable, its options, what is wrong with it, and whether it was
/// written for this run alone.
fn overrides_of(request: &Request, schema: &Schema, model: &str) -> Vec<(Vec<Override>, Vec<Problem>, bool)> {
    let mut variables: Vec<_> = request.env.iter().collect();
    variables.sort();
    let variables = variables.into_iter().filter_map(|(name, value)| from_variable(name, value, schema));
    let hparams = request.hparams.iter().map(|text| from_hparams(text, schema, model));
    let sets = request.sets.iter().map(|text| match from_set(text, schema) {
        Ok(item) => (vec![item], Vec::new(), true),
        Err(Problems(wrong)) => (Vec::new(), wrong, true),
    });
    let hparams = hparams.map(|(items, wrong)| (items, wrong, false));
    variables.map(|item| (vec![item], Vec::new(), true)).chain(hparams).chain(sets).collect()
}

/// The override as a layer; one element of a list brings the rest of the list along.
fn in_full(item: &Override, below: &[Layer], schema: &Schema) -> Result<Table, Problems> {
    let mut table = item.table();
    let Some(index) = item.index else { return Ok(table) };
    let path = item.path();
    let name = path.join(".");
    let not_a_list = || Problems::from(item.problem(format!("`{name}` is not a list")));
    let current = below.iter().rev().find_map(|layer| layer.table.find(&path)).map(|entry| &entry.node);
    let mut items = match current.map(|node| &node.value) {
        Some(Value::Array(items)) => items.clone(),
        Some(_) => return Err(not_a_list()),
        None => default_items(&path, schema).ok_or_else(not_a_list)?,
    };
    let count = items.len();
    let Some(slot) = items.get_mut(index) else {
        let message =
            format!("`{name}[{index}]` is beyond the end: the list has {count} elements, counted from 0");
        return Err(item.problem(message).into());
    };
    *slot = item.node.clone();
    // The elements that came from elsewhere have been checked there; here they all stand for the argument.
    items.iter_mut().for_each(|node| node.span = item.node.span.clone());
    if let Some(entry) = leaf_mut(&mut table) {
        *entry = Node { value: Value::Array(items), span: item.node.span.clone() };
    }
    Ok(table)
}

/// The value at the end of a table that sets one option.
fn leaf_mut(table: &mut Table) -> Option<&mut Node> {
    let node = &mut table.entries.first_mut()?.node;
    if node.table().is_some() { leaf_mut(node.table_mut()?) } else { Some(node) }
}

fn default_items(path: &[&str], schema: &Schema) -> Option<Vec<Node>> {
    let items = schema.at(path)?["default"].as_array()?;
    items.iter().map(|item| Node::parse(&item.to_string(), 0)).collect()
}

/// Options without a default that no layer sets.
fn missing(layers: &[Layer], schema: &Schema, file: &Source, problems: &[Problem]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (table, property) in schema.layer()["properties"].as_object().into_iter().flatten() {
        let written = layers.iter().rev().find_map(|layer| Some((&layer.source, layer.table.get(table)?)));
        // An optional table asks for nothing until someone writes it.
        let asks = written.is_some() || !is_optional(property);
        // A table that is none is complaint enough.
        if !asks || problems.iter().any(|problem| problem.path == *table) {
            continue;
        }
        let required = schema.resolve(property)["x-required"].as_array().into_iter().flatten();
        for key in required.filter_map(|key| key.as_str()) {
            // So is the same key misspelt.
            let misspelt = |p: &Problem| {
                p.code == UNKNOWN_KEY
                    && p.path.rsplit_once('.').is_some_and(|(t, k)| t == table && nearest(k, [key]).is_some())
            };
            let set = layers.iter().any(|layer| layer.table.find(&[table, key]).is_some());
            if set || problems.iter().any(misspelt) {
                continue;
            }
            let (path, message) = (format!("{table}.{key}"), format!("`{key}` in `[{table}]` is not set"));
            let problem = match written {
                Some((source, entry)) => source.problem(MISSING_KEY, entry.key_span.clone(), &path, message),
                None => file.problem_throughout(MISSING_KEY, &path, message),
            };
            let option = schema.at(&[table, key]);
            let doc = option.and_then(|option| option["description"].as_str()?.lines().next());
            found.push(problem.with_help(match doc {
                Some(doc) => format!("`{key}`: {}", doc.trim_end_matches('.')),
                None => format!("`{key}` has no default"),
            }));
        }
    }
    found
}
