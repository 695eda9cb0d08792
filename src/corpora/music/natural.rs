//! The natural order of names: figures in them count as numbers, so that `take 2` comes before `take 10`.

use std::cmp::Ordering;

/// A stretch of a name: what is no figure, then figures.
type Stretch<'a> = (&'a str, &'a str);

/// Compares two names stretch by stretch: first what is no figure, by character, then the number that follows. Of names that differ in
/// leading zeros only, the one that sorts first as text is first.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    while !left.is_empty() || !right.is_empty() {
        let ((letters, figures), rest) = stretch(left);
        let ((others, other_figures), other_rest) = stretch(right);
        let so_far = letters.cmp(others).then_with(|| by_number(figures, other_figures));
        if so_far.is_ne() {
            return so_far;
        }
        (left, right) = (rest, other_rest);
    }
    one.cmp(other)
}

/// The first stretch of a name, and what comes after it.
fn stretch(name: &str) -> (Stretch<'_>, &str) {
    let start = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (letters, rest) = name.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (figures, rest) = rest.split_at(end);
    ((letters, figures), rest)
}

/// Numbers of any length, by value; none at all comes first.
fn by_number(one: &str, other: &str) -> Ordering {
    fn by_value(figures: &str) -> (bool, usize, &str) {
        let value = figures.trim_start_matches('0');
        (!figures.is_empty(), value.len(), value)
    }
    by_value(one).cmp(&by_value(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What natsort 8.4.0 makes of them.
    const SORTED: [&str; 17] = [
        "1.wav",
        "2.wav",
        "10.wav",
        "Op 1.wav",
        "a1.wav",
        "a01b.wav",
        "a1b.wav",
        "a2.wav",
        "a10.wav",
        "a.wav",
        "op 2/minute 10.wav",
        "op 13 b/minute 1.wav",
        "op 13/minute 2.wav",
        "take 9 of 10.wav",
        "take 10 of 2.wav",
        "take 10 of 10.wav",
        "track99999999999999999999998.wav",
    ];

    #[test]
    fn figures_count_as_numbers() {
        for shift in 0..SORTED.len() {
            let mut names = SORTED;
            names.reverse();
            names.rotate_left(shift);
            names.sort_by(|one, other| order(one, other));
            assert_eq!(names, SORTED);
        }
    }

    #[test]
    fn names_that_differ_in_zeros_alone_have_an_order_too() {
        assert_eq!(order("a1", "a01"), Ordering::Greater);
        assert_eq!(order("a01", "a1"), Ordering::Less);
        assert_eq!(order("a0", "a"), Ordering::Greater);
        assert_eq!(order("a", "a"), Ordering::Equal);
    }
}
