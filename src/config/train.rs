//! `[train]`: the objective, the schedule and the optimizer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Behaviour;

/// How it learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// Updates in all.
    #[schemars(range(min = 1))]
    pub max_steps: u64,

    /// Batches per update.
    #[schemars(range(min = 1))]
    pub accumulation_steps: usize,

    /// Peak learning rate.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_lr: f64,

    /// Learning rate of the very first update.
    #[schemars(range(min = 0.0))]
    pub min_lr: f64,

    /// Learning rate at the end of the decay and after it; where the decay is exponential, above 0.
    #[schemars(range(min = 0.0))]
    pub final_lr: f64,

    /// Updates of linear rise from `min_lr` to `max_lr`.
    pub warmup_steps: u64,

    /// Updates with one rate during the rise, which then climbs by stairs; 1 = a ramp.
    #[schemars(range(min = 1))]
    pub warmup_stairs: u64,

    /// Updates at `max_lr` after the rise.
    pub plateau_steps: u64,

    /// Updates of decay from `max_lr` to `final_lr`.
    pub decay_steps: u64,

    /// Shape of the decay.
    pub decay_type: DecayType,

    /// What the rate is multiplied with by `decay_type = "on_plateau"`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub decay_factor: f64,

    /// Evaluations in a row whose loss on the dev set is no new lowest, before `decay_type = "on_plateau"` lowers the rate.
    pub decay_patience: u64,

    /// Updates after which the schedule starts again; 0 = never.
    pub reset_period: u64,

    /// Times the schedule may start again.
    pub reset_times: u64,

    /// Weight decay of AdamW, decoupled.
    #[schemars(range(min = 0.0))]
    pub reg_weight: f64,

    /// Which parameters decay.
    ///
    /// `reference`: all but biases and those in a module called `layer_norm`. `sound`: besides, no norm's gain, no
    /// `A_log`, `D` or `dt_bias` of a mixer and no weight-norm gain decays.
    pub weight_decay_groups: Behaviour,

    /// Epsilon of AdamW.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub adam_eps: f64,

    /// How much AdamW keeps of its running means of the gradient and of its square, at each update.
    #[schemars(inner(range(min = 0.0, max = 1.0)))]
    pub adam_betas: [f64; 2],

    /// Largest global norm of the gradients; longer ones are scaled down to it. 0 = any.
    #[schemars(range(min = 0.0))]
    pub max_grad_norm: f64,

    /// What to do about an update whose loss or gradient is not finite, or none of whose utterances has a finite CTC loss.
    ///
    /// Weights and moments stay as they were before it, in any case.
    pub nonfinite: Nonfinite,

    /// So many such updates in a row end the run.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub nonfinite_patience: u32,

    /// What `nonfinite = "lower_lr"` multiplies the learning rate with, each time.
    #[schemars(extend("exclusiveMinimum" = 0), range(max = 1.0))]
    pub nonfinite_lr_factor: f64,

    /// What a loss is a mean over.
    pub loss_normalize_type: LossNormalizeType,

    /// Weight of the CTC loss; at 0 it is not computed.
    #[schemars(range(min = 0.0))]
    pub ctc_weight: f64,

    /// What the classifiers learn by: `cross_entropy`, where one class is right, or `binary`, where each may be there or not and the labels of a line
    /// are all that are.
    pub classifier_loss: ClassifierLoss,

    /// Weight of the classifiers' loss.
    #[schemars(range(min = 0.0))]
    pub classifier_weight: f64,

    /// What the classifiers' loss is divided by: `sound` utterances, `reference` characters of the transcripts.
    pub classifier_norm: Behaviour,

    /// Which samples count where the next one is to be told: `sound` those of the recordings, `reference` the silence behind them as well.
    pub padding_loss: Behaviour,

    /// Whether a recording's first sample is to be told, too, as it must be to make sound from nothing: `sound` it is, `reference` it is given.
    pub first_sample: Behaviour,

    /// Parameters whose name starts with this stay frozen at first; `.` = none.
    pub freeze_module: String,

    /// Update at which `freeze_module` thaws.
    pub freeze_steps: u64,

    /// Modules whose name starts with this are drawn afresh before the first update; `.` = none.
    pub reinit_module: String,

    /// What is computed twice to save memory.
    ///
    /// It changes no result: a run may go on with another value.
    pub recompute: Recompute,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            max_steps: 90_000,
            accumulation_steps: 1,
            max_lr: 3e-4,
            min_lr: 0.0,
            final_lr: 1.5e-6,
            warmup_steps: 5000,
            warmup_stairs: 1,
            plateau_steps: 0,
            decay_steps: 75_000,
            decay_type: DecayType::Exp,
            decay_factor: 0.2,
            decay_patience: 20,
            reset_period: 0,
            reset_times: 1,
            reg_weight: 5e-3,
            weight_decay_groups: Behaviour::Sound,
            adam_eps: 1e-8,
            adam_betas: [0.9, 0.999],
            max_grad_norm: 1.0,
            nonfinite: Nonfinite::Skip,
            nonfinite_patience: 10,
            nonfinite_lr_factor: 0.5,
            loss_normalize_type: LossNormalizeType::Sample,
            ctc_weight: 1.0,
            classifier_loss: ClassifierLoss::CrossEntropy,
            classifier_weight: 1.0,
            classifier_norm: Behaviour::Sound,
            padding_loss: Behaviour::Sound,
            first_sample: Behaviour::Sound,
            freeze_module: ".".into(),
            freeze_steps: 10_000,
            reinit_module: ".".into(),
            recompute: Recompute::None,
        }
    }
}

/// What is computed twice to save memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recompute {
    /// Nothing: all that backward needs stays in memory.
    None,
    /// Encoder layers: each keeps its input, and runs again when backward reaches it.
    Block,
}

/// Shape of the learning rate's decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecayType {
    /// By the same factor each update.
    Exp,
    /// By the same amount each update.
    Linear,
    /// By `decay_factor` whenever the loss on the dev set has not fallen for `decay_patience` evaluations, down to `final_lr`.
    OnPlateau,
}

/// What to do about an update whose numbers go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nonfinite {
    /// It is passed over, and said.
    Skip,
    /// The run ends, with a checkpoint of the state before it.
    Stop,
    /// It is passed over, and the learning rate is lower from there on.
    LowerLr,
}

/// What a loss is a mean over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LossNormalizeType {
    /// Label characters of the update (CTC) or its valid frames (distillation).
    Sample,
    /// Utterances: each loss is first divided by its own utterance's length.
    Utterance,
}

/// What classifiers learn by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassifierLoss {
    /// Cross-entropy of the softmax: one class is right.
    CrossEntropy,
    /// Binary cross-entropy, class by class: any number of them is there.
    Binary,
}

impl ClassifierLoss {
    /// Whether one class is right.
    pub fn is_cross_entropy(&self) -> bool {
        *self == Self::CrossEntropy
    }
}
