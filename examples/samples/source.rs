//! Models that the command line names: runs, or experiments as they are drawn.

use std::error::Error;
use std::path::Path;

use kernels::Cpu;
use runner::config;
use runner::model::{Model, weights};
use runner::plan::{self, Plan};
use runner::record::checkpoint::{self, Pointer};
use runner::record::{Folder, Identity};

/// A model, and what it is called in the table.
pub struct Source {
    pub plan: Plan,
    pub model: Model<Cpu>,
    pub name: String,
}

/// The model of `RUN[@best|latest|STEP]`, or of an experiment's TOML file with the weights that it starts from.
pub fn open(named: &str, profile: Option<&str>) -> Result<Source, Box<dyn Error>> {
    let (path, which) = named.rsplit_once('@').unwrap_or((named, "best"));
    if path.ends_with(".toml") {
        let (plan, model) = drawn(Path::new(path), profile, Vec::new())?;
        let name = format!("{} with random weights", plan.name);
        return Ok(Source { plan, model, name });
    }
    let folder = Folder::at(path);
    let identity = Identity::read(&folder)?.ok_or_else(|| format!("`{path}` is no run's folder"))?;
    let step = match which {
        "best" => checkpoint::pointed(folder.dir(), Pointer::Best),
        "latest" => checkpoint::pointed(folder.dir(), Pointer::Latest),
        step => step.parse().ok(),
    };
    let step = step.ok_or_else(|| format!("`{path}` has no checkpoint `{which}`"))?;
    let (plan, mut model) = drawn(&folder.config_toml(), None, Vec::new())?;
    let file = checkpoint::dir(folder.dir(), step).join("model.safetensors");
    weights::load(&mut model.params, &file, weights::Match::Strict)?;
    Ok(Source { plan, model, name: format!("{}@{step}", identity.id) })
}

/// The plan of an experiment and its model as it is drawn.
pub fn drawn(
    experiment: &Path,
    profile: Option<&str>,
    sets: Vec<String>,
) -> Result<(Plan, Model<Cpu>), Box<dyn Error>> {
    let request = config::Request { profile: profile.map(str::to_owned), sets, ..config::Request::default() };
    let mut loaded = config::load(experiment, &request).map_err(|problems| problems.to_string())?;
    loaded.experiment.distill = None;
    loaded.experiment.continue_from = None;
    let plan = plan::resolve(&loaded.experiment, Vec::new())
        .map_err(|found| found.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; "))?;
    let model = Model::draw(&Cpu::default(), &plan.model, plan.run.seed)?;
    Ok((plan, model))
}
