//! What must exist before a run can start: its teacher's run, or the run it continues.

use serde::Serialize;

use crate::config::Experiment;

/// What a needed run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum NeedKind {
    /// Its checkpoints teach.
    Teacher,
    /// Its best weights are where this run's model starts.
    Source,
    /// Its full state at a step is where this run starts.
    Parent { step: u64 },
}

/// A run that this one needs, as far as it is known before it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    pub kind: NeedKind,
    /// What the experiment calls it: an experiment's name, a run folder or a checkpoint. One run has many names.
    #[serde(skip)]
    pub name: String,
    /// The needed run's identity; for weights that are no run's, their path.
    pub id: String,
    /// Its run folder. Where it lies does not change what it is.
    #[serde(skip)]
    pub dir: std::path::PathBuf,
}

/// What `pretrained` begins with where it names a run instead of a checkpoint.
pub const RUN: &str = "run:";

/// The needs that an experiment names, in the order they have to be met.
pub fn needs(experiment: &Experiment) -> Vec<(NeedKind, String)> {
    let mut needs = Vec::new();
    if let Some(distill) = &experiment.distill {
        let listens = distill.alpha_layer_distill_loss > 0.0 || distill.alpha_logits_distill_loss > 0.0;
        let copies = distill.student_init == crate::config::StudentInit::Teacher;
        if listens || copies {
            needs.push((NeedKind::Teacher, distill.teacher.clone()));
        }
    }
    if let Some(name) = experiment.model.pretrained().and_then(|name| name.strip_prefix(RUN)) {
        needs.push((NeedKind::Source, name.to_owned()));
    }
    if let Some((name, step)) = experiment.continue_from.as_deref().and_then(|from| from.rsplit_once('@'))
        && let Ok(step) = step.parse()
    {
        needs.push((NeedKind::Parent { step }, name.to_owned()));
    }
    needs
}
