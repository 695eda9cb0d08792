//! Who teaches, and with what weight.

use std::path::PathBuf;

use serde::Serialize;

use super::need::{Need, NeedKind};
use crate::config::{Behaviour, Distill, Guidance, StudentInit};

/// Which of the teacher's checkpoints teach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Teacher {
    /// One, throughout.
    Fixed,
    /// At step s the snapshot with the smallest step above s; past the last one, the last.
    Waypoints { cycle: u64 },
}

/// Distillation from a teacher with attention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DistillPlan {
    pub teacher: Teacher,
    /// The teacher's run folder or checkpoint.
    #[serde(skip)]
    pub teacher_dir: PathBuf,
    /// Copy the teacher's weights into the student first, mixers excepted.
    pub start_from_teacher: bool,
    pub alpha_layer: f64,
    pub alpha_logits: f64,
    pub alpha_scaling: Behaviour,
    pub teacher_mode: Behaviour,
    pub logits_mask: Behaviour,
}

impl DistillPlan {
    /// Whether the teacher is listened to at all.
    pub fn listens(&self) -> bool {
        self.alpha_layer > 0.0 || self.alpha_logits > 0.0
    }
}

pub(super) fn distill_plan(distill: &Distill, needs: &[Need]) -> DistillPlan {
    let dir = needs.iter().find(|need| need.kind == NeedKind::Teacher).map(|need| need.dir.clone());
    DistillPlan {
        teacher: match distill.guidance {
            Guidance::Fixed => Teacher::Fixed,
            Guidance::Waypoint => Teacher::Waypoints { cycle: distill.teacher_snapshot_cycle },
        },
        teacher_dir: dir.unwrap_or_default(),
        start_from_teacher: distill.student_init == StudentInit::Teacher,
        alpha_layer: distill.alpha_layer_distill_loss,
        alpha_logits: distill.alpha_logits_distill_loss,
        alpha_scaling: distill.alpha_scaling,
        teacher_mode: distill.teacher_mode,
        logits_mask: distill.logits_mask,
    }
}
