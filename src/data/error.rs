//! What goes wrong between the corpus and the batch.

use crate::corpora::CorpusError;
use crate::text::TextError;
use crate::text::g2p::G2pError;

/// Why there is no next batch.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file of the corpus is missing or broken.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The vocabulary is missing or broken.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Nobody reads texts.
    #[error(transparent)]
    Phonemes(#[from] G2pError),
    /// No utterance passes the filters.
    #[error("none of the {count} utterances of `{meta}` may be trained on: {filter}")]
    NothingLeft { meta: String, count: usize, filter: String },
    /// No label of any utterance is a class of the model.
    #[error(
        "none of the {count} utterances of `{meta}` is left: each has a label that is in no category, or another number of them than the model tells apart"
    )]
    Unlabelled { meta: String, count: usize },
    /// Too little of a list is used for one utterance, or its recordings are shorter than a clip.
    #[error("nothing of `{meta}` is left: {why}")]
    NothingUsed { meta: String, why: &'static str },
    /// No transcript can be spelt.
    #[error(
        "none of the {count} transcripts of `{meta}` can be spelt in the frames of its utterance: `{name}` takes {needed}, but the model makes {frames}"
    )]
    Unspellable { meta: String, count: usize, name: String, needed: usize, frames: usize },
    /// No transcript has a character, which is what losses are normalised by.
    #[error("no transcript of `{meta}` has a character that can be learned")]
    Silent { meta: String },
    /// A corpus is mixed in so thinly that nothing of it is drawn.
    #[error("a weight of {weight} draws none of the {count} utterances of `{}` in an epoch", meta.display())]
    NothingDrawn { meta: std::path::PathBuf, count: usize, weight: f64 },
    /// Corpora that are mixed do not name the same classes, or spell with the same symbols.
    #[error("what is mixed differs in its {what}: `{}` and `{}`", ours.display(), theirs.display())]
    Mixed { what: &'static str, ours: std::path::PathBuf, theirs: std::path::PathBuf },
    /// Utterances have no audio file.
    #[error(
        "there is no sound for {} of the utterances of `{}`: {}{}",
        missing.len(), meta.display(), missing.iter().take(5).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        if missing.len() > 5 { ", …" } else { "" }
    )]
    NoSound { meta: std::path::PathBuf, missing: Vec<String> },
    /// An utterance gives no frame at all.
    #[error("utterance `{name}` has {samples} samples, but the model needs {needed} for one frame")]
    TooShort { name: String, samples: usize, needed: usize },
    /// A transcript uses more symbols than the CTC head has outputs.
    #[error("utterance `{name}` spells symbol {id}, but the CTC head has {outputs} outputs")]
    Symbol { name: String, id: u32, outputs: usize },
    /// The vocabulary's padding is not the model's blank.
    #[error("`[PAD]` is symbol {vocabulary} of the vocabulary, but `model.wav2vec2.pad_token_id` is {model}")]
    Blank { vocabulary: u32, model: usize },
    /// The CTC head is smaller than the vocabulary.
    #[error("the vocabulary has {symbols} symbols, but `model.wav2vec2.asr_vocab_size` is {outputs}")]
    Vocabulary { symbols: usize, outputs: usize },
    /// The classifier heads are not the corpus'.
    #[error(
        "the categories have {corpus:?} classes, but `model.wav2vec2.classifier_num_targets` is {model:?}"
    )]
    Classes { corpus: Vec<usize>, model: Vec<usize> },
    /// There is no place for features.
    #[error("features cannot be kept in `{}`: {source}", dir.display())]
    FeatureCache { dir: std::path::PathBuf, source: std::io::Error },
    /// A front end that cannot run.
    #[error("the features of a clip cannot be made: {0}")]
    Features(String),
    /// The thread that prepares batches is gone without a word.
    #[error("the thread that prepares batches ended without a word; this is a bug of runner")]
    ThreadEnded,
}

impl DataError {
    /// What can be done about it, where we know.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            DataError::NoSound { .. } => Some(
                "put `NAME.wav`, `.flac` or `.ogg` into the corpus' folder, or take the lines out of the list",
            ),
            DataError::Unlabelled { .. } => {
                Some("labels are names in the file of `data.categories_path`, one for each classifier")
            }
            DataError::Unspellable { .. } => Some(
                "each symbol takes a frame, and two that are the same one more: are these the transcripts of these sounds, and lengths in samples?",
            ),
            DataError::Silent { .. } => Some(
                "`train.ctc_weight = 0` learns no transcripts; else look at the list and at the rules for text in `[data]`",
            ),
            DataError::TooShort { .. } => Some("take its line out of the list"),
            DataError::FeatureCache { .. } => {
                Some("name a folder that can be written in `data.feature_cache`, or leave it out")
            }
            _ => None,
        }
    }
}
