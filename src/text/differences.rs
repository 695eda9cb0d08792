//! Where two transcripts differ, word by word: for showing, with the alignment by which `edit` counts.

use super::edit::{merge_runs, words};

/// A step of the alignment of a reference with a hypothesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The word is in both.
    Same(String),
    /// A word of the reference, and what stands in its place.
    Substituted { reference: String, hypothesis: String },
    /// A word of the reference that is missing.
    Deleted(String),
    /// A word that the reference does not have.
    Inserted(String),
}

/// Pairs of words beyond which no alignment is made: 16 MB of distances.
const MOST_PAIRS: usize = 4_000_000;

/// How `hypothesis` comes of `reference`, in order. Their errors are those of [`super::word_errors`], kind by kind.
///
/// `None` where both are so long that their alignment would take more memory than a look at it is worth.
pub fn word_differences(reference: &str, hypothesis: &str) -> Option<Vec<Difference>> {
    let (reference, hypothesis) = (merge_runs(reference), merge_runs(hypothesis));
    let (reference, hypothesis): (Vec<&str>, Vec<&str>) =
        (words(&reference).collect(), words(&hypothesis).collect());
    if reference.len().saturating_mul(hypothesis.len()) > MOST_PAIRS {
        return None;
    }
    let prefix = reference.iter().zip(&hypothesis).take_while(|(a, b)| a == b).count();
    let (middle_reference, middle_hypothesis) = (&reference[prefix..], &hypothesis[prefix..]);
    let suffix =
        middle_reference.iter().rev().zip(middle_hypothesis.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle_reference = &middle_reference[..middle_reference.len() - suffix];
    let middle_hypothesis = &middle_hypothesis[..middle_hypothesis.len() - suffix];
    let same = |word: &&str| Difference::Same((*word).to_owned());
    let mut found: Vec<Difference> = reference[..prefix].iter().map(same).collect();
    found.extend(walked(middle_reference, middle_hypothesis));
    found.extend(reference[reference.len() - suffix..].iter().map(same));
    Some(found)
}

/// Back from the ends: a deletion where it is optimal, else an insertion where it beats the diagonal, else the diagonal.
fn walked(reference: &[&str], hypothesis: &[&str]) -> Vec<Difference> {
    let distances = distances(reference, hypothesis);
    let width = reference.len() + 1;
    let at = |j: usize, i: usize| distances[j * width + i];
    let (mut j, mut i) = (hypothesis.len(), reference.len());
    let mut found = Vec::with_capacity(i.max(j));
    while i > 0 || j > 0 {
        if i > 0 && at(j, i) == at(j, i - 1) + 1 {
            i -= 1;
            found.push(Difference::Deleted(reference[i].to_owned()));
        } else if i == 0 || (j > 0 && at(j - 1, i) < at(j - 1, i - 1)) {
            j -= 1;
            found.push(Difference::Inserted(hypothesis[j].to_owned()));
        } else {
            (i, j) = (i - 1, j - 1);
            let (meant, said) = (reference[i].to_owned(), hypothesis[j].to_owned());
            found.push(match meant == said {
                true => Difference::Same(meant),
                false => Difference::Substituted { reference: meant, hypothesis: said },
            });
        }
    }
    found.reverse();
    found
}

/// [hypothesis + 1, reference + 1]: errors of every beginning of one against every beginning of the other.
fn distances(reference: &[&str], hypothesis: &[&str]) -> Vec<u32> {
    let width = reference.len() + 1;
    let mut distances: Vec<u32> = (0..=reference.len() as u32).collect();
    for (j, said) in hypothesis.iter().enumerate() {
        distances.push(j as u32 + 1);
        for (i, meant) in reference.iter().enumerate() {
            let (diagonal, above) = (distances[j * width + i], distances[j * width + i + 1]);
            let left = distances[(j + 1) * width + i];
            distances.push((diagonal + u32::from(said != meant)).min(above + 1).min(left + 1));
        }
    }
    distances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{EditCounts, word_errors};

    fn counted(found: &[Difference]) -> EditCounts {
        let mut counts = EditCounts::default();
        for difference in found {
            match difference {
                Difference::Same(_) => counts.hits += 1,
                Difference::Substituted { .. } => counts.substitutions += 1,
                Difference::Deleted(_) => counts.deletions += 1,
                Difference::Inserted(_) => counts.insertions += 1,
            }
        }
        counts
    }

    #[test]
    fn each_kind_of_difference_is_told() {
        let found = word_differences("one two  three four", "one too three nine four").unwrap();
        let word = |word: &str| word.to_owned();
        let want = [
            Difference::Same(word("one")),
            Difference::Substituted { reference: word("two"), hypothesis: word("too") },
            Difference::Same(word("three")),
            Difference::Inserted(word("nine")),
            Difference::Same(word("four")),
        ];
        assert_eq!(found, want);
        assert_eq!(
            word_differences("a b", ""),
            Some(vec![Difference::Deleted("a".into()), Difference::Deleted("b".into())])
        );
        assert_eq!(word_differences("", ""), Some(Vec::new()));
        let long = "a ".repeat(3_000);
        assert_eq!(word_differences(&long, &long), None);
    }

    /// Every pair of short texts over two words and three kinds of white space.
    #[test]
    fn errors_are_those_that_are_counted() {
        let parts = ["a", "b", "a b", "a\tb", "b\t\ta", "a  b\n", "", " b a a", "b b a b", "a b a b b a"];
        for reference in parts {
            for hypothesis in parts {
                for (reference, hypothesis) in [
                    (reference.to_owned(), hypothesis.to_owned()),
                    (format!("{reference} {hypothesis}"), format!("{hypothesis} a {reference}")),
                ] {
                    let found = word_differences(&reference, &hypothesis).unwrap();
                    assert_eq!(
                        counted(&found),
                        word_errors(&reference, &hypothesis),
                        "{reference:?} {hypothesis:?}"
                    );
                }
            }
        }
    }
}
