//! From a plan to a model that can run.

use std::path::{Path, PathBuf};

use kernels::{Backend, OpError};

use super::sashimi::published::PublishedError;
use super::weights::{self, Brought, Match, WeightsError};
use super::{Network, patches, pretrained, sashimi};
use crate::nn::{Declaration, Params, Scope};
use crate::plan::{Body, ModelPlan, PatchesPlan, Pretrained};

/// Why a model cannot be built or loaded.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// An op refused or the device failed.
    #[error(transparent)]
    Op(#[from] OpError),
    /// A file of weights does not fit or cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The pretrained weights are not on this machine.
    #[error("the pretrained weights `{name}` were looked for in {} and are not there", looked_in.display())]
    PretrainedMissing { name: String, looked_in: PathBuf },
    /// A published checkpoint cannot be read.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// The pretrained weights are those of another architecture.
    #[error("`{}/config.json` is of another model: {}", folder.display(), conflicts.join("; "))]
    Conflict { folder: PathBuf, conflicts: Vec<String> },
}

/// A network with its parameters on a device.
pub struct Model<D: Backend> {
    pub network: Network,
    /// What it was made from.
    pub plan: ModelPlan,
    pub params: Params<D>,
    pub declarations: Vec<Declaration>,
    /// What a pretrained checkpoint brought, if there was one.
    pub brought: Option<Brought>,
}

impl<D: Backend> Model<D> {
    /// The network of `plan` with freshly drawn weights.
    ///
    /// What a pretrained checkpoint would bring is drawn from the plan's source seed, so that all who start from it start
    /// equal; heads and mixers are drawn from `seed`, the run's own.
    ///
    /// # Errors
    /// The device has no room.
    pub fn draw(device: &D, plan: &ModelPlan, seed: u64) -> Result<Self, ModelError> {
        let (network, declarations) = declare(plan);
        let mut params = Params::draw(device, &declarations, seed)?;
        if let Pretrained::Random { seed: source } = plan.pretrained {
            params.redraw(&declarations, source, |name| plan.is_source(name))?;
        }
        let mut model = Model { network, plan: plan.clone(), params, declarations, brought: None };
        model.freeze(None);
        Ok(model)
    }

    /// [`Model::draw`], then the pretrained weights of the plan, if it names a folder.
    ///
    /// # Errors
    /// The folder is missing or does not fit the plan.
    pub fn build(device: &D, plan: &ModelPlan, seed: u64) -> Result<Self, ModelError> {
        let mut model = Self::draw(device, plan, seed)?;
        let name = match &plan.pretrained {
            Pretrained::None | Pretrained::Random { .. } => return Ok(model),
            Pretrained::Folder(name) => name.clone(),
            Pretrained::Run { dir, .. } => best_of(dir)?,
        };
        let name = &name;
        if plan.tiers().is_some() {
            model.brought = Some(model.take_checkpoint(Path::new(name))?);
        } else if let Body::Patches(plan) = &plan.body {
            model.brought = Some(model.take_patches(plan, name)?);
        } else {
            let folder = weights::locate(name)
                .map_err(|looked_in| ModelError::PretrainedMissing { name: name.clone(), looked_in })?;
            let conflicts =
                plan.wav2vec2().map_or_else(Vec::new, |plan| pretrained::conflicts(&folder, plan));
            if !conflicts.is_empty() {
                return Err(ModelError::Conflict { folder, conflicts });
            }
            let wanted = |name: &str| plan.is_source(name);
            model.brought = Some(weights::load_pretrained(&mut model.params, &folder, wanted)?);
        }
        Ok(model)
    }

    /// The model of a checkpoint that the programs of SaShiMi or DiffWave-unconditional left, with its weights.
    ///
    /// # Errors
    /// The device has no room, or the file contradicts itself.
    pub fn published(device: &D, found: &sashimi::published::Found, path: &Path) -> Result<Self, ModelError> {
        let mut model = Self::draw(device, &found.plan(), 0)?;
        weights::take(&mut model.params, &found.tensors, path, Match::Strict)?;
        Ok(model)
    }

    /// Takes all weights from a checkpoint of ours, or of one that the published programs left.
    fn take_checkpoint(&mut self, path: &Path) -> Result<Brought, ModelError> {
        let path = &pretrained::file_in(path).unwrap_or_else(|| path.to_owned());
        let ours = path.extension().is_some_and(|extension| extension == "safetensors");
        let loaded = match ours {
            true => weights::load(&mut self.params, path, Match::Strict)?,
            false => {
                let found = sashimi::published::read(path)?;
                weights::take(&mut self.params, &found.tensors, path, Match::Strict)?
            }
        };
        Ok(Brought { loaded, ..Brought::default() })
    }

    /// Takes the weights of a checkpoint of ours, or of one that the published programs left, positions brought to this plan's patches.
    fn take_patches(&mut self, plan: &PatchesPlan, name: &str) -> Result<Brought, ModelError> {
        let path = match Path::new(name) {
            path if path.is_file() => path.to_owned(),
            _ => weights::locate(name)
                .map_err(|looked_in| ModelError::PretrainedMissing { name: name.to_owned(), looked_in })?,
        };
        let misfit = |misfit| WeightsError::Misfit { path: path.clone(), misfits: vec![misfit] };
        let tensors = patches::positions::adapt(plan, pretrained::read(&path)?).map_err(misfit)?;
        let wanted = |name: &str| self.plan.is_source(name);
        Ok(weights::take_pretrained(&mut self.params, &tensors, &path, wanted)?)
    }

    /// Freezes what the plan freezes throughout, and every parameter whose name starts with `prefix`.
    pub fn freeze(&mut self, prefix: Option<&str>) {
        let plan = &self.plan;
        self.params.set_trainable(|name| {
            let frozen = plan.freezes(name) || prefix.is_some_and(|prefix| name.starts_with(prefix));
            !frozen
        });
    }
}

/// The folder with the best weights of the run in `dir`.
fn best_of(dir: &Path) -> Result<String, ModelError> {
    let best = dir.join("checkpoints/best");
    let name = best.display().to_string();
    match pretrained::file_in(&best) {
        Some(_) => Ok(name),
        None => Err(ModelError::PretrainedMissing { name, looked_in: dir.to_owned() }),
    }
}

/// The network of a plan and everything it declares, without allocating anything.
pub fn declare(plan: &ModelPlan) -> (Network, Vec<Declaration>) {
    let mut declarations = Vec::new();
    let network = Network::declare(&mut Scope::root(&mut declarations), &plan.body);
    (network, declarations)
}
