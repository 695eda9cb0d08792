//! Amounts of dollars; their digits are left for the rules behind.

use crate::text::tedlium::rewrite::{Found, rewrite};

/// `$3.50` is "3 dollars, 50 cents". What stands behind the point counts as cents, digit for digit: `$1.5` is "1 dollar, 5 cents".
pub(super) fn read(text: &str) -> String {
    rewrite(text, |rest| {
        let amount = rest.strip_prefix('$')?;
        let end = amount
            .bytes()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b','))
            .unwrap_or(amount.len());
        let last = amount[..end].bytes().rposition(|byte| byte.is_ascii_digit())?;
        let amount = &amount[..=last];
        Some(Found::replaced(1 + amount.len(), words(amount)))
    })
}

fn words(amount: &str) -> String {
    let parts: Vec<&str> = amount.split('.').collect();
    let (dollars, cents) = match parts[..] {
        [dollars] => (dollars, ""),
        [dollars, cents] => (dollars, cents),
        _ => return format!("{amount} dollars"),
    };
    // A comma that is left stands where no figure begins: what is around it is one number.
    let plain = |digits: &str| digits.replace(',', "").trim_start_matches('0').to_owned();
    let named = |count: &str, unit: &str| format!("{count} {unit}{}", if count == "1" { "" } else { "s" });
    match (plain(dollars).as_str(), plain(cents).as_str()) {
        ("", "") => "zero dollars".to_owned(),
        (dollars, "") => named(dollars, "dollar"),
        ("", cents) => named(cents, "cent"),
        (dollars, cents) => format!("{}, {}", named(dollars, "dollar"), named(cents, "cent")),
    }
}
