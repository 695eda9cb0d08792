//! What is to be said, as numbers for a model that says it: cleaners, then a symbol for each character.
//!
//! Both are those of keithito/tacotron as NVIDIA/tacotron2 has them, which most speech synthesis in English since has taken over: their slips
//! are kept (`mrs.` is "misess", `£` is spelt "ps"), because models and published lists are spelt that way.
//! Not for: transcripts of recognition ([`TextRules`](super::TextRules)), a pronouncing dictionary. Start at [`symbols`] and [`Cleaners::clean`].

mod abbreviations;
mod money;
mod symbols;

#[cfg(test)]
mod tests;

use super::space::single_spaces;
use super::tedlium::figures::{number, read_decimals, read_ordinals};
use super::tedlium::rewrite::{Found, leading_digits, rewrite};
use super::tedlium::transliteration::ascii;

pub use symbols::{BEGINNING, BLANK, END, SYMBOLS, name, sentence, symbols};

/// What is done to a text before it is spelt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cleaners {
    /// To ASCII, lower case, numbers and abbreviations as words, single spaces.
    #[default]
    English,
    /// To ASCII, lower case, single spaces.
    Transliteration,
    /// Lower case, single spaces.
    Basic,
}

impl Cleaners {
    /// The text as it is spelt.
    ///
    /// ```
    /// use runner::text::spoken::Cleaners;
    /// assert_eq!(Cleaners::English.clean("Dr. Jones paid $3.50."), "doctor jones paid three dollars, fifty cents.");
    /// ```
    pub fn clean(self, text: &str) -> String {
        let text = match self {
            Cleaners::Basic => text.to_lowercase(),
            Cleaners::Transliteration => ascii(text).to_ascii_lowercase(),
            Cleaners::English => abbreviations::expand(&numbers(&ascii(text).to_ascii_lowercase())),
        };
        single_spaces(&text)
    }
}

/// Numbers as words, by rules that are applied one after the other.
fn numbers(text: &str) -> String {
    let text = read_ordinals(&read_decimals(&money::read(&without_commas(text))));
    rewrite(&text, |rest| {
        let digits = leading_digits(rest);
        (!digits.is_empty()).then(|| Found::replaced(digits.len(), number(digits)))
    })
}

/// Commas between digits go: `1,234` is 1234.
fn without_commas(text: &str) -> String {
    rewrite(text, |rest| {
        if leading_digits(rest).is_empty() {
            return None;
        }
        let end = rest.bytes().position(|byte| !matches!(byte, b'0'..=b'9' | b',')).unwrap_or(rest.len());
        let figure = rest[..end].trim_end_matches(',');
        Some(Found::replaced(figure.len(), figure.replace(',', "")))
    })
}
