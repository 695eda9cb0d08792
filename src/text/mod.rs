//! What does it say?
//!
//! For: the character vocabulary of a CTC model (text to ids and back), the clean-up of transcripts before
//! they become labels, and word and character error rates, and where two transcripts differ.
//! [`g2p`] makes phonemes of text, [`phonemes`] tokens of those;
//! [`tedlium`] is how TED-LIUM's transcripts are read before they are a corpus, [`spoken`] how texts are that are to be said.
//! Not for: which transcript belongs to which sound (`corpora`), or the CTC loss itself (`kernels`).
//! Start at [`CtcTokenizer`] and [`word_errors`].

mod differences;
mod edit;
mod error;
pub mod g2p;
pub mod phonemes;
mod rules;
mod space;
pub mod spoken;
pub mod tedlium;
mod tokenizer;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use differences::{Difference, word_differences};
pub use edit::{EditCounts, char_errors, word_errors};
pub use error::TextError;
pub use rules::TextRules;
pub use space::collapse_spaces;
pub use tokenizer::CtcTokenizer;
pub use vocabulary::vocabulary_of;
