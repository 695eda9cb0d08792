//! What was probably meant: the nearest name by spelling.

use strsim::{damerau_levenshtein, jaro_winkler};

/// The candidate spelt most like `word`, if any is near enough to be what was meant.
///
/// Near enough: at most one letter in three differs (inserted, left out, replaced or swapped with its neighbour).
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    ranked(word, candidates).map(|(_, candidate)| candidate)
}

/// As [`nearest`], with the number of letters that differ.
pub fn ranked<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let likeness = |candidate: &str| jaro_winkler(word, candidate);
    let length = word.chars().count();
    // So many letters more or fewer are that many differences at least: nothing that long needs to be compared.
    let may_be_near = |candidate: &&str| {
        let other = candidate.chars().count();
        length.abs_diff(other) * 3 <= length.max(other)
    };
    candidates
        .into_iter()
        .filter(may_be_near)
        .map(|candidate| (damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(word.chars().count()))
        .min_by(|(near, a), (far, b)| near.cmp(far).then(likeness(b).total_cmp(&likeness(a))))
}

/// `a`, `b` and `c`, each in backticks.
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
