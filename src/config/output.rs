//! `[output]`: what a run leaves behind, and where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What it leaves behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Output {
    /// Folder of the run folders, relative to the working directory.
    #[schemars(length(min = 1))]
    pub runs_dir: String,

    /// Project the run is filed under in tables (the paper's `--project_name`).
    pub project_name: String,

    /// Updates between two rows of training metrics.
    #[schemars(range(min = 1))]
    pub summary_interval: u64,

    /// Updates between two sets of histograms of all weights in TensorBoard; 0 = none.
    pub histogram_interval: u64,

    /// Newest checkpoints kept, besides the best one and those of `keep_every`.
    #[schemars(range(min = 1))]
    pub keep_checkpoints: usize,

    /// Keep every checkpoint whose update is a multiple of this, for ever; 0 = none.
    ///
    /// They are the waypoints of later students and the points where a hybrid may leave, so a teacher's value must
    /// divide its students' `teacher_snapshot_cycle`.
    pub keep_every: u64,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            runs_dir: "results/runs".into(),
            project_name: "speech_uptrain".into(),
            summary_interval: 20,
            histogram_interval: 0,
            keep_checkpoints: 2,
            keep_every: 10_000,
        }
    }
}
