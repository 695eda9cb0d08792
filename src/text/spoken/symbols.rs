//! The 148 symbols of English speech synthesis, and a text spelt with them.

use super::Cleaners;

/// Symbols that texts are spelt with.
pub const SYMBOLS: usize = 148;
/// What stands between characters, where a model wants that: the first symbol, which no text is spelt with.
pub const BLANK: u32 = 0;
/// Behind a text; no symbol of the list.
pub const END: u32 = 148;
/// Before a text, for models that want that; no symbol of the list, either.
pub const BEGINNING: u32 = 149;

/// Padding, punctuation, and letters.
const CHARACTERS: &str = "_-!'(),.:;? ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The phones of the CMU dictionary, behind the characters.
const PHONES: [&str; 84] = [
    "AA", "AA0", "AA1", "AA2", "AE", "AE0", "AE1", "AE2", "AH", "AH0", "AH1", "AH2", "AO", "AO0", "AO1",
    "AO2", "AW", "AW0", "AW1", "AW2", "AY", "AY0", "AY1", "AY2", "B", "CH", "D", "DH", "EH", "EH0", "EH1",
    "EH2", "ER", "ER0", "ER1", "ER2", "EY", "EY0", "EY1", "EY2", "F", "G", "HH", "IH", "IH0", "IH1", "IH2",
    "IY", "IY0", "IY1", "IY2", "JH", "K", "L", "M", "N", "NG", "OW", "OW0", "OW1", "OW2", "OY", "OY0", "OY1",
    "OY2", "P", "R", "S", "SH", "T", "TH", "UH", "UH0", "UH1", "UH2", "UW", "UW0", "UW1", "UW2", "V", "W",
    "Y", "Z", "ZH",
];

/// The symbols of a text behind `cleaners`. Phones stand in braces (`{HH AW1 S}`), which are not cleaned; what has no symbol is left out.
pub fn symbols(text: &str, cleaners: Cleaners) -> Vec<u32> {
    let mut ids = Vec::with_capacity(text.len());
    let mut rest = text;
    // As the published pattern has it, something has to stand between the braces.
    while let Some((plain, phones, behind)) = first_braces(rest) {
        ids.extend(spelt(&cleaners.clean(plain)));
        ids.extend(phones.split_whitespace().filter_map(phone));
        rest = behind;
    }
    ids.extend(spelt(&cleaners.clean(rest)));
    ids
}

/// A text as a model is told it: its symbols, with `blanks` one more before, between and behind them, and its end.
pub fn sentence(text: &str, cleaners: Cleaners, blanks: bool) -> Vec<u32> {
    let mut told = Vec::new();
    for symbol in symbols(text, cleaners) {
        told.extend(blanks.then_some(BLANK));
        told.push(symbol);
    }
    told.extend(blanks.then_some(BLANK));
    told.push(END);
    told
}

/// A symbol as it is written: a character, a phone, or `∎` for the end; nothing where there is no such symbol.
pub fn name(symbol: u32) -> &'static str {
    let at = symbol as usize;
    match symbol {
        END => "∎",
        _ => CHARACTERS
            .get(at..at + 1)
            .or_else(|| PHONES.get(at - CHARACTERS.len()).copied())
            .unwrap_or_default(),
    }
}

/// What stands before the first braces, in them and behind them.
fn first_braces(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('{')?;
    let inside = &text[open + 1..];
    // The braces hold one character at least.
    let first = inside.chars().next()?.len_utf8();
    let close = first + inside[first..].find('}')?;
    Some((&text[..open], &inside[..close], &inside[close + 1..]))
}

fn spelt(text: &str) -> impl Iterator<Item = u32> {
    text.chars().filter(|&c| c != '_').filter_map(|c| CHARACTERS.find(c).map(|at| at as u32))
}

fn phone(name: &str) -> Option<u32> {
    let at = PHONES.iter().position(|phone| *phone == name)?;
    Some((CHARACTERS.len() + at) as u32)
}
