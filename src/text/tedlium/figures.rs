//! Decimals, ordinals and plain numbers, as the reference reads them.

use super::number_words::{cardinal, in_pairs, ordinal};
use super::rewrite::{Found, leading_digits, rewrite};

const ORDINAL_SUFFIXES: [&str; 4] = ["st", "nd", "rd", "th"];

/// A point between digits becomes a word: `3.14` is `3 point 14`.
pub(in crate::text) fn read_decimals(text: &str) -> String {
    rewrite(text, |rest| {
        let whole = nonempty(leading_digits(rest))?;
        let fraction = rest[whole.len()..].strip_prefix('.').map_or("", leading_digits);
        if fraction.is_empty() {
            return Some(Found::kept(rest, whole.len()));
        }
        Some(Found::replaced(whole.len() + 1 + fraction.len(), format!("{whole} point {fraction}")))
    })
}

/// Digits with the ending of an ordinal become words: `21st` is "twenty-first".
pub(in crate::text) fn read_ordinals(text: &str) -> String {
    rewrite(text, |rest| {
        let digits = nonempty(leading_digits(rest))?;
        Some(match ordinal_suffix(&rest[digits.len()..]) {
            Some(suffix) => Found::replaced(digits.len() + suffix.len(), ordinal(digits)),
            None => Found::kept(rest, digits.len()),
        })
    })
}

/// Digits become words, with a space on either side.
pub(super) fn read_numbers(text: &str) -> String {
    rewrite(text, |rest| {
        let digits = nonempty(leading_digits(rest))?;
        Some(Found::replaced(digits.len(), format!(" {} ", number(digits))))
    })
}

/// The ordinal's ending that `text` begins with.
pub(super) fn ordinal_suffix(text: &str) -> Option<&'static str> {
    ORDINAL_SUFFIXES.into_iter().find(|suffix| text.starts_with(suffix))
}

/// Numbers that may be years are read as years, others as numbers.
pub(in crate::text) fn number(digits: &str) -> String {
    match digits.trim_start_matches('0').parse() {
        Ok(2000) => "two thousand".to_owned(),
        Ok(year @ 2001..2010) => format!("two thousand {}", cardinal(&(year - 2000).to_string())),
        Ok(year @ 1001..3000) if year % 100 == 0 => {
            format!("{} hundred", cardinal(&(year / 100).to_string()))
        }
        Ok(year @ 1001..3000) => in_pairs(year),
        // Also where there are more digits than an integer holds.
        _ => cardinal(digits),
    }
}

fn nonempty(digits: &str) -> Option<&str> {
    (!digits.is_empty()).then_some(digits)
}
