//! Who reads an option? Found by changing it and looking at what else the plan becomes.
//!
//! No list to keep true by hand: an option that changes nothing is read by nobody. `check` refuses such options where they were written
//! for this run alone, `explain` names the reader. Start at [`idle`] and [`readers`].

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::model::model_plan;
use super::{ModelPlan, Need, NeedKind, Plan, needs, resolve};
use crate::config::{DataFormat, Experiment, Metric, Model, Schema, Slurm};

/// A part of a run that reads options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    Run,
    Data,
    Model,
    Training,
    Teacher,
    Judging,
    Output,
    Start,
    Cluster,
}

impl Reader {
    /// The part's name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Reader::Run => "the run as a whole",
            Reader::Data => "the data pipeline",
            Reader::Model => "the model",
            Reader::Training => "the training loop",
            Reader::Teacher => "the teacher's part of the loss",
            Reader::Judging => "evaluation and checkpoints",
            Reader::Output => "what a run leaves behind",
            Reader::Start => "the start of the run",
            Reader::Cluster => "its job on a cluster",
        }
    }
}

/// Who reads one option, and whether it says what a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub readers: BTreeSet<Reader>,
    /// Another value makes another run.
    pub part_of_identity: bool,
    /// Another option that has to change before this one is read, as `key = value`.
    pub only_if: Option<String>,
}

/// Options among `paths` that nothing reads in this experiment.
pub fn idle(experiment: &Experiment, needs: &[Need], paths: &[String]) -> Vec<String> {
    let Some(subject) = Subject::new(experiment, needs) else { return Vec::new() };
    paths.iter().filter(|path| !subject.is_read(path)).cloned().collect()
}

/// The change of another option after which `path`, idle now, is read: `key = value`.
pub fn condition(experiment: &Experiment, needs: &[Need], path: &str) -> Option<String> {
    Subject::new(experiment, needs)?.condition(path)
}

/// Who reads the option `path`, in an experiment where most options are in use; `None` for a path that names none.
pub fn readers(path: &str) -> Option<Reading> {
    // What pre-trains by default has options that only its classifiers read.
    let minute = json!({"target_length": 6144});
    let classifying = models(json!({"task": "ft_avgtok_1sec", "num_targets": [2], "features": minute}));
    let busy: Vec<Experiment> = families().into_iter().chain(classifying).map(busy_experiment).collect();
    let subjects = || busy.iter().filter_map(|experiment| Subject::new(experiment, &[]));
    for subject in subjects() {
        if let Some((readers, part_of_identity)) = subject.readers(path) {
            return Some(Reading { readers, part_of_identity, only_if: subject.default_condition(path) });
        }
    }
    let (condition, (readers, part_of_identity)) =
        subjects().find_map(|subject| subject.with_condition(path))?;
    Some(Reading { readers, part_of_identity, only_if: Some(condition) })
}

/// Every family of models, as its table is by default.
fn families() -> Vec<Model> {
    models(json!({}))
}

/// Every family that takes these options, the others as they are by default.
fn models(options: Json) -> Vec<Model> {
    let tables = Schema::get().at(&["model"]).and_then(|node| node["properties"].as_object());
    let model = |name: &String| serde_json::from_value(json!({ name: options })).ok();
    tables.into_iter().flat_map(|tables| tables.keys()).filter_map(model).collect()
}

/// The defaults with this model.
fn quiet_experiment(model: Model) -> Experiment {
    let mut experiment = Experiment { model, slurm: Some(Slurm::default()), ..Experiment::default() };
    experiment.name.push('x');
    experiment.data.dir.push('x');
    let model = sizes(&experiment);
    match (model.heads(), model.ctc()) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => {
            experiment.train.ctc_weight = 0.0;
            experiment.eval.select = Metric::ClfAcc;
            experiment.data.data_format = DataFormat::NltLa;
        }
        (None, _) => experiment.eval.select = Metric::Loss,
    }
    experiment
}

/// The model of an experiment, whatever is wrong with it.
fn sizes(experiment: &Experiment) -> ModelPlan {
    model_plan(&experiment.model, experiment.data.sr, &mut Vec::new())
}

/// An experiment that uses nearly everything there is for this model.
fn busy_experiment(model: Model) -> Experiment {
    let quiet = quiet_experiment(model);
    let teaches = sizes(&quiet).wav2vec2().is_some();
    let mut json = serde_json::to_value(quiet).unwrap_or_default();
    for (path, value) in [
        ("/data/data_format", json!("nltLa")),
        ("/model/wav2vec2/asr_use_mamba", json!(true)),
        ("/model/wav2vec2/use_classifier", json!(true)),
        ("/model/sashimi/unet", json!(true)),
        ("/train/accumulation_steps", json!(2)),
        ("/eval/sounds", json!(1)),
    ] {
        json.pointer_mut(path).into_iter().for_each(|at| *at = value.clone());
    }
    if teaches {
        json["distill"] = json!({"teacher": "t", "guidance": "waypoint", "teacher_mode": "reference"});
    }
    serde_json::from_value(json).unwrap_or_default()
}

/// An experiment to be changed one option at a time.
struct Subject<'a> {
    json: Json,
    needs: &'a [Need],
    /// The needs as the experiment names them.
    named: Vec<(NeedKind, String)>,
    plan: Plan,
}

impl<'a> Subject<'a> {
    fn new(experiment: &Experiment, needs: &'a [Need]) -> Option<Self> {
        let json = serde_json::to_value(experiment).ok()?;
        Some(Self {
            plan: resolve(experiment, needs.to_vec()).ok()?,
            named: super::needs(experiment),
            json,
            needs,
        })
    }

    /// Whether the option's table is there.
    fn has_place(&self, path: &str) -> bool {
        let table =
            path.rsplit_once('.').map_or(String::new(), |(table, _)| format!("/{}", table.replace('.', "/")));
        self.json.pointer(&table).is_some_and(Json::is_object)
    }

    /// Whether anything reads the option.
    fn is_read(&self, path: &str) -> bool {
        let mut refused = self.has_place(path);
        for experiment in self.candidates(path).into_iter().filter_map(|value| self.with(path, value)) {
            let Ok(plan) = resolve(&experiment, self.needs.to_vec()) else { continue };
            refused = false;
            if plan != self.plan || needs(&experiment) != self.named {
                return true;
            }
        }
        refused
    }

    /// Who reads the option, and whether its value is part of the identity; `None`: nobody.
    fn readers(&self, path: &str) -> Option<(BTreeSet<Reader>, bool)> {
        let (mut readers, mut identity, mut refused) = (BTreeSet::new(), false, self.has_place(path));
        for candidate in self.candidates(path) {
            let Some(experiment) = self.with(path, candidate) else { continue };
            if needs(&experiment) != self.named {
                readers.insert(Reader::Start);
                identity = true;
            }
            let Ok(plan) = resolve(&experiment, self.needs.to_vec()) else { continue };
            refused = false;
            readers.extend(differing(&self.plan, &plan));
            identity |= plan.id != self.plan.id;
        }
        // An option that allows no other value here is as much in use as any.
        if refused && readers.is_empty() {
            return self.candidates(path).first().map(|_| ([Reader::Run].into(), true));
        }
        (!readers.is_empty()).then_some((readers, identity))
    }

    /// The first other option that, changed, has this one read: `key = value`.
    fn condition(&self, path: &str) -> Option<String> {
        self.with_condition(path).map(|(condition, _)| condition)
    }

    fn with_condition(&self, path: &str) -> Option<(String, (BTreeSet<Reader>, bool))> {
        let switches =
            Schema::get().leaves().iter().map(crate::config::Leaf::dotted).filter(|leaf| leaf != path);
        for switch in switches {
            for value in self.candidates(&switch) {
                let Some(experiment) = self.with(&switch, value.clone()) else { continue };
                let Some(changed) = Subject::new(&experiment, self.needs) else { continue };
                if changed.is_read(path)
                    && let Some(found) = changed.readers(path)
                {
                    return Some((format!("{switch} = {value}"), found));
                }
            }
        }
        None
    }

    /// The condition under which an option that the busy experiment reads is read at all, seen from the defaults.
    fn default_condition(&self, path: &str) -> Option<String> {
        let mut experiment = quiet_experiment(self.experiment()?.model);
        experiment.model = families().into_iter().find(|family| same(family, &experiment.model))?;
        if path.starts_with("distill.") {
            experiment.distill = self.experiment()?.distill;
        }
        let quiet = Subject::new(&experiment, &[])?;
        if quiet.readers(path).is_some() { None } else { quiet.condition(path) }
    }

    fn experiment(&self) -> Option<Experiment> {
        serde_json::from_value(self.json.clone()).ok()
    }

    /// The experiment with another value for one option; `None` where it has no place for it.
    fn with(&self, path: &str, value: Json) -> Option<Experiment> {
        let mut json = self.json.clone();
        let mut node = &mut json;
        let (tables, leaf) = path.rsplit_once('.').unwrap_or(("", path));
        for key in tables.split('.').filter(|key| !key.is_empty()) {
            node = node.get_mut(key)?;
        }
        node.as_object_mut()?.insert(leaf.to_owned(), value);
        serde_json::from_value(json).ok()
    }

    /// Other values that the option might take.
    fn candidates(&self, path: &str) -> Vec<Json> {
        let keys: Vec<&str> = path.split('.').collect();
        let Some(option) = Schema::get().at(&keys) else { return Vec::new() };
        let now = self.json.pointer(&format!("/{}", keys.join("/"))).unwrap_or(&Json::Null);
        others(option, now).into_iter().filter(|value| value != now).collect()
    }
}

/// Whether two models are of one family.
fn same(a: &Model, b: &Model) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn others(option: &Json, now: &Json) -> Vec<Json> {
    if let Some(choices) = Schema::words(option) {
        return choices.clone();
    }
    match option["type"].as_str().unwrap_or_default() {
        "object" => {
            let required = option["x-required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            vec![Json::Object(required.map(|key| (key.to_owned(), json!("x"))).collect())]
        }
        "boolean" => vec![json!(true), json!(false)],
        "integer" => {
            let now = now.as_u64().unwrap_or(0);
            let most = option["maximum"].as_u64().unwrap_or(u64::MAX / 4);
            let values = [now.saturating_add(1), now / 2, now.saturating_mul(2), 1];
            values.into_iter().filter(|value| *value <= most).map(Json::from).collect()
        }
        "number" => {
            let now = now.as_f64().unwrap_or(0.0);
            vec![json!(now / 2.0), json!((now + 1.0) / 2.0), json!(now * 2.0)]
        }
        "array" => {
            let item = &now[0];
            let items = others(Schema::get().resolve(&option["items"]), item).into_iter();
            let length = now.as_array().map_or(1, Vec::len).max(1);
            items.map(|item| Json::from(vec![item; length])).collect()
        }
        _ => {
            let now = now.as_str().unwrap_or_default();
            vec![json!(format!("{now}x")), json!("random:5"), json!("wav2vec2"), json!("x@1"), json!("1h")]
        }
    }
}

/// The parts in which two plans differ.
fn differing(a: &Plan, b: &Plan) -> Vec<Reader> {
    let parts = [
        (Reader::Run, a.run != b.run || a.name != b.name || a.description != b.description),
        (Reader::Data, a.data != b.data),
        (Reader::Model, a.model != b.model),
        (Reader::Training, a.train != b.train),
        (Reader::Teacher, a.distill != b.distill || a.teacher_heads != b.teacher_heads),
        (Reader::Judging, a.eval != b.eval),
        (Reader::Output, a.output != b.output),
        (Reader::Cluster, a.slurm != b.slurm),
        (Reader::Start, a.start != b.start || a.needs != b.needs),
    ];
    parts.into_iter().filter(|(_, differ)| *differ).map(|(reader, _)| reader).collect()
}
