//! Word and character error rates, with jiwer's counts (3.x and 4.0 agree).
//!
//! The distance is the usual one; what is particular is how the errors are split into substitutions,
//! deletions and insertions where several alignments are equally short. We take the alignment that jiwer
//! takes, so that all counts agree.

use std::collections::HashMap;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use super::space::is_space;

/// How a hypothesis differs from its reference, in words or in characters. Counts of utterances add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EditCounts {
    /// Tokens of the reference that were found.
    pub hits: u64,
    /// Tokens of the reference that were replaced.
    pub substitutions: u64,
    /// Tokens of the reference that are missing.
    pub deletions: u64,
    /// Tokens that the reference does not have.
    pub insertions: u64,
}

impl EditCounts {
    /// Substitutions, deletions and insertions.
    pub fn errors(&self) -> u64 {
        self.substitutions + self.deletions + self.insertions
    }

    /// Tokens of the reference.
    pub fn reference_len(&self) -> u64 {
        self.hits + self.substitutions + self.deletions
    }

    /// Tokens of the hypothesis.
    pub fn hypothesis_len(&self) -> u64 {
        self.hits + self.substitutions + self.insertions
    }

    /// Match error rate: errors per pair of the alignment, never above 1; 0 where there is nothing on either side.
    pub fn match_error_rate(&self) -> f64 {
        self.errors() as f64 / (self.errors() + self.hits).max(1) as f64
    }

    /// Word information lost: 1 less the product of the shares of both sides that were found (Morris et al. 2004); 0 where there is
    /// nothing on either side.
    pub fn information_lost(&self) -> f64 {
        match (self.reference_len(), self.hypothesis_len()) {
            (0, 0) => 0.0,
            (0, _) | (_, 0) => 1.0,
            (reference, hypothesis) => {
                let hits = self.hits as f64;
                1.0 - hits / reference as f64 * (hits / hypothesis as f64)
            }
        }
    }

    /// Errors per token of the reference, 0 for perfect, above 1 where insertions abound.
    ///
    /// Without any reference token the insertions themselves are returned (0 for an empty hypothesis): a lone
    /// empty reference is judged, and does not end an evaluation.
    pub fn rate(&self) -> f64 {
        self.errors() as f64 / self.reference_len().max(1) as f64
    }
}

impl Add for EditCounts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for EditCounts {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.substitutions += other.substitutions;
        self.deletions += other.deletions;
        self.insertions += other.insertions;
    }
}

impl Sum for EditCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// Errors in words: runs of two or more white-space characters count as one space, words are what spaces
/// part.
pub fn word_errors(reference: &str, hypothesis: &str) -> EditCounts {
    let (reference, hypothesis) = (merge_runs(reference), merge_runs(hypothesis));
    let mut ids = HashMap::new();
    let reference = word_ids(&reference, &mut ids);
    let hypothesis = word_ids(&hypothesis, &mut ids);
    align(&reference, &hypothesis)
}

/// Errors in characters, inner spaces included, outer ones not.
pub fn char_errors(reference: &str, hypothesis: &str) -> EditCounts {
    let chars = |text: &str| -> Vec<u32> { text.trim_matches(is_space).chars().map(u32::from).collect() };
    align(&chars(reference), &chars(hypothesis))
}

/// Runs of two or more white-space characters become one space; a single tab stays what it is, inside a word.
pub(super) fn merge_runs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if is_space(c) && chars.next_if(|&next| is_space(next)).is_some() {
            while chars.next_if(|&next| is_space(next)).is_some() {}
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    out
}

/// The words of a text whose runs of white space are merged.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.trim_matches(is_space).split(' ').filter(|word| !word.is_empty())
}

fn word_ids<'a>(text: &'a str, ids: &mut HashMap<&'a str, u32>) -> Vec<u32> {
    words(text)
        .map(|word| {
            let next = ids.len() as u32;
            *ids.entry(word).or_insert(next)
        })
        .collect()
}

/// Errors and insertions of one cell; the other counts follow from the lengths.
#[derive(Clone, Copy)]
struct Cell {
    errors: u32,
    insertions: u32,
}

/// Counts of the alignment that jiwer reports: equal ends are matched first; then, walking back from the
/// ends, a deletion is taken where it is optimal, else an insertion where it beats the diagonal, else the
/// diagonal.
///
/// Two rows of the table suffice, because that choice depends on neighbouring distances only, so that each
/// cell can carry the insertions on its path. Time is the product of the lengths, memory the reference's
/// length.
fn align(reference: &[u32], hypothesis: &[u32]) -> EditCounts {
    let prefix = common_prefix(reference.iter(), hypothesis.iter());
    let (reference, hypothesis) = (&reference[prefix..], &hypothesis[prefix..]);
    let suffix = common_prefix(reference.iter().rev(), hypothesis.iter().rev());
    let reference = &reference[..reference.len() - suffix];
    let hypothesis = &hypothesis[..hypothesis.len() - suffix];
    let end = last_cell(reference, hypothesis);

    let insertions = u64::from(end.insertions);
    let deletions = insertions + reference.len() as u64 - hypothesis.len() as u64;
    let substitutions = u64::from(end.errors) - insertions - deletions;
    EditCounts {
        hits: (prefix + suffix + reference.len()) as u64 - substitutions - deletions,
        substitutions,
        deletions,
        insertions,
    }
}

fn common_prefix<'a>(a: impl Iterator<Item = &'a u32>, b: impl Iterator<Item = &'a u32>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

/// Row `j` is the hypothesis up to `j`, column `i` the reference up to `i`.
fn last_cell(reference: &[u32], hypothesis: &[u32]) -> Cell {
    let mut above: Vec<Cell> =
        (0..=reference.len() as u32).map(|errors| Cell { errors, insertions: 0 }).collect();
    let mut row = above.clone();
    for (inserted, said) in (1..).zip(hypothesis) {
        row[0] = Cell { errors: inserted, insertions: inserted };
        for (i, meant) in reference.iter().enumerate() {
            row[i + 1] = next_cell(above[i], above[i + 1], row[i], said == meant);
        }
        std::mem::swap(&mut above, &mut row);
    }
    above[reference.len()]
}

fn next_cell(diagonal: Cell, above: Cell, left: Cell, equal: bool) -> Cell {
    let matched = diagonal.errors + u32::from(!equal);
    let errors = matched.min(above.errors + 1).min(left.errors + 1);
    let insertions = if errors == left.errors + 1 {
        left.insertions
    } else if above.errors < diagonal.errors {
        above.insertions + 1
    } else {
        diagonal.insertions
    };
    Cell { errors, insertions }
}
