//! `[data]`: the corpus, the batches made of it and the text of its transcripts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Behaviour;

/// What it learns from.
///
/// File names are looked for inside `dir` unless they are absolute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-required" = ["dir"]))]
pub struct Data {
    /// Folder of the prepared corpus (the paper's `--data-dir`), relative to the working directory.
    pub dir: String,

    /// Utterances to train on; a file inside `dir`.
    pub train_meta: String,

    /// Prepared corpora that are trained on together, each with a weight, in place of `dir` with its `train_meta`; judged is what `dir` has.
    ///
    /// Where labels or transcripts are learnt, every one has the class names and the vocabulary of `dir`.
    pub mix: Vec<MixedCorpus>,

    /// Utterances to judge by while training (the paper's `--eval_meta`); a file inside `dir`.
    pub dev_meta: String,

    /// Utterances never used before the end; a file inside `dir`.
    pub test_meta: String,

    /// Fields of a line of the meta files.
    pub data_format: DataFormat,

    /// Character vocabulary, a file inside `dir`.
    pub vocab_path: String,

    /// Class names of each classifier head, a file inside `dir`; read when `use_classifier` is on.
    pub categories_path: String,

    /// Sampling rate of the model's input, in hertz.
    #[schemars(range(min = 1000, max = 192_000))]
    pub sr: u32,

    /// Utterances drawn together, sorted by length and then packed into batches.
    #[schemars(range(min = 1))]
    pub bucket_size: usize,

    /// Shuffle before every epoch.
    pub shuffle_training_data: bool,

    /// Whose order utterances and batches come in.
    ///
    /// `sound`: every epoch is a shuffle of its own. `reference`: that of the published programs, which shuffle on from the order before
    /// with NumPy's `RandomState(seed)` (theirs has seed 0), batches in between, and shuffle the batches of an evaluation too. A resumed
    /// run goes on in either order as if it had not stopped; in theirs it first repeats all draws, without the sound.
    pub order: Behaviour,

    /// Samples in a batch at most, padding included (utterances × longest).
    #[schemars(range(min = 1.0))]
    pub batch_frame_limit: f64,

    /// Bound on utterances × longest², for what grows with the square of the length.
    #[schemars(range(min = 1.0))]
    pub batch_quad_frame_limit: f64,

    /// Utterances in a batch at most.
    #[schemars(range(min = 1))]
    pub batch_size: usize,

    /// Updates during which the three length bounds below hold.
    pub data_warmup_steps: u64,

    /// Shortest utterance during the data warm-up, in samples, inclusive.
    pub input_length_lower_bound: usize,

    /// Longest utterance during the data warm-up, in samples, inclusive; 0 = neither bound holds.
    pub input_length_upper_bound: usize,

    /// During the data warm-up, transcripts of this many characters or fewer are left out; 0 = none are.
    pub target_length_lower_bound: usize,

    /// Longest utterance ever trained on, in samples; 0 = no limit.
    ///
    /// The paper's code has no such limit: after the data warm-up a very long utterance forms a batch of its own and
    /// can exhaust the memory.
    pub max_input_length: usize,

    /// Longest piece of a recording that a model of sound itself is trained on, in samples; 0 = the model's `l_max`. Longer recordings are cut
    /// into such pieces.
    pub clip_samples: usize,

    /// Keep what is left of a recording behind its last whole piece.
    pub clip_rest: bool,

    /// Part of the training lines used: up to 1 a fraction, above 1 a count.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub sample_partial_data: f64,

    /// Chance that a training clip is mixed with another one drawn from all, each with a share of the sound and of the labels (mixup). The share
    /// falls around a half, by a beta distribution of 10 and 10.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mixup: f64,

    /// Folder in which features of clips are kept for further epochs and further runs, of models whose front end does not learn (`[model.ssamba]`,
    /// `[model.ssast]`, `[model.keyword]`, `[model.speaker]`, `[model.tacomamba]`); it may be shared by experiments and corpora. Empty: none.
    /// `runner data features EXPERIMENT` fills it before a run.
    ///
    /// A clip in it is neither decoded nor resampled; one that is mixed with another (`mixup`) is. What no longer fits is made anew: results are the
    /// same with and without. It grows to a copy of all that is heard, 51 kB a second with 128 bands, and may be deleted at any time.
    pub feature_cache: String,

    /// Drop `[UNK]` from transcripts and turn hyphens into spaces.
    pub remove_unk: bool,

    /// Join a detached apostrophe to the word before it (`it 's` → `it's`).
    pub replace_apos: bool,

    /// Upper-case transcripts before they are spelt with the vocabulary.
    pub upper_only: bool,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: String::new(),
            train_meta: "meta.train.txt".into(),
            mix: Vec::new(),
            dev_meta: "meta.dev.txt".into(),
            test_meta: "meta.test.txt".into(),
            data_format: DataFormat::Nlt,
            vocab_path: "vocab.json".into(),
            categories_path: "categories.json".into(),
            sr: 16_000,
            bucket_size: 1024,
            shuffle_training_data: true,
            order: Behaviour::Sound,
            batch_frame_limit: 2.5e6,
            batch_quad_frame_limit: 4e11,
            batch_size: 24,
            data_warmup_steps: 5000,
            input_length_lower_bound: 0,
            input_length_upper_bound: 160_000,
            target_length_lower_bound: 2,
            max_input_length: 0,
            clip_samples: 0,
            clip_rest: true,
            sample_partial_data: 1.0,
            mixup: 0.0,
            feature_cache: String::new(),
            remove_unk: true,
            replace_apos: true,
            upper_only: false,
        }
    }
}

/// One of several corpora that are trained on together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-required" = ["dir"]))]
pub struct MixedCorpus {
    /// Folder of the prepared corpus, relative to the working directory.
    pub dir: String,

    /// Utterances to train on; a file inside `dir`.
    pub train_meta: String,

    /// Fields of a line of `train_meta`; where it is not given, those that `[data]` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_format: Option<DataFormat>,

    /// Share of its utterances that an epoch draws: 1 is each once, 0.5 half of them, others in every epoch, 2 each twice.
    #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
    pub weight: f64,
}

impl Default for MixedCorpus {
    fn default() -> Self {
        Self { dir: String::new(), train_meta: "meta.train.txt".into(), data_format: None, weight: 1.0 }
    }
}

/// Fields of a line of the meta files, separated by `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DataFormat {
    /// Name, length in samples, text.
    #[serde(rename = "nlt")]
    Nlt,
    /// Name, length in samples, text, comma-separated labels, language (not read).
    #[serde(rename = "nltLa")]
    NltLa,
}
