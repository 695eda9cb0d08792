//! What is the next batch? From the corpus' list of utterances to padded arrays, in an order that is a pure function of the seed.
//!
//! [`Stream`] answers "batch number n" for training and can start anywhere; [`Prefetch`] runs it on a thread of its own, and what goes wrong
//! there arrives here. [`eval_batches`] packs a split once. Host data only: no tensors. Not for: file formats (`corpora`, `audio`).

mod batch;
mod encode;
mod error;
mod feature_cache;
mod loader;
mod mixup;
mod order;
mod pack;
mod prefetch;
mod shares;
mod stream;
mod target;
mod text_tokens;

pub use batch::{Batch, Heard, Labels};
pub use encode::{Encoder, Spelling, Spoken, text_rules};
pub use error::DataError;
pub use feature_cache::{FeatureCache, FrontEnd};
pub use loader::{Loader, kept_samples, open_corpus, open_train};
pub use pack::{Limits, pack};
pub use prefetch::Prefetch;
pub use shares::Shares;
pub use stream::{Position, Stream, eval_batches, first_epoch};
pub use target::Target;
pub use text_tokens::TextTokens;
