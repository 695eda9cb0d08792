//! The vocabulary: text of tokens, and the tokens that are no text.

use std::path::Path;

use tokenizers::Tokenizer;

use super::TranscribeError;
use super::languages::LANGUAGES;
use super::sizes::Sizes;

/// A language, as a token and by its English name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    pub token: u32,
    pub code: &'static str,
    pub name: &'static str,
}

/// The vocabulary of a model.
#[derive(Debug)]
pub struct Words {
    tokenizer: Tokenizer,
    /// What ends a transcript. Text has the tokens below it.
    pub end: u32,
    /// What begins one.
    pub start: u32,
    /// Asks for words in the language that is spoken.
    pub transcribe: u32,
    pub no_timestamps: u32,
    /// Says that nobody speaks; older and newer models call it by two names.
    pub no_speech: Option<u32>,
    /// The time 0.00; the next ones are 20 ms apart.
    pub first_timestamp: u32,
    /// In the order of their codes.
    pub languages: Vec<Language>,
}

impl Words {
    /// Reads the folder's `tokenizer.json`.
    ///
    /// # Errors
    /// It cannot be read, lacks a token, or has more of them than the model.
    pub fn read(folder: &Path, sizes: &Sizes) -> Result<Self, TranscribeError> {
        let path = folder.join("tokenizer.json");
        let damaged = |reason: String| TranscribeError::beside(&path, reason);
        let tokenizer = Tokenizer::from_file(&path).map_err(|error| damaged(error.to_string()))?;
        let token = |name: &str| tokenizer.token_to_id(&format!("<|{name}|>"));
        let needed = |name| token(name).ok_or_else(|| damaged(format!("it has no token `<|{name}|>`")));
        let no_timestamps = needed("notimestamps")?;
        let languages = LANGUAGES.iter().filter_map(|&(code, name)| {
            Some(Language { token: token(code)?, code, name })
                .filter(|language| language.token < no_timestamps)
        });
        let words = Words {
            end: needed("endoftext")?,
            start: needed("startoftranscript")?,
            transcribe: needed("transcribe")?,
            no_timestamps,
            no_speech: token("nospeech").or_else(|| token("nocaptions")),
            // Files of older models do not name them.
            first_timestamp: no_timestamps + 1,
            languages: languages.collect(),
            tokenizer,
        };
        let most = words.first_timestamp as usize + sizes.max_source_positions + 1;
        match most > sizes.vocab_size || words.end >= words.no_timestamps {
            false => Ok(words),
            true => Err(damaged(format!(
                "with the times of a window it has {most} tokens, and the model {}",
                sizes.vocab_size
            ))),
        }
    }

    /// The language of that code or English name, in small letters or large ones.
    pub fn language(&self, name: &str) -> Option<Language> {
        let name = name.to_ascii_lowercase();
        self.languages.iter().copied().find(|language| language.code == name || language.name == name)
    }

    /// The text of tokens; those that are no text are passed over.
    pub fn text(&self, tokens: &[u32]) -> String {
        let text: Vec<u32> = tokens.iter().copied().filter(|token| *token < self.end).collect();
        // Fails for tokens that the vocabulary lacks, of which there are none below its end.
        self.tokenizer.decode(&text, false).unwrap_or_default()
    }
}
