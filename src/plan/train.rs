//! The objective, the optimiser's settings, and when to look.

use serde::Serialize;

use super::schedule::{Decay, Schedule};
use crate::config::{
    Behaviour, ClassifierLoss, DecayType, Device, Eval, LossNormalizeType, Metric, MicroBatches, Nonfinite,
    Output, Precision, Recompute, Run, Train,
};

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Objective {
    /// Whether padding and first samples count where the next sample is to be told. Not written where both are `sound`.
    #[serde(skip_serializing_if = "Behaviour::is_sound")]
    pub padding_loss: Behaviour,
    #[serde(skip_serializing_if = "Behaviour::is_sound")]
    pub first_sample: Behaviour,
    /// Normalise over label characters and frames (true) or over utterances (false).
    pub per_sample: bool,
    pub ctc_weight: f64,
    pub classifier_weight: f64,
    pub classifier_norm: Behaviour,
    /// Not written where it is the usual one.
    #[serde(skip_serializing_if = "ClassifierLoss::is_cross_entropy")]
    pub classifier_loss: ClassifierLoss,
}

/// One update, and how many.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainPlan {
    /// Extending it continues the same run, so it is no part of the identity.
    #[serde(skip)]
    pub max_steps: u64,
    pub accumulation_steps: usize,
    pub schedule: Schedule,
    pub weight_decay: f64,
    pub weight_decay_groups: Behaviour,
    pub adam_eps: f64,
    /// Not written where they are the usual ones.
    #[serde(skip_serializing_if = "usual_betas")]
    pub adam_betas: [f64; 2],
    pub max_grad_norm: f64,
    /// Not written where it changes no result.
    #[serde(skip_serializing_if = "OnNonfinite::changes_no_result")]
    pub nonfinite: OnNonfinite,
    /// It changes whether a run goes on, not what it comes to: no part of the identity.
    #[serde(skip)]
    pub nonfinite_patience: u32,
    pub objective: Objective,
    /// Name prefix of parameters frozen until `freeze_steps`.
    pub freeze_prefix: Option<String>,
    pub freeze_steps: u64,
    /// Name prefix of modules drawn afresh before the first update.
    pub reinit_prefix: Option<String>,
    /// Changes no result, so it is no part of the identity.
    #[serde(skip)]
    pub recompute: Recompute,
}

/// What becomes of an update whose numbers go wrong, besides that it changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum OnNonfinite {
    /// It is passed over.
    Skip,
    /// The run ends.
    Stop,
    /// It is passed over, and the learning rate is multiplied with `factor` from there on.
    LowerLr { factor: f64 },
}

impl OnNonfinite {
    fn changes_no_result(&self) -> bool {
        !matches!(self, OnNonfinite::LowerLr { .. })
    }

    /// What the learning rate is multiplied with after so many updates that lowered it.
    pub fn lr_share(&self, falls: u32) -> f64 {
        match self {
            OnNonfinite::LowerLr { factor } => factor.powi(falls as i32),
            OnNonfinite::Skip | OnNonfinite::Stop => 1.0,
        }
    }
}

fn usual_betas(betas: &[f64; 2]) -> bool {
    *betas == [0.9, 0.999]
}

/// When the model is judged and saved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvalPlan {
    pub eval_interval: u64,
    pub checkpoint_interval: u64,
    /// When not empty, exactly these updates are evaluated.
    pub eval_steps: Vec<u64>,
    pub max_batches: usize,
    pub decode_padding: Behaviour,
    pub select: Metric,
    pub test_at_end: bool,
    /// Clips to be heard at each evaluation. They change no result, so they are no part of the identity.
    #[serde(skip)]
    pub sounds: usize,
    #[serde(skip)]
    pub sound_secs: f64,
}

impl EvalPlan {
    /// Whether the model is evaluated after `step` updates.
    pub fn evaluates(&self, step: u64) -> bool {
        if !self.eval_steps.is_empty() {
            return self.eval_steps.contains(&step);
        }
        step.is_multiple_of(self.eval_interval) || self.saves(step)
    }

    /// Whether a checkpoint is due after `step` updates.
    pub fn saves(&self, step: u64) -> bool {
        step.is_multiple_of(self.checkpoint_interval)
    }

    /// Samples of each clip to be heard.
    pub fn sound_samples(&self, rate_hz: u32) -> usize {
        (self.sound_secs * f64::from(rate_hz)).round().max(1.0) as usize
    }
}

/// Where to put what, and how often. Changes no result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputPlan {
    pub runs_dir: String,
    pub project: String,
    pub summary_interval: u64,
    /// 0: never.
    pub histogram_interval: u64,
    pub keep_newest: usize,
    pub keep_every: u64,
}

impl OutputPlan {
    /// Whether the weights are shown as they are after `step` updates.
    pub fn shows_weights(&self, step: u64) -> bool {
        self.histogram_interval > 0 && step.is_multiple_of(self.histogram_interval)
    }
}

/// The machine, and the arithmetic asked of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunPlan {
    #[serde(skip)]
    pub device: Device,
    #[serde(skip)]
    pub threads: usize,
    pub seed: u64,
    pub precision: Precision,
    /// Changes no result, so it is no part of the identity.
    #[serde(skip)]
    pub micro_batches: MicroBatches,
    /// As little.
    #[serde(skip)]
    pub processes: usize,
    /// As little. `None`: what there is.
    #[serde(skip)]
    pub max_memory_bytes: Option<u64>,
}

pub(super) fn train_plan(train: &Train) -> TrainPlan {
    TrainPlan {
        max_steps: train.max_steps,
        accumulation_steps: train.accumulation_steps,
        schedule: Schedule {
            max_lr: train.max_lr,
            min_lr: train.min_lr,
            final_lr: train.final_lr,
            warmup_steps: train.warmup_steps,
            warmup_stairs: train.warmup_stairs,
            plateau_steps: train.plateau_steps,
            decay_steps: train.decay_steps,
            decay: match train.decay_type {
                DecayType::Exp => Decay::Exp,
                DecayType::Linear => Decay::Linear,
                DecayType::OnPlateau => {
                    Decay::OnPlateau { factor: train.decay_factor, patience: train.decay_patience }
                }
            },
            reset_period: train.reset_period,
            reset_times: train.reset_times,
        },
        weight_decay: train.reg_weight,
        weight_decay_groups: train.weight_decay_groups,
        adam_eps: train.adam_eps,
        adam_betas: train.adam_betas,
        max_grad_norm: train.max_grad_norm,
        nonfinite: match train.nonfinite {
            Nonfinite::Skip => OnNonfinite::Skip,
            Nonfinite::Stop => OnNonfinite::Stop,
            Nonfinite::LowerLr => OnNonfinite::LowerLr { factor: train.nonfinite_lr_factor },
        },
        nonfinite_patience: train.nonfinite_patience,
        objective: Objective {
            padding_loss: train.padding_loss,
            first_sample: train.first_sample,
            per_sample: train.loss_normalize_type == LossNormalizeType::Sample,
            ctc_weight: train.ctc_weight,
            classifier_weight: train.classifier_weight,
            classifier_norm: train.classifier_norm,
            classifier_loss: train.classifier_loss,
        },
        freeze_prefix: prefix(&train.freeze_module),
        freeze_steps: train.freeze_steps,
        reinit_prefix: prefix(&train.reinit_module),
        recompute: train.recompute,
    }
}

/// The papers' scripts write `.` for "no module".
fn prefix(module: &str) -> Option<String> {
    // The reference's names begin with the wrapper's, ours do not.
    let module = module.strip_prefix("asr_model.").unwrap_or(module);
    (module != "." && !module.is_empty()).then(|| module.to_owned())
}

pub(super) fn eval_plan(eval: &Eval) -> EvalPlan {
    EvalPlan {
        eval_interval: eval.eval_interval,
        checkpoint_interval: eval.checkpoint_interval,
        eval_steps: eval.eval_steps.clone(),
        max_batches: eval.max_eval_batches,
        decode_padding: eval.decode_padding,
        select: eval.select,
        test_at_end: eval.test_at_end,
        sounds: eval.sounds,
        sound_secs: eval.sound_secs,
    }
}

pub(super) fn output_plan(output: &Output) -> OutputPlan {
    OutputPlan {
        runs_dir: output.runs_dir.clone(),
        project: output.project_name.clone(),
        summary_interval: output.summary_interval,
        histogram_interval: output.histogram_interval,
        keep_newest: output.keep_checkpoints,
        keep_every: output.keep_every,
    }
}

pub(super) fn run_plan(run: &Run) -> RunPlan {
    RunPlan {
        device: run.device,
        threads: run.threads,
        seed: run.seed,
        precision: run.precision,
        micro_batches: run.micro_batches,
        processes: run.processes,
        max_memory_bytes: (run.max_memory_gb > 0.0).then_some((run.max_memory_gb * 1e9) as u64),
    }
}
