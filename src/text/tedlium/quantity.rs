//! Numbers with thousands separators and with fractions, read as people say them.

use super::figures::ordinal_suffix;
use super::number_words::{cardinal, one_by_one, ordinal};
use super::rewrite::{Found, leading_digits, rewrite};

/// Digits in a group between separators.
const GROUP: usize = 3;

/// A number at the head of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quantity<'a> {
    /// Digits before the point, without separators; empty in `.5`.
    pub whole: String,
    /// Digits after the point; empty where there is none.
    pub fraction: &'a str,
    /// Bytes that the number takes, separators and point included.
    pub bytes: usize,
    grouped: bool,
}

impl<'a> Quantity<'a> {
    /// The number that `text` begins with, if it begins with a digit or with a point and a digit.
    pub fn at(text: &'a str) -> Option<Self> {
        let plain = leading_digits(text);
        let grouped = grouped_bytes(text, plain);
        let whole_bytes = grouped.unwrap_or(plain.len());
        let fraction = fraction(&text[whole_bytes..]);
        let point = usize::from(!fraction.is_empty());
        let bytes = whole_bytes + point + fraction.len();
        (bytes > 0).then(|| Self {
            whole: text[..whole_bytes].replace(',', ""),
            fraction,
            bytes,
            grouped: grouped.is_some(),
        })
    }

    /// "one thousand", "zero point five".
    pub fn words(&self) -> String {
        match self.fraction {
            "" => cardinal(&self.whole),
            fraction => format!("{} point {}", cardinal(&self.whole), one_by_one(fraction)),
        }
    }
}

/// Reads all numbers that have a separator or a fraction; others are left to the rules for years and plain numbers.
pub(super) fn read(text: &str) -> String {
    rewrite(text, |rest| {
        let plain = leading_digits(rest);
        let quantity = Quantity::at(rest).filter(|_| !plain.is_empty())?;
        let suffix = ordinal_suffix(&rest[quantity.bytes..]).filter(|_| quantity.fraction.is_empty());
        Some(match (quantity.grouped, suffix) {
            (true, Some(suffix)) => Found::replaced(quantity.bytes + suffix.len(), ordinal(&quantity.whole)),
            (false, _) if quantity.fraction.is_empty() => Found::kept(rest, dotted_bytes(rest)),
            _ => Found::replaced(quantity.bytes, format!(" {} ", quantity.words())),
        })
    })
}

/// Bytes of a whole number that is well parted into thousands: `1,000`, not `1,00`, nor `1000,000`, nor `0,000`.
fn grouped_bytes(text: &str, plain: &str) -> Option<usize> {
    if plain.is_empty() || plain.len() > GROUP || plain.starts_with('0') {
        return None;
    }
    let mut bytes = plain.len();
    while let Some(group) =
        text[bytes..].strip_prefix(',').map(leading_digits).filter(|group| !group.is_empty())
    {
        if group.len() != GROUP {
            return None;
        }
        bytes += 1 + GROUP;
    }
    (bytes > plain.len()).then_some(bytes)
}

/// Bytes of digits in a row of points, as in dates and versions.
fn dotted_bytes(text: &str) -> usize {
    let mut bytes = leading_digits(text).len();
    while let Some(digits) =
        text[bytes..].strip_prefix('.').map(leading_digits).filter(|digits| !digits.is_empty())
    {
        bytes += 1 + digits.len();
    }
    bytes
}

/// The digits after a point; none in a date or a version (`.1.2`), where points do not part off fractions.
fn fraction(text: &str) -> &str {
    let digits = text.strip_prefix('.').map_or("", leading_digits);
    let goes_on = text[(digits.len() + 1).min(text.len())..].strip_prefix('.').map_or("", leading_digits);
    if goes_on.is_empty() { digits } else { "" }
}
