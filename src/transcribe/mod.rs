//! What was said? Transcripts of sound by Whisper, sentence by sentence.
//!
//! For: weights in Hugging Face's layout, its log-mel front end, the language of a sound, words with their times by the rules that the model was
//! trained for, sound of any length, and the JSON in which transcripts of a speaker's files are kept ([`Book`]). Not for: training, times of
//! single words, walking through folders and saying how far it is (`cli`).
//! Start at [`Whisper`]; `sounding.rs` goes through a sound window by window, `rules.rs` says what may be said next. Built with the feature
//! `transcribe` only: candle, which has the arithmetic, and the library of tokenizers add minutes to a build.
//!
//! What is done and in which order is that of Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022), section 4.5; numbers are
//! those of transformers (tests/parity/make_whisper.py).

mod book;
mod decoding;
mod error;
mod languages;
mod layers;
mod log_mel;
mod network;
mod pieces;
mod rules;
mod sentences;
mod sizes;
mod sounding;
mod whisper;
mod words;

#[cfg(test)]
mod tests;

pub use book::{Book, Transcript};
pub use error::TranscribeError;
pub use sentences::Segment;
pub use whisper::{RATE_HZ, Whisper};
