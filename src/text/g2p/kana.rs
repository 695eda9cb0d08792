//! Japanese as espeak-ng reads it: in hiragana.
//!
//! Katakana have a hiragana each. Kanji have readings that depend on the word, for which it takes a dictionary: they are refused, since
//! espeak-ng would spell out the words "Chinese letter" for each.

use super::Unreadable;
use super::language::is_han;

/// `text` in hiragana.
///
/// # Errors
/// There is a kanji in it.
pub(super) fn hiragana(text: &str) -> Result<String, Unreadable> {
    text.chars()
        .map(|c| match c {
            // The blocks have the same order; `ヷ` to `ヺ` have no hiragana, nor has the mark of length.
            '\u{30a1}'..='\u{30f6}' => Ok(char::from_u32(u32::from(c) - 0x60).unwrap_or(c)),
            c if is_han(c) => Err(Unreadable::Kanji(c)),
            c => Ok(c),
        })
        .collect()
}
