//! What nothing will read is set to one value, so that it is no part of who a run is.
//!
//! Without this, two experiments that differ only in the pooling of a classifier that neither has would be two runs. It is also what
//! lets `readers` tell that an option has no effect. Not for: defaults (`config`); a model's own sizes
//! rest in its family's file (`model/`).

use super::Behaviour::Sound;
use super::{Body, Decay, OnNonfinite, Plan, Teacher};
use crate::config::{ClassifierLoss, MicroBatches};

/// Brings every part of the plan that this run does not use to its resting value.
pub(super) fn settle(plan: &mut Plan) {
    settle_classifier(plan);
    if !plan.data.mix.is_empty() {
        plan.data.train_meta.clear();
    }
    if plan.model.ctc().is_none() {
        settle_speech(plan);
    }
    settle_training(plan);
    settle_distillation(plan);
    let teacher_drops = plan.distill.as_ref().is_some_and(|distill| distill.teacher_mode != Sound);
    if plan.distill.is_none() {
        plan.teacher_heads = 0;
    }
    plan.model.settle(teacher_drops);
    let speaks = plan.model.speaks();
    if plan.model.tiers().is_none() && !speaks {
        plan.eval.sounds = 0;
    }
    // A sentence is as long as it is.
    if plan.eval.sounds == 0 || speaks {
        plan.eval.sound_secs = 0.0;
    }
    if !matches!(plan.model.body, Body::Sashimi(_)) {
        (plan.train.objective.padding_loss, plan.train.objective.first_sample) = (Sound, Sound);
    }
}

/// What only a model that knows of transcripts looks at.
fn settle_speech(plan: &mut Plan) {
    let data = &mut plan.data;
    data.vocab_path.clear();
    (data.remove_unk, data.replace_apos, data.upper_only) = (false, false, false);
    data.warmup.chars_above = 0;
    let objective = &mut plan.train.objective;
    (objective.ctc_weight, objective.per_sample) = (0.0, false);
    plan.eval.decode_padding = Sound;
}

fn settle_classifier(plan: &mut Plan) {
    if plan.model.labelled().is_empty() {
        plan.data.categories_path.clear();
    }
    if plan.model.classes().is_empty() {
        plan.train.objective.classifier_weight = 0.0;
        plan.train.objective.classifier_norm = Sound;
        plan.train.objective.classifier_loss = ClassifierLoss::CrossEntropy;
        plan.data.mixup = 0.0;
    }
}

fn settle_training(plan: &mut Plan) {
    let schedule = &mut plan.train.schedule;
    if matches!(schedule.decay, Decay::OnPlateau { .. }) {
        schedule.decay_steps = 0;
    }
    if schedule.warmup_steps == 0 {
        schedule.warmup_stairs = 1;
    }
    if schedule.reset_period == 0 {
        schedule.reset_times = 0;
    }
    if plan.train.freeze_prefix.is_none() {
        plan.train.freeze_steps = 0;
    }
    if plan.data.warmup.steps == 0 {
        (plan.data.warmup.samples, plan.data.warmup.chars_above) = (None, 0);
    }
    if plan.train.accumulation_steps < 2 {
        plan.run.micro_batches = MicroBatches::Auto;
    }
    if plan.train.nonfinite == OnNonfinite::Stop {
        plan.train.nonfinite_patience = 1;
    }
    if !plan.eval.eval_steps.is_empty() {
        plan.eval.eval_interval = 1;
    }
}

fn settle_distillation(plan: &mut Plan) {
    let accumulates = plan.train.accumulation_steps > 1;
    let per_sample = plan.train.objective.per_sample;
    let Some(distill) = &mut plan.distill else { return };
    if !distill.listens() {
        (distill.alpha_scaling, distill.teacher_mode) = (Sound, Sound);
        if !distill.start_from_teacher {
            distill.teacher = Teacher::Fixed;
        }
    }
    if !accumulates {
        distill.alpha_scaling = Sound;
    }
    if per_sample || distill.alpha_logits == 0.0 {
        distill.logits_mask = Sound;
    }
}
