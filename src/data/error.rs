//! What goes wrong between the corpus and the batch.

use crate::corpora::CorpusError;
use crate::text::TextError;

/// Why there is no next batch.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file of the corpus is missing or broken.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The vocabulary is missing or broken.
    #[error(transparent)]
    Text(#[from] TextError),
    /// No utterance passes the filters.
    #[error("none of the {count} utterances of `{meta}` may be trained on: {filter}")]
    NothingLeft { meta: String, count: usize, filter: String },
    /// An utterance gives no frame at all.
    #[error("utterance `{name}` has {samples} samples, but the model needs {needed} for one frame")]
    TooShort { name: String, samples: usize, needed: usize },
    /// A transcript uses more symbols than the CTC head has outputs.
    #[error("utterance `{name}` spells symbol {id}, but the CTC head has {outputs} outputs")]
    Symbol { name: String, id: u32, outputs: usize },
    /// The thread that prepares batches is gone without a word.
    #[error("the thread that prepares batches ended unexpectedly")]
    ThreadEnded,
}
