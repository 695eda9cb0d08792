//! Replacing what a rule finds in a text, from left to right.

use std::borrow::Cow;

/// What a rule makes of the head of a text.
pub(in crate::text) struct Found<'a> {
    /// Bytes of the text that are done with.
    pub bytes: usize,
    /// What stands in their place.
    pub words: Cow<'a, str>,
}

impl<'a> Found<'a> {
    /// The first `bytes` of `text` are to be replaced.
    pub fn replaced(bytes: usize, words: String) -> Self {
        Self { bytes, words: words.into() }
    }

    /// The first `bytes` of `text` stay as they are.
    pub fn kept(text: &'a str, bytes: usize) -> Self {
        Self { bytes, words: text[..bytes].into() }
    }
}

/// Goes through `text` and asks `rule` at every place what to do with what follows; `None` keeps one character. What it
/// has done with is not looked at again.
pub(in crate::text) fn rewrite<'a>(text: &'a str, rule: impl Fn(&'a str) -> Option<Found<'a>>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match rule(rest) {
            Some(found) => {
                out.push_str(&found.words);
                rest = &rest[found.bytes..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// The digits that `text` begins with.
pub(in crate::text) fn leading_digits(text: &str) -> &str {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}
