//! From a plan to a model that can run.

use std::path::PathBuf;

use kernels::{Backend, OpError};

use super::weights::{self, Brought, WeightsError};
use super::{Wav2vec2, pretrained};
use crate::nn::{Declaration, Params, Scope};
use crate::plan::{ModelPlan, Pretrained};

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
    /// The pretrained weights are those of another architecture.
    #[error("`{}/config.json` is of another model: {}", folder.display(), conflicts.join("; "))]
    Conflict { folder: PathBuf, conflicts: Vec<String> },
}

/// A network with its parameters on a device.
pub struct Model<D: Backend> {
    pub network: Wav2vec2,
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
            params.redraw(&declarations, source, is_source)?;
        }
        let mut model = Model { network, params, declarations, brought: None };
        model.freeze(None);
        Ok(model)
    }

    /// [`Model::draw`], then the pretrained weights of the plan, if it names a folder.
    ///
    /// # Errors
    /// The folder is missing or does not fit the plan.
    pub fn build(device: &D, plan: &ModelPlan, seed: u64) -> Result<Self, ModelError> {
        let mut model = Self::draw(device, plan, seed)?;
        if let Pretrained::Folder(name) = &plan.pretrained {
            let folder = weights::locate(name)
                .map_err(|looked_in| ModelError::PretrainedMissing { name: name.clone(), looked_in })?;
            let conflicts = pretrained::conflicts(&folder, plan);
            if !conflicts.is_empty() {
                return Err(ModelError::Conflict { folder, conflicts });
            }
            model.brought = Some(weights::load_pretrained(&mut model.params, &folder, is_source)?);
        }
        Ok(model)
    }

    /// Freezes the feature encoder if the plan says so, and every parameter whose name starts with `prefix`.
    pub fn freeze(&mut self, prefix: Option<&str>) {
        let encoder_frozen = self.network.plan().freeze_feature_encoder;
        self.params.set_trainable(|name| {
            let frozen = encoder_frozen && name.starts_with("wav2vec2.feature_extractor.")
                || prefix.is_some_and(|prefix| name.starts_with(prefix));
            !frozen
        });
    }
}

/// The network of a plan and everything it declares, without allocating anything.
pub fn declare(plan: &ModelPlan) -> (Wav2vec2, Vec<Declaration>) {
    let mut declarations = Vec::new();
    let network = Wav2vec2::declare(&mut Scope::root(&mut declarations), plan);
    (network, declarations)
}

/// Whether a pretrained checkpoint brings this parameter: the body, attention included, but no head and no mixer.
fn is_source(name: &str) -> bool {
    name.starts_with("wav2vec2.") && !name.contains("_mamba.")
}
