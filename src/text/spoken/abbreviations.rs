//! Abbreviations as words.

use crate::text::tedlium::rewrite::{Found, rewrite};

/// What stands before a point, and what it stands for; the first is misspelt as in every copy of the list.
const ABBREVIATIONS: [(&str, &str); 18] = [
    ("mrs", "misess"),
    ("mr", "mister"),
    ("dr", "doctor"),
    ("st", "saint"),
    ("co", "company"),
    ("jr", "junior"),
    ("maj", "major"),
    ("gen", "general"),
    ("drs", "doctors"),
    ("rev", "reverend"),
    ("lt", "lieutenant"),
    ("hon", "honorable"),
    ("sgt", "sergeant"),
    ("capt", "captain"),
    ("esq", "esquire"),
    ("ltd", "limited"),
    ("col", "colonel"),
    ("ft", "fort"),
];

/// Replaces each abbreviation that stands as a word with a point behind it, the point with it. `text` is lower case.
pub(super) fn expand(text: &str) -> String {
    rewrite(text, |rest| {
        let word = &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())];
        if word.is_empty() {
            return None;
        }
        let found = ABBREVIATIONS.iter().find(|(short, _)| *short == word);
        Some(match found.filter(|_| rest[word.len()..].starts_with('.')) {
            Some((_, long)) => Found::replaced(word.len() + 1, (*long).to_owned()),
            None => Found::kept(rest, word.len()),
        })
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
