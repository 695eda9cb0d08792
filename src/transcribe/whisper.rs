//! A model that is ready to transcribe.

use std::path::Path;

use super::TranscribeError;
use super::book::Transcript;
use super::decoding::{Decoding, TEMPERATURES, likeliest_of};
use super::log_mel::LogMel;
use super::network::Network;
use super::rules::Rules;
use super::sizes::{Manners, Sizes};
use super::sounding::Sounding;
use super::words::{Language, Words};

/// The rate of the sound that it takes.
pub const RATE_HZ: u32 = 16_000;

/// Whisper with its vocabulary and its manners.
#[derive(Debug)]
pub struct Whisper {
    pub(super) sizes: Sizes,
    pub(super) words: Words,
    pub(super) rules: Rules,
    pub(super) network: Network,
    pub(super) log_mel: LogMel,
    /// See [`TEMPERATURES`].
    pub(super) temperatures: &'static [f32],
    pub(super) is_multilingual: bool,
}

impl Whisper {
    /// Reads a folder in Hugging Face's layout: `config.json`, `tokenizer.json`, weights, and `generation_config.json` where there is one.
    ///
    /// # Errors
    /// A file cannot be read, is of another model, or does not fit the others.
    pub fn read(folder: &Path) -> Result<Self, TranscribeError> {
        let sizes = Sizes::read(folder)?;
        let manners = Manners::read(folder)?;
        let words = Words::read(folder, &sizes)?;
        Ok(Whisper {
            rules: Rules::new(&words, &sizes, &manners),
            network: Network::read(folder, &sizes)?,
            log_mel: LogMel::new(sizes.num_mel_bins)?,
            temperatures: &TEMPERATURES,
            is_multilingual: manners.is_multilingual.unwrap_or(true),
            words,
            sizes,
        })
    }

    /// The language of that code (`en`) or English name (`english`), as a code.
    ///
    /// # Errors
    /// The model does not know it.
    pub fn language(&self, name: &str) -> Result<&'static str, TranscribeError> {
        let english =
            !self.is_multilingual && ["en", "english"].contains(&name.to_ascii_lowercase().as_str());
        let known = self.words.language(name).filter(|_| self.is_multilingual).map(|language| language.code);
        known.or(english.then_some("en")).ok_or_else(|| TranscribeError::Language {
            name: name.to_owned(),
            known: match self.is_multilingual {
                true => self.words.languages.iter().map(|language| language.name).collect(),
                false => vec!["english"],
            },
        })
    }

    /// What is said in a sound at [`RATE_HZ`], in the language of that code, or in that of its first window.
    ///
    /// `goes_on` is asked before each token, with the seconds that are done.
    ///
    /// # Errors
    /// The model failed, or was not to go on.
    pub fn transcribe(
        &self,
        samples: &[f32],
        language: Option<&str>,
        goes_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Transcript, TranscribeError> {
        Sounding::new(self, samples).transcript(language, goes_on)
    }

    /// Who decodes its windows.
    pub(super) fn decoding(&self) -> Decoding<'_> {
        Decoding {
            decoder: &self.network.decoder,
            words: &self.words,
            rules: &self.rules,
            temperatures: self.temperatures,
            most_tokens: self.sizes.max_target_positions,
        }
    }

    /// The tokens that ask for a transcript in that language, and the language's name. Without a language it is that which is heard; a model that
    /// knows English only is asked for none.
    pub(super) fn asked(
        &self,
        language: Option<&str>,
        encoded: &candle_core::Tensor,
    ) -> Result<(Vec<u32>, &'static str), TranscribeError> {
        let words = &self.words;
        if !self.is_multilingual {
            return Ok((vec![words.start], "english"));
        }
        let given = language.and_then(|language| words.language(language));
        let language = match given {
            Some(language) => Some(language),
            None => {
                let tokens = words.languages.iter().map(|language| language.token);
                let heard = likeliest_of(&self.network.decoder, encoded, words.start, tokens)?;
                words.languages.iter().copied().find(|language| Some(language.token) == heard)
            }
        };
        Ok(match language {
            Some(Language { token, name, .. }) => (vec![words.start, token, words.transcribe], name),
            None => (vec![words.start, words.transcribe], ""),
        })
    }
}
