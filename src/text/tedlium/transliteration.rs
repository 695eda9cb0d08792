//! Any text in ASCII, as Python's Unidecode 1.4 writes it.
//!
//! The crate of that name has the table of an older release of the common ancestor; `differences.tsv` holds what has changed since
//! (tests/parity/make_tedlium.py computes it), and a test compares every character.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What the crate writes for characters it does not know, sometimes with a space after it; Unidecode leaves them out.
const UNKNOWN: &str = "[?]";

/// Control characters that are no ASCII; the crate takes them for those of Windows-1252.
const CONTROLS: std::ops::Range<char> = '\u{80}'..'\u{a0}';

static DIFFERENCES: LazyLock<HashMap<char, &str>> = LazyLock::new(|| {
    let rows = include_str!("differences.tsv").lines();
    rows.filter_map(|row| {
        let (code, ascii) = row.split_once('\t')?;
        Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, ascii))
    })
    .collect()
});

/// The text in ASCII; characters without a counterpart are left out.
pub(in crate::text) fn ascii(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c.is_ascii() {
            true => out.push(c),
            false => out.push_str(ascii_of(c)),
        }
        out
    })
}

fn ascii_of(c: char) -> &'static str {
    if let Some(ascii) = DIFFERENCES.get(&c) {
        return ascii;
    }
    match unidecode::unidecode_char(c) {
        _ if CONTROLS.contains(&c) => "",
        unknown if unknown.starts_with(UNKNOWN) => "",
        ascii => ascii,
    }
}
