//! `[distill]`: the teacher, and how much it weighs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Behaviour;

/// Whom it learns from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-required" = ["teacher"]))]
pub struct Distill {
    /// The teacher: an experiment of the same folder, a run folder or a checkpoint.
    #[schemars(length(min = 1))]
    pub teacher: String,

    /// Which of the teacher's checkpoints teach.
    pub guidance: Guidance,

    /// What the student's weights start from, mixers apart.
    pub student_init: StudentInit,

    /// Updates between the teacher's checkpoints that serve as waypoints.
    #[schemars(range(min = 1))]
    pub teacher_snapshot_cycle: u64,

    /// Weight of the distance between hidden states, layer by layer.
    #[schemars(range(min = 0.0))]
    pub alpha_layer_distill_loss: f64,

    /// Weight of the divergence between CTC outputs.
    #[schemars(range(min = 0.0))]
    pub alpha_logits_distill_loss: f64,

    /// Whether the weights above mean the same under accumulation.
    ///
    /// `reference`: the distillation losses shrink as `accumulation_steps` grows (15 over 4 batches acts like 3.75).
    /// `sound`: they do not.
    pub alpha_scaling: Behaviour,

    /// State of the teacher: `sound` at rest, `reference` with its own dropout, layerdrop and time masks.
    pub teacher_mode: Behaviour,

    /// Whether padding counts in the CTC-output loss under `loss_normalize_type = "utterance"`; `reference`: it does.
    pub logits_mask: Behaviour,
}

impl Default for Distill {
    fn default() -> Self {
        Self {
            teacher: String::new(),
            guidance: Guidance::Fixed,
            student_init: StudentInit::Teacher,
            teacher_snapshot_cycle: 10_000,
            alpha_layer_distill_loss: 1.0,
            alpha_logits_distill_loss: 1.0,
            alpha_scaling: Behaviour::Sound,
            teacher_mode: Behaviour::Sound,
            logits_mask: Behaviour::Sound,
        }
    }
}

/// Which of the teacher's checkpoints teach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Guidance {
    /// Its best one, throughout (the paper's *target guided*).
    Fixed,
    /// At each update the next one ahead, every `teacher_snapshot_cycle` (the paper's *waypoint guided*).
    Waypoint,
}

/// What the student's weights start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StudentInit {
    /// The teacher: everything but attention, heads included.
    Teacher,
    /// The model's own `pretrained` weights, as the teacher itself started.
    Source,
}
