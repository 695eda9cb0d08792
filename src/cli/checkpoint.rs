//! A checkpoint that a command names: one of a run's, a folder that `runner export` wrote, or one of CALD's published programs.

use std::path::{Path, PathBuf};

use kernels::Backend;

use super::Talk;
use super::arguments::{ModelArguments, Request};
use super::failure::{self, Failure};
use super::order::plan_alone;
use super::which;
use crate::config::{Experiment, resolved_toml};
use crate::import;
use crate::model::{Model, Published, weights};
use crate::plan::{self, Plan};
use crate::record::checkpoint::{self, Pointer};
use crate::record::{Folder, Identity};

/// The hparams that the published programs leave beside their checkpoints.
const HPARAMS: &str = "hparams.json";

/// A checkpoint, and what was trained.
#[derive(Clone)]
pub struct Named {
    /// The folder it belongs to: where results go.
    pub dir: PathBuf,
    /// The run it is of; `None` for checkpoints that came from elsewhere.
    pub run: Option<Folder>,
    pub id: String,
    pub name: String,
    pub plan: Plan,
    /// The updates behind it; of several checkpoints, the last one's.
    pub step: u64,
    /// Which checkpoint it is, for names of folders: `200`, or `100-300` for the mean of several.
    pub which: String,
    /// The files with its weights: their mean is the model's.
    pub weights: Vec<PathBuf>,
    /// The experiment as TOML, every option filled in.
    pub experiment: String,
}

impl Named {
    /// Finds what is named.
    ///
    /// # Errors
    /// There is no such run, or it has no such checkpoint.
    pub fn find(arguments: &ModelArguments, talk: Talk) -> Result<Self, Failure> {
        let (path, which) = arguments.model.rsplit_once('@').unwrap_or((&arguments.model, ""));
        let path = which::folder_of_run(path)?;
        let mut named = match (path.join("experiment.toml").is_file(), published(&path, which)?) {
            (_, Some(checkpoint)) => return Self::published(checkpoint, arguments, talk),
            (true, None) => Self::exported(&path)?,
            (false, None) => Self::of_run(&path, if which.is_empty() { "best" } else { which })?,
        };
        if arguments.hparams.is_some() {
            let message = "`--hparams` is for checkpoints of the published programs";
            return Err(Failure::new(failure::REQUEST, message)
                .help("a run is judged with its own options; for others, change the experiment and run it"));
        }
        if let Some(data) = &arguments.data {
            named.plan.data.dir = data.display().to_string();
        }
        Ok(named)
    }

    /// The same, where nothing but its name is given.
    ///
    /// # Errors
    /// As [`Named::find`].
    pub fn called(model: &str, talk: Talk) -> Result<Self, Failure> {
        Self::find(&ModelArguments { model: model.to_owned(), data: None, hparams: None }, talk)
    }

    fn of_run(path: &Path, which: &str) -> Result<Self, Failure> {
        let folder = Folder::at(path);
        let identity = Identity::read(&folder)?.ok_or_else(|| {
            let message = format!("`{}` is no run's folder, and no checkpoint", folder.dir().display());
            Failure::new(failure::MISSING, message).help(
                "give the name that `runner results` lists, for example `NAME-HASH@best`, or the folder of the run",
            )
        })?;
        let steps = steps_of(&folder, which)?;
        let (first, step) = (steps[0], steps[steps.len() - 1]);
        let request =
            Request { experiment: folder.config_toml(), profile: None, hparams: None, sets: Vec::new() };
        Ok(Self {
            dir: folder.dir().to_owned(),
            weights: steps
                .iter()
                .map(|&step| checkpoint::dir(folder.dir(), step).join("model.safetensors"))
                .collect(),
            which: if first == step { step.to_string() } else { format!("{first}-{step}") },
            experiment: read(&folder.config_toml())?,
            plan: plan_alone(&request)?,
            id: identity.id,
            name: identity.name,
            run: Some(folder),
            step,
        })
    }

    /// A folder that `runner export` wrote; its vocabulary and class names lie in it.
    fn exported(folder: &Path) -> Result<Self, Failure> {
        let experiment = folder.join("experiment.toml");
        let request =
            Request { experiment: experiment.clone(), profile: None, hparams: None, sets: Vec::new() };
        let mut plan = plan_alone(&request)?;
        plan.data.dir = folder.display().to_string();
        plan.data.vocab_path = "vocab.json".into();
        plan.data.categories_path = "categories.json".into();
        Ok(Self {
            dir: folder.to_owned(),
            run: None,
            id: plan.id.clone(),
            name: plan.name.clone(),
            step: plan.train.max_steps,
            which: plan.train.max_steps.to_string(),
            plan,
            weights: vec![folder.join("model.safetensors")],
            experiment: read(&experiment)?,
        })
    }

    /// A checkpoint of the published programs, built as their infer.py builds it: from the hparams beside it, and those given on top.
    fn published(found: Published, arguments: &ModelArguments, talk: Talk) -> Result<Self, Failure> {
        let dir = found.path.parent().unwrap_or(Path::new("")).to_owned();
        let hparams = dir.join(HPARAMS);
        if !hparams.is_file() {
            let message = format!("there is no `{}`, which says what model it is", hparams.display());
            return Err(Failure::new(failure::MISSING, message).help(
                "the published programs write it into their log folder; copy it beside the checkpoint",
            ));
        }
        let Some(data) = &arguments.data else {
            return Err(Failure::new(
                failure::REQUEST,
                "a published checkpoint does not say what it was trained on",
            )
            .help("name the prepared corpus whose vocabulary it has: `--data DIR`"));
        };
        let readable = |path: &Path| std::fs::read_to_string(path);
        let (mut experiment, notes) = import::published(&hparams, arguments.hparams.as_deref(), &readable)?;
        for note in notes {
            talk.say(format_args!("{note}"));
        }
        // Who taught it does not matter any more.
        experiment.distill = None;
        experiment.data.dir = data.display().to_string();
        experiment.name = file_name(&std::path::absolute(&dir).unwrap_or_else(|_| dir.clone()));
        let plan = resolved(&experiment)?;
        Ok(Self {
            dir,
            run: None,
            id: plan.id.clone(),
            name: plan.name.clone(),
            plan,
            step: found.step,
            which: found.step.to_string(),
            weights: vec![found.path],
            experiment: resolved_toml(&experiment, &[])
                .map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?,
        })
    }

    /// The model with its weights.
    ///
    /// # Errors
    /// The weights cannot be read or do not fit.
    pub fn model<D: Backend>(&self, device: &D) -> Result<Model<D>, Failure> {
        let tensors = weights::mean(&self.weights)?;
        let mut model = Model::draw(device, &self.plan.model, self.plan.run.seed)?;
        weights::take(&mut model.params, &tensors, &self.weights[0], weights::Match::Strict)?;
        Ok(model)
    }

    /// The checkpoints that its weights are the mean of, each by itself.
    pub fn members(&self) -> Vec<Self> {
        let member = |file: &PathBuf| Self { weights: vec![file.clone()], ..self.clone() };
        self.weights.iter().map(member).collect()
    }
}

fn resolved(experiment: &Experiment) -> Result<Plan, Failure> {
    plan::resolve(experiment, Vec::new()).map_err(|found| {
        let said: Vec<String> = found.into_iter().map(|problem| problem.message).collect();
        Failure::new(failure::REQUEST, format!("the hparams contradict each other: {}", said.join("; ")))
    })
}

/// The published checkpoint that `path` is, or the one of its folder that `which` says; the newest without a word, as infer.py takes it.
fn published(path: &Path, which: &str) -> Result<Option<Published>, Failure> {
    if path.is_file() {
        return match Published::named(path) {
            Some(found) => Ok(Some(found)),
            None => Err(Failure::new(failure::REQUEST, format!("`{}` is no checkpoint", path.display()))
                .help("checkpoints are run folders, exported folders, and files called `model.ckpt-STEP`")),
        };
    }
    let mut all = Published::in_folder(path);
    if all.is_empty() {
        return Ok(None);
    }
    let found = match which {
        "" | "latest" => all.pop(),
        step => all.iter().find(|checkpoint| checkpoint.step.to_string() == step).cloned(),
    };
    match found {
        Some(found) => Ok(Some(found)),
        None => {
            let there: Vec<String> = all.iter().map(|checkpoint| checkpoint.step.to_string()).collect();
            Err(Failure::new(failure::MISSING, format!("`{}` has no checkpoint `{which}`", path.display()))
                .help(format!("it has {}", there.join(", "))))
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::new(failure::IO, format!("cannot read `{}`: {error}", path.display())))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "published".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The steps of the checkpoints that are meant, at least one, ascending.
fn steps_of(folder: &Folder, which: &str) -> Result<Vec<u64>, Failure> {
    let steps = checkpoint::steps(folder.dir())?;
    let within = |(first, last): (&str, &str)| -> Option<Vec<u64>> {
        let span = first.parse::<u64>().ok()?..=last.parse::<u64>().ok()?;
        Some(steps.iter().copied().filter(|step| span.contains(step)).collect())
    };
    let pointed = |pointer| checkpoint::pointed(folder.dir(), pointer).into_iter().collect();
    let found: Vec<u64> = match which {
        "best" => pointed(Pointer::Best),
        "latest" => pointed(Pointer::Latest),
        span if span.contains("..") => span.split_once("..").and_then(within).unwrap_or_default(),
        step => step.parse().ok().filter(|step| steps.contains(step)).into_iter().collect(),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    let there: Vec<String> = steps.iter().map(u64::to_string).collect();
    let message = format!("the run has no checkpoint `{which}`");
    Err(Failure::new(failure::MISSING, message).help(format!("it has {}", there.join(", "))))
}
