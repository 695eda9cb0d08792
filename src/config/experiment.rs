//! One experiment, as the researcher wrote it: the top of the TOML file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, Distill, Eval, Model, Output, Run, Slurm, Train};

/// One question to a model: what to train, on what, how, and how it is judged.
///
/// This is what remains once every layer (`extends`, profile, environment, command line) has been merged; the keys
/// `extends` and `profile` of a file have done their work by then and are not part of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Experiment {
    /// Name of the experiment and of its run folder.
    ///
    /// Left empty, it is the name of the file without `.toml`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]*$"), extend("x-form" = "letters, digits, `_`, `-` and `.`"))]
    pub name: String,

    /// What is asked, in a sentence. Shown in tables; changes nothing.
    pub description: String,

    /// Start from another run's full state: `EXPERIMENT@STEP`.
    ///
    /// Weights, optimizer moments, random state and data position are taken from that experiment (a file of the same
    /// folder) at that step, and training goes on from there under this file's settings. This is how the paper's
    /// *hybrid* family leaves its target-guided run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^@]+@[0-9]+$"), extend("x-form" = "`EXPERIMENT@STEP`"))]
    pub continue_from: Option<String>,

    /// Where it runs, and with which numbers.
    pub run: Run,

    /// What it learns from.
    pub data: Data,

    /// What learns: exactly one model, as a table of its own, for example `[model.wav2vec2]`.
    pub model: Model,

    /// How it learns.
    pub train: Train,

    /// Whom it learns from. Without this table there is no teacher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distill: Option<Distill>,

    /// How and when it is judged.
    pub eval: Eval,

    /// What it leaves behind.
    pub output: Output,

    /// What its jobs get on a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slurm: Option<Slurm>,
}
