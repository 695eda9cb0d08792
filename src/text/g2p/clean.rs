//! What espeak-ng prints, as phonemes: separators, stress and tags.

use super::Kept;

/// The answer to one piece: lines of clauses, `_` between phonemes, a space between words.
pub(super) fn cleaned(answer: &str, kept: Kept) -> String {
    let answer = if kept.language_tags { answer.to_owned() } else { without_language_tags(answer) };
    let phonemes: String = answer.chars().filter(|&c| c != '_' && (kept.stress || !is_stress(c))).collect();
    phonemes.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without the tags, such as `(en)` and `(fr-fr)`, that stand where espeak-ng reads on in another language.
pub fn without_language_tags(phonemes: &str) -> String {
    let mut left = String::new();
    let mut rest = phonemes;
    while let Some(at) = rest.find('(') {
        let inside = rest[at + 1..].find(')').map(|length| &rest[at + 1..at + 1 + length]);
        match inside.filter(|inside| is_tag(inside)) {
            Some(tag) => {
                left += &rest[..at];
                rest = &rest[at + tag.len() + 2..];
            }
            None => {
                left += &rest[..=at];
                rest = &rest[at + 1..];
            }
        }
    }
    left + rest
}

/// `en`, `en-us`, `cmn-latn-pinyin`.
fn is_tag(text: &str) -> bool {
    let main = text.split('-').next().unwrap_or_default();
    let word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    matches!(main.len(), 2 | 3) && text.split('-').all(word)
}

fn is_stress(c: char) -> bool {
    matches!(c, 'ˈ' | 'ˌ' | '\'' | '-')
}
