//! TED-LIUM transcripts as the reference reads them: ASCII, symbols and figures as words, one space between words.
//!
//! For: preparing TED-LIUM 3, so that transcripts (and error rates against them) are those of the published numbers.
//! Not for: the clean-up when labels are made ([`TextRules`](super::TextRules)); commas, quotes and capitals stay.
//! Start at [`normalise`]; [`Reading`] says which of the reference's slips are mended.

pub(super) mod figures;
mod money;
pub(super) mod number_words;
mod quantity;
pub(super) mod rewrite;
pub(super) mod transliteration;

#[cfg(test)]
mod tests;

use super::space::single_spaces;

/// Symbols and what is written for them, in this order.
const SYMBOLS: [(&str, &str); 7] =
    [("[", ""), ("]", ""), ("&", "and"), ("%", "percent"), ("+", "plus"), ("@", "at"), ("<unk>", "[UNK]")];

/// How figures are read where the reference reads them amiss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// As the reference (with inflect 7.6 and Unidecode 1.4). Where that stops with an error, the sound reading is taken: amounts
    /// with a comma (`$1,000`), and numbers of more than 36 digits, which are read digit by digit.
    #[default]
    Reference,
    /// As people say it. `1,000,000` is one number; digits after a decimal point are read one by one (`10.05` is "ten point zero
    /// five"); a tenth of a dollar is ten cents, and a scale comes before the unit (`$1.5 million` is "one point five million
    /// dollars"). A number with a separator, a fraction or a dollar sign is never a year.
    Sound,
}

/// The transcript as the reference's preparation writes it: [`normalise_as`] with [`Reading::Reference`].
///
/// ```
/// use runner::text::tedlium::normalise;
/// assert_eq!(normalise("in 1999 and 2005"), "in nineteen ninety-nine and two thousand five ");
/// assert_eq!(normalise("$1,000 <unk>"), " one thousand dollars [UNK]");
/// ```
pub fn normalise(text: &str) -> String {
    normalise_as(text, Reading::Reference)
}

/// The transcript in ASCII, without a digit, with single spaces (one may stand at either end).
///
/// Brackets are deleted, `& % + @` become words, `<unk>` becomes `[UNK]`; then the text is transliterated, and amounts, decimals,
/// ordinals and numbers are read, in this order. Any text is taken.
pub fn normalise_as(text: &str, reading: Reading) -> String {
    let text = SYMBOLS.iter().fold(text.to_owned(), |text, (symbol, words)| text.replace(symbol, words));
    let text = money::read(&transliteration::ascii(&text), reading);
    let text = match reading {
        Reading::Reference => figures::read_decimals(&text),
        Reading::Sound => quantity::read(&text),
    };
    single_spaces(&figures::read_numbers(&figures::read_ordinals(&text)))
}
