//! How many clips the published versions have: which version it is, and whether it is whole.
//!
//! The releases state the number of their recordings only (v0.01: 64,727 with six of noise; v0.02: 105,829 without), not those of the
//! parts. These are the numbers that papers and data set cards give for the official lists, and for the digits those that reports on
//! SC09 give; they add up.

use super::{DIGITS_IN_ORDER, PARTS};
use crate::corpora::prepare::{PublishedCounts, Unit};

/// A version with its clips for training, development and test.
struct Version {
    name: &'static str,
    words: [usize; PARTS.len()],
    digits: [usize; PARTS.len()],
}

const VERSIONS: [Version; 2] = [
    Version { name: "v0.01", words: [51_088, 6_798, 6_835], digits: [18_620, 2_494, 2_552] },
    Version { name: "v0.02", words: [84_843, 9_981, 11_005], digits: [31_158, 3_643, 4_107] },
];

/// The version whose number of clips is the nearest: of its digits, where all `classes` are digits.
pub(super) fn nearest(units: &[Unit], classes: &[String]) -> PublishedCounts {
    let digits = classes.iter().all(|class| DIGITS_IN_ORDER.contains(&class.as_str()));
    let [first, second] = VERSIONS.map(|version| match digits {
        true => (format!("the digits of Speech Commands {}", version.name), version.digits),
        false => (format!("Speech Commands {}", version.name), version.words),
    });
    let distance = |counts: [usize; PARTS.len()]| counts.iter().sum::<usize>().abs_diff(units.len());
    let (corpus, counts) = if distance(second.1) < distance(first.1) { second } else { first };
    PublishedCounts { corpus, utterances: counts.to_vec() }
}
