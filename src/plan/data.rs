//! The data pipeline: which utterances, how packed.

use serde::Serialize;

use super::{ModelPlan, Problem};
use crate::config::{Behaviour, ClassifierLoss, Data, DataFormat, MixedCorpus, Train};

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

/// Utterances to train on, and how many of them an epoch draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainList {
    /// Folder of the prepared corpus. Where it lies does not change what it is.
    #[serde(skip)]
    pub dir: String,
    /// The list, a file inside `dir`.
    pub meta: String,
    pub format: DataFormat,
    /// Draws of an epoch for each utterance.
    pub weight: f64,
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
    /// What is trained on in place of `dir` with its `train_meta`, where it is not empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<TrainList>,
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
    /// Folder for what a front end makes of clips, where the model has one that does not learn. Results are the same without.
    #[serde(skip)]
    pub feature_cache: Option<String>,
}

impl DataPlan {
    /// All that is trained on: one list, or those that are mixed.
    pub fn train_lists(&self) -> Vec<TrainList> {
        if !self.mix.is_empty() {
            return self.mix.clone();
        }
        vec![TrainList {
            dir: self.dir.clone(),
            meta: self.train_meta.clone(),
            format: self.format,
            weight: 1.0,
        }]
    }
}

/// The pipeline of an experiment.
pub(super) fn data_plan(data: &Data, train: &Train, model: &ModelPlan) -> DataPlan {
    let samples = (data.input_length_upper_bound > 0)
        .then_some((data.input_length_lower_bound, data.input_length_upper_bound));
    DataPlan {
        dir: data.dir.clone(),
        train_meta: data.train_meta.clone(),
        mix: data.mix.iter().map(|mixed| train_list(mixed, data.data_format)).collect(),
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
        feature_cache: (model.has_fixed_front() && !data.feature_cache.is_empty())
            .then(|| data.feature_cache.clone()),
    }
}

/// Whether what is mixed can be drawn as asked, and has the labels that are learnt.
pub(super) fn check_mix(data: &Data, model: &ModelPlan, problems: &mut Vec<Problem>) {
    if data.mix.is_empty() {
        return;
    }
    if data.order == Behaviour::Reference {
        problems.push(Problem::new(
            "data.order",
            "the published programs' order is that of one list, but `mix` has several corpora",
            "set `order = \"sound\"`, or leave `mix` out",
        ));
    }
    let unlabelled = |mixed: &&MixedCorpus| mixed.data_format == Some(DataFormat::Nlt);
    if !model.labelled().is_empty()
        && let Some(mixed) = data.mix.iter().find(unlabelled)
    {
        problems.push(Problem::new(
            "data.mix",
            format!("labels are learnt from, but the format `nlt` of `{}` has none", mixed.dir),
            "set `train_meta` to a list with labels and `data_format = \"nltLa\"`, or leave that corpus out",
        ));
    }
}

fn train_list(mixed: &MixedCorpus, usual: DataFormat) -> TrainList {
    TrainList {
        dir: mixed.dir.clone(),
        meta: mixed.train_meta.clone(),
        format: mixed.data_format.unwrap_or(usual),
        weight: mixed.weight,
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
