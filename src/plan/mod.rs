//! What will happen? The experiment with every default filled in, every size derived and every shape proven.
//!
//! [`resolve`] is pure: it reads the typed experiment and its needs, returns a [`Plan`] or every problem at once, and touches no file.
//! After it nobody sees `config`. Not for: reading files (`config`), allocating anything (`model`), looking at a corpus (`corpora`).

mod data;
mod distill;
mod identity;
mod model;
mod need;
mod problem;
mod readers;
mod resolve;
mod schedule;
mod settle;
mod slurm;
#[cfg(test)]
mod tests;
mod train;

pub use crate::config::{
    AttentionScores, Behaviour, BimambaType, ClassToken, ClassifierLoss, DataFormat, Device as DeviceChoice,
    Metric, MicroBatches, Pooling, Precision, Recompute,
};
pub use data::{Clips, DataPlan, Labelling, LengthBounds, TrainList};
pub use distill::{DistillPlan, Teacher};
pub use model::*;
pub use need::{Need, NeedKind, RUN, needs};
pub use problem::Problem;
pub use readers::{Reader, Reading, condition, idle, readers};
pub use resolve::{Plan, Start, resolve};
pub use schedule::{Decay, Schedule};
pub use slurm::{EARLY_SECS, SlurmPlan};
pub use train::{EvalPlan, Objective, OnNonfinite, OutputPlan, RunPlan, TrainPlan};

/// A shipped experiment on the bundled corpus under `ci`, with `more` overrides.
#[cfg(test)]
pub(crate) fn under_ci(experiment: &str, more: &[&str]) -> Plan {
    let root = crate::checkout();
    let mut sets = vec![format!("data.dir=\"{}\"", root.join("corpora/smoke").display())];
    sets.extend(more.iter().map(|set| (*set).to_owned()));
    let request = crate::config::Request { profile: Some("ci".to_owned()), sets, ..Default::default() };
    let loaded = crate::config::load(&root.join(format!("experiments/{experiment}.toml")), &request)
        .unwrap_or_else(|problems| panic!("{problems}"));
    resolve(&loaded.experiment, Vec::new()).unwrap_or_else(|problems| panic!("{problems:?}"))
}
