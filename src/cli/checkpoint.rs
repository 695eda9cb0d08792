//! A checkpoint that a command names: `RUN`, `RUN@best`, `RUN@latest` or `RUN@STEP`.

use std::path::PathBuf;

use kernels::Cpu;

use super::arguments::Request;
use super::failure::{self, Failure};
use super::order::plan_alone;
use crate::model::{Model, weights};
use crate::plan::Plan;
use crate::record::checkpoint::{self, Pointer};
use crate::record::{Folder, Identity};

/// A run's checkpoint and what the run was.
pub struct Named {
    pub folder: Folder,
    pub identity: Identity,
    pub plan: Plan,
    pub step: u64,
}

impl Named {
    /// Finds what `text` names.
    ///
    /// # Errors
    /// There is no such run, or it has no such checkpoint.
    pub fn find(text: &str) -> Result<Self, Failure> {
        let (run, which) = text.rsplit_once('@').unwrap_or((text, "best"));
        let folder = Folder::at(run);
        let identity = Identity::read(&folder)?.ok_or_else(|| {
            Failure::new(failure::MISSING, format!("{} is no run's folder", folder.dir().display()))
                .hint("give the folder that `runner results` lists, for example results/runs/NAME-HASH@best")
        })?;
        let step = step_of(&folder, which)?;
        let request =
            Request { experiment: folder.config_toml(), profile: None, hparams: None, sets: Vec::new() };
        Ok(Self { plan: plan_alone(&request)?, identity, folder, step })
    }

    /// The file with its weights.
    pub fn weights(&self) -> PathBuf {
        checkpoint::dir(self.folder.dir(), self.step).join("model.safetensors")
    }

    /// The model with its weights.
    ///
    /// # Errors
    /// The weights cannot be read or do not fit.
    pub fn model(&self, device: &Cpu) -> Result<Model<Cpu>, Failure> {
        let mut model = Model::draw(device, &self.plan.model, self.plan.run.seed)?;
        weights::load(&mut model.params, &self.weights(), weights::Match::Strict)?;
        Ok(model)
    }
}

fn step_of(folder: &Folder, which: &str) -> Result<u64, Failure> {
    let steps = checkpoint::steps(folder.dir())?;
    let step = match which {
        "best" => checkpoint::pointed(folder.dir(), Pointer::Best),
        "latest" => checkpoint::pointed(folder.dir(), Pointer::Latest),
        step => step.parse().ok().filter(|step| steps.contains(step)),
    };
    step.ok_or_else(|| {
        let there: Vec<String> = steps.iter().map(u64::to_string).collect();
        let message = format!("the run has no checkpoint `{which}`");
        Failure::new(failure::MISSING, message).hint(format!("it has {}", there.join(", ")))
    })
}
