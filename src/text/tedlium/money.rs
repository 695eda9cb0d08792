//! Amounts of dollars.

use super::Reading;
use super::number_words::cardinal;
use super::quantity::Quantity;
use super::rewrite::{Found, rewrite};

/// What may stand between an amount and its unit, so that `$5 million` is "five million dollars".
const SCALES: [&str; 5] = ["hundred", "thousand", "million", "billion", "trillion"];

/// Replaces every amount. In [`Reading::Reference`] digits are left for the later rules to read.
pub(super) fn read(text: &str, reading: Reading) -> String {
    rewrite(text, |rest| {
        let amount = rest.strip_prefix('$')?;
        let found = match reading {
            Reading::Reference => reference(amount),
            Reading::Sound => None,
        };
        let (bytes, words) = found.or_else(|| sound(amount))?;
        Some(Found::replaced(1 + bytes, words))
    })
}

/// The reference's reading, and the bytes it takes; `None` where there is no amount, and where the reference stops with an error:
/// at a comma, except among several points.
fn reference(text: &str) -> Option<(usize, String)> {
    let end = text.bytes().position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b',')).unwrap_or(text.len());
    let last = text[..end].bytes().rposition(|byte| byte.is_ascii_digit())?;
    let amount = &text[..=last];
    let mut parts = amount.split('.');
    let (dollars, cents) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let words = match parts.next() {
        Some(_) => format!("{amount} dollars"),
        None if amount.contains(',') => return None,
        None => dollars_and_cents([dollars, cents].map(|digits| digits.trim_start_matches('0').to_owned())),
    };
    Some((amount.len(), words))
}

/// How an amount is said, and the bytes it takes, a scale after it included.
fn sound(text: &str) -> Option<(usize, String)> {
    let amount = Quantity::at(text)?;
    let rest = &text[amount.bytes..];
    if let Some(scale) = scale(rest) {
        return Some((amount.bytes + 1 + scale.len(), format!(" {} {scale} dollars", amount.words())));
    }
    let words = match amount.fraction {
        fraction if fraction.len() > 2 => format!("{} dollars", amount.words()),
        fraction => {
            let cents = format!("{fraction:0<2}");
            let parts = [amount.whole.as_str(), &cents].map(|digits| digits.trim_start_matches('0'));
            dollars_and_cents(
                parts.map(|digits| if digits.is_empty() { String::new() } else { cardinal(digits) }),
            )
        }
    };
    let gap = if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) { " " } else { "" };
    Some((amount.bytes, format!(" {words}{gap}")))
}

/// "3 dollars, 50 cents", from digits or words; an empty part is nothing.
fn dollars_and_cents([dollars, cents]: [String; 2]) -> String {
    let named = |count: &str, unit: &str| match count {
        "1" | "one" => format!("{count} {unit}"),
        _ => format!("{count} {unit}s"),
    };
    match (dollars.as_str(), cents.as_str()) {
        ("", "") => "zero dollars".to_owned(),
        (dollars, "") => named(dollars, "dollar"),
        ("", cents) => named(cents, "cent"),
        (dollars, cents) => format!("{}, {}", named(dollars, "dollar"), named(cents, "cent")),
    }
}

/// A scale that follows after one space, as a whole word.
fn scale(text: &str) -> Option<&'static str> {
    let word = text.strip_prefix(' ')?.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    SCALES.into_iter().find(|scale| *scale == word)
}
