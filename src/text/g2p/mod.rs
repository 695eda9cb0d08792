//! What does it sound like? Text to IPA (grapheme to phoneme), through the `espeak-ng` program, or by its rules in Rust (feature `espeak`).
//!
//! The rules around it are those of Python's `phonemizer` 3.4 in its default mode, which published audio language models were trained on: text is
//! cut at punctuation, each piece is read on its own, and the punctuation is put back ([`marks`]). Languages are detected where asked
//! ([`Language`]), Japanese is brought into kana and Mandarin's tones into marks ([`tones`]). A piece that was read once is not asked for again.
//! Not for: tokens of phonemes (`phonemes`). Start at [`G2p`].

#[cfg(feature = "espeak")]
mod built_in;
mod clean;
mod error;
mod espeak;
mod kana;
mod language;
mod marks;
#[cfg(test)]
mod tests;
mod tones;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

pub use clean::without_language_tags;
pub use error::{G2pError, Unreadable};
pub use language::Language;

use espeak::Espeak;
use marks::Cut;

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// The `espeak-ng` program of this name or path.
    Espeak(PathBuf),
    /// espeak-ng's rules in Rust, in programs that were built with the feature `espeak`.
    BuiltIn,
    /// Nobody: the text's characters are its phonemes.
    Characters,
}

/// What is kept of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Punctuation, where it stood.
    pub punctuation: bool,
    /// Marks of stress, `ˈ` and `ˌ`.
    pub stress: bool,
    /// The tags, such as `(de)`, by which espeak-ng says that it reads on in another language.
    pub language_tags: bool,
    /// The space behind the last word.
    pub last_space: bool,
}

impl Default for Kept {
    fn default() -> Self {
        Kept { punctuation: true, stress: true, language_tags: false, last_space: false }
    }
}

/// A text, and its language where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a> {
    /// What is to be read; line ends count as spaces.
    pub text: &'a str,
    /// `None`: it is detected.
    pub language: Option<Language>,
}

/// A text as it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// IPA.
    pub phonemes: String,
    /// As it was given, or detected.
    pub language: Language,
}

/// Reads texts, and remembers what it has read.
#[derive(Debug)]
pub struct G2p {
    backend: Backend,
    kept: Kept,
    /// What espeak-ng answered, by voice and piece.
    read: HashMap<(&'static str, String), String>,
}

/// A text on its way.
struct Prepared {
    language: Language,
    cut: Cut,
}

impl G2p {
    /// A reader that has read nothing.
    pub fn new(backend: Backend, kept: Kept) -> Self {
        G2p { backend, kept, read: HashMap::new() }
    }

    /// Reads `texts`: for each its phonemes, or why it has none. All pieces in one language that were not read before go to espeak-ng at
    /// once.
    ///
    /// # Errors
    /// espeak-ng cannot be started, does not know a voice, or does not answer as it does.
    pub fn read(&mut self, texts: &[Text<'_>]) -> Result<Vec<Result<Said, Unreadable>>, G2pError> {
        let prepared: Vec<Result<Prepared, Unreadable>> =
            texts.iter().map(|text| self.prepared(text)).collect();
        for (voice, pieces) in self.unread(&prepared) {
            let answers = match &self.backend {
                Backend::Espeak(program) => Espeak::new(program).ask(voice, &pieces)?,
                Backend::BuiltIn => built_in(voice, &pieces)?,
                Backend::Characters => break,
            };
            self.read.extend(pieces.into_iter().map(|piece| (voice, piece)).zip(answers));
        }
        Ok(prepared.into_iter().map(|prepared| self.said(prepared?)).collect())
    }

    fn prepared(&self, text: &Text<'_>) -> Result<Prepared, Unreadable> {
        if text.text.trim().is_empty() {
            return Err(Unreadable::Empty);
        }
        let language = text.language.unwrap_or_else(|| Language::detected(text.text));
        let line: String = text.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.backend == Backend::Characters {
            return Ok(Prepared { language, cut: Cut::whole(line) });
        }
        let line = if language == Language::Japanese { kana::hiragana(&line)? } else { line };
        let cut =
            if self.kept.punctuation { Cut::at_marks(&line) } else { Cut::whole(marks::removed(&line)) };
        Ok(Prepared { language, cut })
    }

    /// Voices, and what each has yet to read, in the order of the texts.
    fn unread(&self, prepared: &[Result<Prepared, Unreadable>]) -> Vec<(&'static str, Vec<String>)> {
        let mut voices: Vec<(&'static str, Vec<String>)> = Vec::new();
        let mut asked = HashSet::new();
        for Prepared { language, cut } in prepared.iter().flatten() {
            let voice = language.voice();
            for piece in cut.pieces() {
                let key = (voice, piece.to_owned());
                if self.read.contains_key(&key) || !asked.insert(key) {
                    continue;
                }
                match voices.iter_mut().find(|(known, _)| *known == voice) {
                    Some((_, pieces)) => pieces.push(piece.to_owned()),
                    None => voices.push((voice, vec![piece.to_owned()])),
                }
            }
        }
        voices
    }

    fn said(&self, Prepared { language, cut }: Prepared) -> Result<Said, Unreadable> {
        if self.backend == Backend::Characters {
            return Ok(Said { phonemes: cut.restored(|piece| piece.trim().to_owned(), false), language });
        }
        let voice = language.voice();
        let phonemes = cut.restored(
            |piece| {
                let answer = self.read.get(&(voice, piece.to_owned())).map(String::as_str);
                clean::cleaned(answer.unwrap_or_default(), self.kept)
            },
            self.kept.last_space,
        );
        if phonemes.trim().is_empty() {
            return Err(Unreadable::Silent);
        }
        let phonemes = if language == Language::Chinese { tones::marked(&phonemes) } else { phonemes };
        Ok(Said { phonemes, language })
    }
}

/// What the rules that are built in say.
#[cfg(feature = "espeak")]
fn built_in(voice: &'static str, pieces: &[String]) -> Result<Vec<String>, G2pError> {
    built_in::ask(voice, pieces)
}

/// There are none in this program.
#[cfg(not(feature = "espeak"))]
fn built_in(_voice: &'static str, _pieces: &[String]) -> Result<Vec<String>, G2pError> {
    Err(G2pError::NotBuiltIn)
}
