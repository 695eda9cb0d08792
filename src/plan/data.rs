//! The data pipeline: which utterances, how packed.

use serde::Serialize;

use super::ModelPlan;
use crate::config::{Behaviour, ClassifierLoss, Data, DataFormat, Train};

/// Bounds that hold during the first updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LengthBounds {
    /// Updates during which they hold.
    pub steps: u64,
    /// Shortest and longest utterance in samples, both inclusive; `None`: any.
    pub samples: Option<(usize, usize)>,
    /// Transcripts need more characters than this.
    pub chars_above: usize,
}

/// Recordings cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Clips {
    /// Samples of a piece.
    pub samples: usize,
    /// Whether what is left behind the last whole piece is one, too.
    pub rest: bool,
}

/// What the labels of a line say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Labelling {
    /// One class for each head.
    #[default]
    OnePerHead,
    /// All classes of the one head that are to be heard.
    AnyNumber,
    /// A class of the one head for each of so many seconds.
    OnePerSecond(usize),
}

/// What the next batch is made from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataPlan {
    /// Folder of the prepared corpus. Where it lies does not change what it is.
    #[serde(skip)]
    pub dir: String,
    pub train_meta: String,
    pub dev_meta: String,
    pub test_meta: String,
    pub format: DataFormat,
    pub vocab_path: String,
    pub categories_path: String,
    pub sample_rate_hz: u32,
    pub bucket_size: usize,
    pub shuffle: bool,
    /// Not written where it is `sound`: runs from before there was a choice stay the same runs.
    #[serde(skip_serializing_if = "Behaviour::is_sound")]
    pub order: Behaviour,
    pub batch_size: usize,
    pub batch_frame_limit: f64,
    pub batch_quad_frame_limit: f64,
    pub warmup: LengthBounds,
    /// Longest utterance ever trained on, in samples.
    pub max_input_samples: usize,
    /// Share of the training lines (up to 1) or their number (above 1).
    pub partial: f64,
    pub remove_unk: bool,
    pub replace_apos: bool,
    pub upper_only: bool,
    /// How recordings are cut, where the model learns sound itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clips: Option<Clips>,
    /// What labels say; follows from the model and its loss.
    #[serde(skip)]
    pub labelling: Labelling,
    /// Chance that a training clip is mixed with another.
    #[serde(skip_serializing_if = "is_zero")]
    pub mixup: f64,
    /// Whether each waveform is brought to mean 0 and variance 1; follows from the model.
    #[serde(skip)]
    pub normalise: bool,
}

/// The pipeline of an experiment.
pub(super) fn data_plan(data: &Data, train: &Train, model: &ModelPlan) -> DataPlan {
    let samples = (data.input_length_upper_bound > 0)
        .then_some((data.input_length_lower_bound, data.input_length_upper_bound));
    DataPlan {
        dir: data.dir.clone(),
        train_meta: data.train_meta.clone(),
        dev_meta: data.dev_meta.clone(),
        test_meta: data.test_meta.clone(),
        format: data.data_format,
        vocab_path: data.vocab_path.clone(),
        categories_path: data.categories_path.clone(),
        sample_rate_hz: data.sr,
        bucket_size: data.bucket_size,
        shuffle: data.shuffle_training_data,
        order: data.order,
        batch_size: data.batch_size,
        batch_frame_limit: data.batch_frame_limit,
        batch_quad_frame_limit: data.batch_quad_frame_limit,
        warmup: LengthBounds {
            steps: data.data_warmup_steps,
            samples,
            chars_above: data.target_length_lower_bound,
        },
        max_input_samples: if data.max_input_length == 0 { usize::MAX } else { data.max_input_length },
        partial: data.sample_partial_data,
        remove_unk: data.remove_unk,
        replace_apos: data.replace_apos,
        upper_only: data.upper_only,
        clips: model.max_samples().map(|most| Clips {
            samples: if data.clip_samples == 0 { most } else { data.clip_samples },
            rest: data.clip_rest,
        }),
        labelling: labelling(model, train),
        mixup: data.mixup,
        normalise: model.normalises(),
    }
}

fn labelling(model: &ModelPlan, train: &Train) -> Labelling {
    match (model.seconds(), train.classifier_loss) {
        (Some(seconds), _) => Labelling::OnePerSecond(seconds),
        (None, ClassifierLoss::Binary) => Labelling::AnyNumber,
        (None, ClassifierLoss::CrossEntropy) => Labelling::OnePerHead,
    }
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}
