//! Texts as symbols between a beginning and an end: English characters, or phonemes.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::DataError;
use crate::plan::{CodecLmPlan, CodedText, PhonemeLanguage};
use crate::text::g2p::{Backend, G2p, Kept, Language, Text};
use crate::text::phonemes::PhonemeTokenizer;
use crate::text::spoken::{BEGINNING, Cleaners, sentence};

/// The program that reads texts.
const ESPEAK: &str = "espeak-ng";

/// Makes symbols of texts, as a model of codes has them.
pub struct TextTokens {
    phonemes: Option<Phonemes>,
}

struct Phonemes {
    language: Option<Language>,
    tokenizer: PhonemeTokenizer,
    /// Remembers what it has read.
    g2p: Mutex<G2p>,
}

impl TextTokens {
    /// As the plan of a model of codes has it.
    pub fn of(plan: &CodecLmPlan) -> Self {
        let phonemes = || Phonemes {
            language: match plan.language {
                PhonemeLanguage::Auto => None,
                PhonemeLanguage::En => Some(Language::English),
                PhonemeLanguage::Ja => Some(Language::Japanese),
                PhonemeLanguage::De => Some(Language::German),
                PhonemeLanguage::Fr => Some(Language::French),
                PhonemeLanguage::Zh => Some(Language::Chinese),
                PhonemeLanguage::Ko => Some(Language::Korean),
            },
            tokenizer: PhonemeTokenizer::new(),
            g2p: Mutex::new(G2p::new(Backend::Espeak(PathBuf::from(ESPEAK)), Kept::default())),
        };
        TextTokens { phonemes: (plan.text == CodedText::Phonemes).then(phonemes) }
    }

    /// Reads all of `texts` at once, which is faster than one by one.
    ///
    /// # Errors
    /// espeak-ng is not there, or does not answer as it does.
    pub fn read_ahead<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Result<(), DataError> {
        let Some(phonemes) = &self.phonemes else { return Ok(()) };
        let texts: Vec<Text<'_>> = texts.map(|text| phonemes.text(text)).collect();
        phonemes.g2p.lock().unwrap_or_else(PoisonError::into_inner).read(&texts)?;
        Ok(())
    }

    /// The symbols of a text; `None` where it cannot be read.
    ///
    /// # Errors
    /// As [`TextTokens::read_ahead`].
    pub fn symbols(&self, text: &str) -> Result<Option<Vec<u32>>, DataError> {
        let Some(phonemes) = &self.phonemes else {
            let told = std::iter::once(BEGINNING).chain(sentence(text, Cleaners::English, false));
            return Ok(Some(told.collect()));
        };
        let mut g2p = phonemes.g2p.lock().unwrap_or_else(PoisonError::into_inner);
        let said = g2p.read(&[phonemes.text(text)])?.pop().and_then(Result::ok);
        let ids = |said: crate::text::g2p::Said| phonemes.tokenizer.encode(&said.phonemes);
        Ok(said.map(|said| ids(said).into_iter().map(u32::from).collect()))
    }
}

impl Phonemes {
    fn text<'a>(&self, text: &'a str) -> Text<'a> {
        Text { text, language: self.language }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::under_ci;

    #[test]
    fn texts_stand_between_a_beginning_and_an_end() {
        let plan = under_ci("codec_lm", &["model.codec_lm.text=\"characters\""]);
        let plan = plan.model.codec_lm().unwrap();
        let symbols = TextTokens::of(plan).symbols("Dr. No").unwrap().unwrap();
        let same = TextTokens::of(plan).symbols("doctor no").unwrap().unwrap();
        assert_eq!(symbols, same);
        assert_eq!((symbols[0], symbols[symbols.len() - 1]), (149, 148));
        assert!(symbols.len() == 11 && symbols.iter().all(|symbol| (*symbol as usize) < plan.symbols));
    }

    /// Without the program nothing is made of a text, and that is said.
    #[test]
    fn phonemes_need_their_program() {
        let plan =
            under_ci("codec_lm", &["model.codec_lm.text=\"phonemes\"", "model.codec_lm.language=\"en\""]);
        let tokens = TextTokens::of(plan.model.codec_lm().unwrap());
        match tokens.symbols("hello world") {
            Ok(symbols) => {
                let symbols = symbols.unwrap();
                assert_eq!((symbols[0], symbols[symbols.len() - 1]), (1, 2), "{symbols:?}");
            }
            Err(error) => assert!(error.to_string().contains("espeak-ng"), "{error}"),
        }
    }
}
